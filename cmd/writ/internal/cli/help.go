package cli

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// explain prints the help of a command, named by the words that lead to it; of the
// program for none. Help that was asked for goes to standard output, to be paged or searched.
func (l *commandLine) explain(w io.Writer, words []string) error {
	c, path := Command{Sub: l.table}, []string{ProgramName}
	for _, word := range words {
		sub, found := find(c.Sub, word)
		if !found {
			return unknownCommand(path, word, c.Sub)
		}
		c, path = sub, append(path, word)
	}
	text := l.helpOf(&c, path)
	if len(words) == 0 {
		text = l.rootHelp()
	}
	_, err := io.WriteString(NewWrapper(w, Width(w)), text)
	return err
}

// rootHelp is the help of the program: its commands by group, in the order of the table.
func (l *commandLine) rootHelp() string {
	var text strings.Builder
	text.WriteString("writ keeps who may get which token in HCL files in git.\n\n")
	text.WriteString("Usage: writ COMMAND [flags]\n")
	longest := longestName(l.table)
	for _, group := range groups {
		var members []Command
		for _, c := range l.table {
			if c.Group == group {
				members = append(members, c)
			}
		}
		if len(members) > 0 {
			fmt.Fprintf(&text, "\n%s:\n", cmp.Or(string(group), "More"))
			writeCommands(&text, members, longest)
		}
	}
	text.WriteString("\nFlags of every command:\n")
	flagLines(&text, l.globalFlags())
	text.WriteString("\nStart here:\n\n  $ writ init demo\n  $ writ dev demo\n")
	text.WriteString("\nRun \"writ COMMAND --help\" for more about a command.\n")
	return text.String()
}

// helpOf is the help of one command; path is the command with the words before it. An
// example comes before the flags: most readers are looking for a line to copy.
func (l *commandLine) helpOf(c *Command, path []string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s.\n\nUsage: %s\n", schema.UpperFirst(c.Summary), usageLine(c, path))
	if c.About != "" {
		fmt.Fprintf(&text, "\n%s\n", strings.TrimSpace(c.About))
	}
	if len(c.Sub) > 0 {
		text.WriteString("\nCommands:\n")
		writeCommands(&text, c.Sub, longestName(c.Sub))
	}
	if c.Example != "" {
		text.WriteString("\nExample:\n\n")
		for line := range strings.Lines(strings.TrimSpace(c.Example)) {
			text.WriteString("  " + line)
		}
		text.WriteString("\n")
	}
	for _, group := range []struct {
		title string
		flags []Flag
	}{{"Flags", l.ownFlags(c)}, {"Configuration", c.configFlags()}, {"Flags of every command", l.globalFlags()}} {
		if len(group.flags) > 0 {
			fmt.Fprintf(&text, "\n%s:\n", group.title)
			flagLines(&text, group.flags)
		}
	}
	return text.String()
}

// usageLine is how the command is called: "writ show [PLAN] [flags]".
func usageLine(c *Command, path []string) string {
	line := strings.Join(path, " ")
	if len(c.Sub) > 0 {
		return line + " COMMAND [flags]"
	}
	if c.Args != "" {
		line += " " + c.Args
	}
	return line + " [flags]"
}

// longestName is the width of a table of commands.
func longestName(table []Command) (longest int) {
	for _, c := range table {
		longest = max(longest, len(c.Name))
	}
	return longest
}

// writeCommands writes a table of names, padded to the longest, and summaries.
func writeCommands(text *strings.Builder, table []Command, longest int) {
	for _, c := range table {
		fmt.Fprintf(text, "  %-*s  %s\n", longest, c.Name, c.Summary)
	}
}

// flagLines writes a table of flags and what they do. NewWrapper breaks what is too long
// under its column.
func flagLines(text *strings.Builder, flags []Flag) {
	longest := 0
	for i := range flags {
		longest = max(longest, len(flags[i].syntax()))
	}
	for i := range flags {
		_, usage := flags[i].usage()
		fmt.Fprintf(text, "  %-*s  %s\n", longest, flags[i].syntax(), usage)
	}
}
