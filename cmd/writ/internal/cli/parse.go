package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// A commandLine is a command line that is being taken apart. Values of flags go to where the
// table points, as soon as they are read; which of the flags were given is not kept.
type commandLine struct {
	env           *Env
	table         []Command
	help, version bool

	command Command  // the one named so far; at first only its Sub, the table, is set
	path    []string // the program and the commands named so far
	args    []string
	asks    bool // "writ help": the arguments are a command to explain
}

// globalFlags are the flags of every command. They may stand before or after its name.
func (l *commandLine) globalFlags() []Flag {
	return []Flag{
		{Name: "chdir", Alias: "C", Usage: "run as if started in `DIR`", Value: &l.env.Chdir},
		{Name: "json", Usage: "print JSON for machines, diagnostics included", Value: &l.env.JSON},
		{Name: "help", Alias: "h", Usage: "explain the command", Value: &l.help},
	}
}

// ownFlags are those of the command itself.
func (l *commandLine) ownFlags(c *Command) []Flag {
	if !c.Formats {
		return c.Flags
	}
	return append(slices.Clip(c.Flags), l.formatFlag())
}

// flags are those that may stand here. Of two with one name the first is taken, so a
// command may have a flag of its own by the name of a global one. They are listed anew at
// each word: the command may have become another one.
func (l *commandLine) flags() []Flag {
	flags := slices.Concat(l.ownFlags(&l.command), l.command.configFlags(), l.globalFlags())
	if len(l.path) == 1 {
		flags = append(flags, Flag{Name: "version", Value: &l.version})
	}
	return flags
}

// parse takes the words apart: commands, flags wherever they stand, with one dash
// or two, and arguments. After "--" everything is an argument.
func (l *commandLine) parse(words []string) error {
	l.command, l.path = Command{Sub: l.table}, []string{ProgramName}
	for i, onlyArgs := 0, false; i < len(words); i++ {
		word := words[i]
		switch {
		case onlyArgs || len(word) < 2 || word[0] != '-':
			if err := l.word(word); err != nil {
				return err
			}
		case word == "--":
			onlyArgs = true
		default:
			used, err := l.flag(word, words[i+1:])
			if err != nil {
				return err
			}
			i += used
		}
	}
	return nil
}

// word takes the name of a command or an argument. Names come first: "writ secret new" goes
// from the table to the commands of secret, and what follows the last is an argument.
func (l *commandLine) word(word string) error {
	if len(l.command.Sub) == 0 || l.asks {
		l.args = append(l.args, word)
		return nil
	}
	sub, found := find(l.command.Sub, word)
	switch {
	case found:
		l.command, l.path = sub, append(l.path, word)
	case word == "help" && len(l.path) == 1:
		l.asks = true
	default:
		return unknownCommand(l.path, word, l.command.Sub)
	}
	return nil
}

// flag takes a flag and says how many of the words after it are its value: 0 or 1. A word
// that begins with a hyphen may be a value, as in --var X=-1 or --output -.
func (l *commandLine) flag(word string, rest []string) (used int, err error) {
	// One dash or two: Terraform's users type one, GNU's two.
	name, value, hasValue := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
	flags := l.flags()
	for i := range flags {
		f := &flags[i]
		if !f.is(name) {
			continue
		}
		if !hasValue && f.takesValue() {
			if len(rest) == 0 {
				return 0, l.hint(diag.Usagef("flag %s needs a value", dashed(name)))
			}
			value, used = rest[0], 1
		}
		// --client "$CLIENT" of a variable that nobody has set must not mean every client.
		if value == "" && f.takesValue() {
			return 0, l.hint(diag.Usagef("flag %s has an empty value: leave it out, or look whether a variable of the shell is not set", dashed(name)))
		}
		switch to := f.Value.(type) {
		case *bool:
			if *to = true; hasValue {
				if *to, err = strconv.ParseBool(value); err != nil {
					return 0, l.hint(diag.Usagef("invalid value %q for flag %s: true or false", value, dashed(name)))
				}
			}
		case *string:
			*to = value
		case *[]string:
			*to = append(*to, value)
		default:
			panic(fmt.Sprintf("flag %s has a value of type %T", f.Name, f.Value))
		}
		return used, nil
	}
	return 0, l.unknownFlag(name, flags)
}

// run runs the command, or shows the help that is asked for.
func (l *commandLine) run(ctx context.Context) error {
	c, root := &l.command, len(l.path) == 1
	switch {
	case l.asks:
		return l.explain(l.env.Out, l.args)
	case root && l.version:
		return showVersion(l.env)
	case l.help:
		return l.explain(l.env.Out, l.path[1:])
	case c.Run == nil:
		if err := l.explain(l.env.Err, l.path[1:]); err != nil {
			return err
		}
		return Status(ExitUsage)
	}
	for _, arg := range l.args {
		if arg == "" {
			return l.hint(diag.Usagef("%s: an argument is empty", strings.Join(l.path, " ")))
		}
	}
	if c.MaxArgs >= 0 && len(l.args) > c.MaxArgs {
		return l.hint(diag.Usagef("unexpected argument %q", l.args[c.MaxArgs]))
	}
	// The format is checked before the command does anything: an apply must not fail for it
	// after it has written.
	err := l.env.checkFormat()
	switch {
	case err != nil:
	case l.env.ForHosts():
		err = l.env.gather(strings.Join(l.path, " "), func() error { return c.Run(ctx, l.env, l.args) })
	default:
		err = c.Run(ctx, l.env, l.args)
	}
	if usage, ok := usageError(err); ok {
		return l.hint(usage)
	}
	return err
}

// hint points a usage error without a hint at the command's help.
func (l *commandLine) hint(err *diag.Failure) error {
	if err.Hint == "" {
		err.Hint = fmt.Sprintf("Run \"%s --help\" for the flags and an example.", strings.Join(l.path, " "))
	}
	return err
}

// unknownCommand is the error about a word that names no command. The hint is what is
// written here for a command of Terraform, a command that is spelled alike, or the help.
func unknownCommand(path []string, name string, table []Command) error {
	err := diag.Usagef("unknown command %q", strings.Join(append(path[1:len(path):len(path)], name), " "))
	names := make([]string, len(table))
	for i, c := range table {
		names[i] = c.Name
	}
	err.Hint = fmt.Sprintf("Run \"%s --help\" for the commands.", strings.Join(path, " "))
	if near := schema.Suggest(name, names); near != "" {
		err.Hint = fmt.Sprintf("Did you mean \"%s %s\"?", strings.Join(path, " "), near)
	}
	if habit, ok := terraformCommands[name]; ok && len(path) == 1 {
		err.Hint = habit
	}
	return err
}

// unknownFlag says which flag was meant: one of Terraform's, one that is spelled alike, or
// one of another command.
func (l *commandLine) unknownFlag(name string, flags []Flag) error {
	err := diag.Usagef("unknown flag %q", dashed(name))
	var names []string
	for _, f := range flags {
		names = append(names, f.Name)
	}
	near := ""
	if len(name) > 1 { // every other letter is as near
		near = schema.Suggest(name, names)
	}
	root := len(l.path) == 1
	switch {
	case terraformFlags[name] != "" && !root:
		err.Hint = terraformFlags[name]
	case root && (name == "v" || name == "V"):
		err.Hint = "Did you mean \"--version\"?"
	case near != "":
		err.Hint = fmt.Sprintf("Did you mean %q?", dashed(near))
	case root:
		err.Hint = "The flags of a command stand after it: writ COMMAND --flag."
	default:
		err.Hint = elsewhere(name, l.table)
	}
	return l.hint(err)
}
