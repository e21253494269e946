package main

import (
	"context"
	"io"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// schemaCommand is "writ schema". docs/codes.md is what it prints with --codes. It reads no
// files.
func schemaCommand() cli.Command {
	format, codes := "markdown", false
	return cli.Command{
		Name: "schema", Group: cli.GroupAsk,
		Summary: "print the language reference",
		About:   "The reference is made from the table that decodes the language, so it is never behind it.\nWith --codes it is the catalogue of diagnostics: what each code means, an example and the way out.",
		Example: "$ writ schema | less\n$ writ schema --format json | jq -r '.blocks[].type'\n$ writ schema --codes --json | jq -r '.codes[].code'",
		Flags: []cli.Flag{
			{Name: "format", Usage: "print as `json|markdown`, markdown by default", Value: &format},
			{Name: "codes", Usage: "print the catalogue of diagnostic codes instead", Value: &codes},
		},
		Run: func(_ context.Context, env *cli.Env, _ []string) error { return runSchema(env, format, codes) },
	}
}

// limits are the limits that every command holds a configuration to, for the reference.
func limits() []schema.Limit {
	var out []schema.Limit
	for l := range source.DefaultLimits().All() {
		out = append(out, schema.Limit{Most: l.Most, What: l.What, Doc: l.Doc})
	}
	return out
}

// runSchema prints the reference of the language, or with --codes the catalogue of diagnostics.
func runSchema(env *cli.Env, format string, codes bool) error {
	if env.JSON {
		format = "json"
	}
	if codes {
		return printCodes(env, format)
	}
	switch format {
	case "markdown":
		_, err := io.WriteString(env.Out, schema.Markdown(config.SelfReference(), eval.Reference(), limits()))
		return err
	case "json":
		reference, err := schema.JSON(config.SelfReference(), eval.Reference(), limits())
		if err != nil {
			return err
		}
		_, err = env.Out.Write(append(reference, '\n'))
		return err
	}
	return unknownFormat(format)
}

// printCodes prints the catalogue of diagnostics, all codes in one document.
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

// unknownFormat is the usage error about a --format that schema does not have.
func unknownFormat(format string) error {
	return diag.Usagef("unknown format %q: json or markdown", format)
}
