package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// VersionCommand prints the version.
func VersionCommand() Command {
	return Command{
		Name:    "version",
		Summary: "print the version",
		Example: "$ writ version --json\n{\"version\":\"v1.0.0\",\"revision\":\"4f1c...\",...}",
		Run:     func(_ context.Context, env *Env, _ []string) error { return showVersion(env) },
	}
}

// A Build is what the program knows about itself.
type Build struct {
	Version  string `json:"version"` // "v1.2.3", or "devel" when built from a checkout without a tag
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a checkout with changes
	Time     string `json:"time,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// ReadBuild asks the Go linker's record, so that no release step can forget to set it.
func ReadBuild() Build {
	b := Build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
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

func showVersion(env *Env) error {
	b := ReadBuild()
	if env.JSON {
		return env.PrintJSON(b)
	}
	fmt.Fprintf(env.Out, "writ %s\n", b.Version)
	if b.Revision != "" {
		fmt.Fprintf(env.Out, "revision %s, %s\n", b.Revision, b.Time)
	}
	fmt.Fprintf(env.Out, "%s, %s\n", b.Go, b.Platform)
	return nil
}
