package main

import (
	"io"
	"regexp"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// codeForm is what codes look like. No token does: its parts are joined by dots.
var codeForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// explainCode prints the page of a diagnostic code.
func explainCode(env *cli.Env, name string) error {
	c, found := diag.LookUp(name)
	if !found {
		return noSuchCode(name)
	}
	if env.JSON {
		return env.PrintJSON(c)
	}
	return c.WriteText(env.Out, cli.Width(env.Out))
}

func noSuchCode(name string) error {
	hint := "\"writ schema --codes\" lists them all."
	var names []string
	for _, c := range diag.Codes() {
		names = append(names, c.Name)
	}
	if near := schema.Suggest(name, names); near != "" {
		hint = "Did you mean \"" + near + "\"?"
	}
	return diag.Failf("unknown-code", hint, "there is no diagnostic code %q", name)
}

// codes prints the catalogue.
func printCodes(env *cli.Env, format string) error {
	switch format {
	case "markdown":
		_, err := io.WriteString(env.Out, diag.CodesMarkdown())
		return err
	case "json":
		return env.PrintJSON(map[string]any{"format_version": "1", "codes": diag.Codes()})
	}
	return unknownFormat(format)
}
