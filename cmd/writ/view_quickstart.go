package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// A targetJSON is a language or gateway for machines. Supported and Reason are about one
// API, and absent beside code, which exists only where it is supported.
type targetJSON struct {
	Name      string   `json:"name"`
	Aliases   []string `json:"aliases"`
	Title     string   `json:"title"`
	Group     string   `json:"group"`
	Library   string   `json:"library"`
	Version   string   `json:"version"`
	Tested    string   `json:"tested,omitempty"` // the version that the test uses, if that is another
	Profiles  []string `json:"profiles"`
	Algs      []string `json:"algorithms"`
	Executed  bool     `json:"executed"`       // a test runs the code
	Test      string   `json:"test,omitempty"` // its name
	Supported *bool    `json:"supported,omitempty"`
	Reason    string   `json:"reason,omitempty"` // why not
}

// targetOf is a target for machines; lists are never null.
func targetOf(t quickstart.Target) targetJSON {
	out := targetJSON{
		Name: t.Name, Aliases: append([]string{}, t.Aliases...), Title: t.Title, Group: t.Group, Library: t.Library, Version: t.Version, Tested: t.Tested,
		Executed: !t.NotExecuted, Test: t.Test,
	}
	for _, profile := range t.Profiles {
		out.Profiles = append(out.Profiles, string(profile))
	}
	for _, alg := range t.Algs {
		out.Algs = append(out.Algs, string(alg))
	}
	return out
}

// showTargets lists what code there is, by group, and why a target cannot check this API's
// tokens. Targets that cannot are listed too: somebody who looks for one has to find out
// why it is not offered.
func showTargets(env *cli.Env, api quickstart.API) error {
	targets := quickstart.Targets()
	if env.JSON {
		// Every target is in the list; supported says of each whether it can check these
		// tokens.
		list := make([]targetJSON, len(targets))
		for i, t := range targets {
			list[i] = targetOf(t)
			reason := t.Supports(api)
			fits := reason == nil
			list[i].Supported = &fits
			if !fits {
				list[i].Reason = reason.Error()
			}
		}
		return env.PrintJSON(map[string]any{"format_version": "1", "api": api.Label, "targets": list})
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Code that checks tokens for api.%s: %s, profile %s.\n", api.Label, api.Alg, api.Profile)
	group := ""
	for _, t := range targets {
		if t.Group != group {
			group = t.Group
			fmt.Fprintf(&text, "\n%s\n", group)
		}
		fmt.Fprintf(&text, "  %-18s %s %s", t.Name, t.Library, t.Version)
		if t.NotExecuted {
			text.WriteString(", not executed by a test")
		}
		text.WriteString("\n")
		if reason := t.Supports(api); reason != nil {
			fmt.Fprintf(&text, "  %-18s not for this API: %v\n", "", reason)
		}
	}
	fmt.Fprintf(&text, "\nPrint one:\n\n  writ quickstart %s --lang %s\n", schema.ShellQuote(api.Label), targets[0].Name)
	_, err := io.WriteString(env.Out, text.String())
	return err
}

// A quickstartJSON is code for machines.
type quickstartJSON struct {
	FormatVersion string     `json:"format_version"`
	Target        targetJSON `json:"target"`
	Directory     string     `json:"directory,omitempty"` // where the files were written
	Steps         stepsJSON  `json:"steps"`
	Files         []fileJSON `json:"files"`
}

// A stepsJSON is the commands before the files are in place, with them, and then. Lists are
// never null.
type stepsJSON struct {
	Install []string `json:"install"`
	Run     []string `json:"run"`
	Call    []string `json:"call"`
}

// A fileJSON is one file of the code, whole.
type fileJSON struct {
	Name     string `json:"name"`
	Language string `json:"language"`
	Content  string `json:"content"`
}

// quickstartOf is code for machines; dir is where the files were written, "" for nowhere.
func quickstartOf(t quickstart.Target, steps quickstart.Steps, files []quickstart.File, dir string) quickstartJSON {
	out := quickstartJSON{FormatVersion: "1", Target: targetOf(t), Directory: dir}
	out.Steps = stepsJSON{append([]string{}, steps.Install...), append([]string{}, steps.Run...), append([]string{}, steps.Call...)} // never null
	for _, f := range files {
		out.Files = append(out.Files, fileJSON(f))
	}
	return out
}

// showQuickstart prints the code to standard output, of several files each below a comment
// with its name, and how to go on to standard error, so that the code can be redirected
// into a file.
func showQuickstart(env *cli.Env, t quickstart.Target, steps quickstart.Steps, files []quickstart.File) error {
	if env.JSON {
		return env.PrintJSON(quickstartOf(t, steps, files, ""))
	}
	var text strings.Builder
	for i, f := range files {
		if i > 0 {
			text.WriteString("\n")
		}
		if len(files) > 1 {
			text.WriteString(comment(f.Language, "file: "+f.Name) + "\n")
		}
		text.WriteString(f.Content)
	}
	if _, err := io.WriteString(env.Out, text.String()); err != nil {
		return err
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.Name
	}
	_, err := fmt.Fprintf(env.Err, "\nSave it as %s, or let --out FOLDER write that. The first lines say how to run it.\n", strings.Join(names, ", "))
	return err
}

// showCaller prints the code of a client, and on standard error how to run it.
func showCaller(env *cli.Env, s quickstart.Snippet) error {
	if env.JSON {
		return env.PrintJSON(map[string]any{
			"format_version": "1", "name": s.Name, "executed": !s.NotExecuted, "install": s.Install, "run": s.Run,
			"files": []fileJSON{{s.File, s.Language, withNewline(s.Code)}},
		})
	}
	if _, err := io.WriteString(env.Out, withNewline(s.Code)); err != nil {
		return err
	}
	install := ""
	if s.Install != "" {
		install = "  " + s.Install + "\n"
	}
	_, err := fmt.Fprintf(env.Err, "\nSave it as %s in a folder of its own, and the secret in CLIENT_SECRET. Then:\n\n%s  %s\n", s.File, install, s.Run)
	return err
}

// comment is a line that the language skips. JSON has no comments; readers of JSON with
// comments take those of JavaScript.
func comment(language, text string) string {
	switch language {
	case "go", "javascript", "java", "csharp", "php", "json":
		return "// " + text
	case "xml":
		return "<!-- " + text + " -->"
	}
	return "# " + text
}

// showWritten prints which files were written and the commands that run them.
func showWritten(env *cli.Env, t quickstart.Target, steps quickstart.Steps, files []quickstart.File, dir string, written []string) error {
	if env.JSON {
		return env.PrintJSON(quickstartOf(t, steps, files, dir))
	}
	commands := strings.Join(slices.Concat(steps.Install, steps.Run), "\n  ")
	_, err := fmt.Fprintf(env.Out, "Wrote %s in %s. Run there:\n\n  %s\n", strings.Join(written, ", "), dir, commands)
	return err
}
