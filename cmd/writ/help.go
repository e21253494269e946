package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/schema"
)

// helpFor is "writ help [COMMAND...]".
func (a *app) helpFor(words []string) error {
	if len(words) == 0 {
		a.printRootHelp(a.out)
		return nil
	}
	table, path := a.table, []string{programName}
	for i, word := range words {
		c, ok := findCommand(table, word)
		if !ok {
			return unknownCommand(path, word, table)
		}
		path = append(path, word)
		if i == len(words)-1 {
			a.printHelp(a.out, c, path)
		}
		table = c.sub
	}
	return nil
}

func findCommand(table []command, name string) (command, bool) {
	for _, c := range table {
		if c.name == name {
			return c, true
		}
	}
	return command{}, false
}

func (a *app) printRootHelp(w io.Writer) {
	var text strings.Builder
	text.WriteString("writ keeps who may get which token in HCL files in git.\n\n")
	text.WriteString("Usage: writ COMMAND [flags]\n\nCommands:\n")
	writeCommands(&text, a.table)
	text.WriteString("\nFlags of every command:\n")
	flagLines(&text, a.globalFlags())
	text.WriteString("\nStart here:\n\n  $ writ init demo\n  $ writ dev demo\n")
	text.WriteString("\nRun \"writ COMMAND --help\" for more about a command.\n")
	io.WriteString(w, text.String())
}

// printHelp prints the help of one command; path is the command with the words before it.
func (a *app) printHelp(w io.Writer, c command, path []string) {
	var text strings.Builder
	fmt.Fprintf(&text, "%s.\n\nUsage: %s\n", schema.UpperFirst(c.summary), usageLine(c, path))
	if c.about != "" {
		fmt.Fprintf(&text, "\n%s\n", strings.TrimSpace(c.about))
	}
	if len(c.sub) > 0 {
		text.WriteString("\nCommands:\n")
		writeCommands(&text, c.sub)
	}
	if c.example != "" {
		text.WriteString("\nExample:\n\n")
		for line := range strings.Lines(strings.TrimSpace(c.example)) {
			text.WriteString("  " + line)
		}
		text.WriteString("\n")
	}
	for _, group := range a.flagGroups(c) {
		fmt.Fprintf(&text, "\n%s:\n", group.title)
		flagLines(&text, group.flags)
	}
	io.WriteString(w, text.String())
}

type flagGroup struct {
	title string
	flags []cli.Flag
}

// flagGroups are a command's flags as the help and the man page list them.
func (a *app) flagGroups(c command) []flagGroup {
	var groups []flagGroup
	if len(c.flags) > 0 {
		groups = append(groups, flagGroup{"Flags", c.flags})
	}
	if c.config != nil {
		groups = append(groups, flagGroup{"Configuration", c.config.flags()})
	}
	return append(groups, flagGroup{"Flags of every command", a.globalFlags()})
}

func usageLine(c command, path []string) string {
	line := strings.Join(path, " ")
	if len(c.sub) > 0 {
		return line + " COMMAND [flags]"
	}
	if c.args != "" {
		line += " " + c.args
	}
	return line + " [flags]"
}

func writeCommands(text *strings.Builder, table []command) {
	longest := 0
	for _, c := range table {
		longest = max(longest, len(c.name))
	}
	for _, c := range table {
		fmt.Fprintf(text, "  %-*s  %s\n", longest, c.name, c.summary)
	}
}

func flagLines(text *strings.Builder, flags []cli.Flag) {
	longest := 0
	for _, f := range flags {
		longest = max(longest, len(flagSyntax(f)))
	}
	for _, f := range flags {
		_, usage := flagUsage(f)
		fmt.Fprintf(text, "  %-*s  %s\n", longest, flagSyntax(f), usage)
	}
}

// flagSyntax is how a flag is written: "-C, --chdir DIR".
func flagSyntax(f cli.Flag) string {
	names := f.Names()
	syntax := dashed(names[0])
	for _, alias := range names[1:] {
		syntax = dashed(alias) + ", " + syntax
	}
	if placeholder, _ := flagUsage(f); placeholder != "" {
		syntax += " " + placeholder
	}
	return syntax
}

// flagUsage takes the placeholder, which stands in back quotes, out of a flag's usage text.
func flagUsage(f cli.Flag) (placeholder, usage string) {
	documented, ok := f.(cli.DocGenerationFlag)
	if !ok {
		return "", ""
	}
	usage = documented.GetUsage()
	before, rest, found := strings.Cut(usage, "`")
	if !found {
		return "", usage
	}
	placeholder, after, _ := strings.Cut(rest, "`")
	if strings.HasSuffix(before, ": ") { // "set a variable: `NAME=VALUE`": the placeholder says it all
		return placeholder, strings.TrimSuffix(before, ": ") + after
	}
	return placeholder, before + placeholder + after
}
