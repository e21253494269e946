package main

import (
	"context"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/config/eval"
	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

func (a *app) schemaCommand() command {
	format := new(string)
	return command{
		name:    "schema",
		summary: "print the language reference",
		about:   "The reference is made from the table that decodes the language, so it is never behind it.",
		example: "$ writ schema | less\n$ writ schema --format json | jq -r '.blocks[].type'",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "markdown", Usage: "print as `json|markdown`, markdown by default", Destination: format},
		},
		run: func(context.Context, []string) error { return a.schema(*format) },
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

func (a *app) schema(format string) error {
	if a.json {
		format = "json"
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
	return usagef("unknown format %q: json or markdown", format)
}
