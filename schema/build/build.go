// Package build says what a running program was built from.
//
// It owns the reading of the Go linker's record, so that no release step can forget to
// set a version and all that tell one, --version, /status, metrics and traces, tell the
// same. It refuses to know which program it is in.
package build

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// An Info is what the program knows about itself.
type Info struct {
	Version  string `json:"version"` // "v1.2.3", or "devel" when built from a checkout without a tag
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built from a checkout with changes
	Time     string `json:"time,omitempty"`     // of the revision
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// A Module is a module that is linked into the program.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
}

// Read returns what the linker has recorded.
func Read() Info {
	b := Info{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
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

// Modules lists the modules that are linked in beside the program's own, with what
// replaces one in its place.
func Modules() (modules []Module) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, dep := range info.Deps {
		dep = cmp.Or(dep.Replace, dep)
		modules = append(modules, Module{Path: dep.Path, Version: dep.Version})
	}
	return modules
}
