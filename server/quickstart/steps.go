package quickstart

import (
	"fmt"
	"slices"
	"strings"
)

// Steps are the commands around the files of a target: what to install, what runs the files
// once they are in place, and what then asks the resource server, with a token in the
// environment variable TOKEN.
type Steps struct{ Install, Run, Call []string }

// Steps returns the commands for an API. The error is that of Supports.
func (t Target) Steps(api API) (Steps, error) {
	p, err := t.page(api)
	if err != nil {
		return Steps{}, err
	}
	var commands []string
	for _, command := range t.run {
		text, err := fill("run", command, p)
		if err != nil {
			return Steps{}, fmt.Errorf("target %s: %w", t.Name, err)
		}
		commands = append(commands, text)
	}
	at := slices.IndexFunc(commands, t.needsFiles)
	if at < 0 {
		at = len(commands) - 1 // the last one runs what the others have installed
	}
	return Steps{commands[:at], commands[at:], p.try()}, nil
}

// needsFiles reports whether a command reads the files, by name or by what they import, or
// sets what they read. It and all after it come once they are in place.
func (t Target) needsFiles(command string) bool {
	return strings.HasPrefix(command, "go mod tidy") || strings.HasPrefix(command, "export ") ||
		slices.ContainsFunc(t.files, func(f source) bool { return slices.Contains(strings.Fields(command), f.name) })
}
