package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

func (a *app) versionCommand() command {
	return command{
		name:    "version",
		summary: "print the version",
		example: "$ writ version --json\n{\"version\":\"v1.0.0\",\"revision\":\"4f1c...\",...}",
		run:     func(context.Context, []string) error { return a.showVersion() },
	}
}

// A build is what the program knows about itself.
type build struct {
	Version  string `json:"version"` // "v1.2.3", or "devel" when built from a checkout without a tag
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a checkout with changes
	Time     string `json:"time,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// readBuild asks the Go linker's record, so that no release step can forget to set it.
func readBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (a *app) showVersion() error {
	b := readBuild()
	if a.json {
		return a.printJSON(b)
	}
	fmt.Fprintf(a.out, "writ %s\n", b.Version)
	if b.Revision != "" {
		fmt.Fprintf(a.out, "revision %s, %s\n", b.Revision, b.Time)
	}
	fmt.Fprintf(a.out, "%s, %s\n", b.Go, b.Platform)
	return nil
}

// printJSON prints a result for machines.
func (a *app) printJSON(v any) error { return writeJSON(a.out, v) }

// writeJSON writes one value on a line of its own.
func writeJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}
