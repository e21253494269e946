package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

func (a *app) schemaCommand() command {
	format, codes := new(string), new(bool)
	return command{
		name:    "schema",
		summary: "print the language reference",
		about:   "The reference is made from the table that decodes the language, so it is never behind it.\nWith --codes it is the catalogue of diagnostics: what each code means, an example and the way out.",
		example: "$ writ schema | less\n$ writ schema --format json | jq -r '.blocks[].type'\n$ writ schema --codes --json | jq -r '.codes[].code'",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "markdown", Usage: "print as `json|markdown`, markdown by default", Destination: format},
			&cli.BoolFlag{Name: "codes", Usage: "print the catalogue of diagnostic codes instead", Destination: codes},
		},
		run: func(context.Context, []string) error { return a.schema(*format, *codes) },
	}
}

// limits are those that every command holds a configuration to.
func limits() []schema.Limit {
	var out []schema.Limit
	for l := range source.DefaultLimits().All() {
		out = append(out, schema.Limit{Most: l.Most, What: l.What, Doc: l.Doc})
	}
	return out
}

func (a *app) schema(format string, codes bool) error {
	if a.json {
		format = "json"
	}
	if codes {
		return a.codes(format)
	}
	switch format {
	case "markdown":
		_, err := io.WriteString(a.out, schema.Markdown(eval.Reference(), limits()))
		return err
	case "json":
		reference, err := schema.JSON(eval.Reference(), limits())
		if err != nil {
			return err
		}
		_, err = a.out.Write(append(reference, '\n'))
		return err
	}
	return unknownFormat(format)
}

func unknownFormat(format string) error {
	return diag.Usagef("unknown format %q: json or markdown", format)
}
