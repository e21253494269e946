package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// root builds the parser's tree from the table.
func (a *app) root() *cli.Command {
	var version bool
	root := &cli.Command{
		Name:                       programName,
		Flags:                      append(a.globalFlags(), &cli.BoolFlag{Name: "version", Local: true, Destination: &version}),
		EnableShellCompletion:      true,
		ShellCompletionCommandName: "generate-completion", // the parser's own, hidden: completion.go is ours
		ExitErrHandler:             func(context.Context, *cli.Command, error) {},
		Writer:                     a.out,
		ErrWriter:                  io.Discard, // errors are reported by report alone
	}
	for _, c := range a.table {
		root.Commands = append(root.Commands, a.parser(c, []string{programName}))
	}
	root.Action = func(ctx context.Context, cmd *cli.Command) error {
		if version {
			return a.showVersion()
		}
		return a.rootAction(cmd.Args().Slice())
	}
	a.settle(root, []string{programName}, a.table)
	return root
}

// rootAction answers a command line that names no command.
func (a *app) rootAction(args []string) error {
	if len(args) == 0 {
		if !a.help {
			a.printRootHelp(a.err)
			return exitStatus(exitUsage)
		}
		a.printRootHelp(a.out)
		return nil
	}
	if args[0] == "help" {
		return a.helpFor(args[1:])
	}
	return unknownCommand([]string{programName}, args[0], a.table)
}

// parser builds the parser's node of one command; path are the words before it.
func (a *app) parser(c command, path []string) *cli.Command {
	path = append(path[:len(path):len(path)], c.name)
	node := &cli.Command{Name: c.name, Usage: c.summary, Flags: c.flags, Writer: a.out, ErrWriter: io.Discard}
	if c.config != nil {
		node.Flags = append(node.Flags[:len(node.Flags):len(node.Flags)], c.config.flags()...)
	}
	for _, sub := range c.sub {
		node.Commands = append(node.Commands, a.parser(sub, path))
	}
	node.Action = func(ctx context.Context, cmd *cli.Command) error {
		return a.runCommand(ctx, c, path, cmd.Args().Slice())
	}
	a.settle(node, path, c.sub)
	return node
}

// settle turns off what the parser does of its own accord: help, splitting at
// commas, printing errors.
func (a *app) settle(node *cli.Command, path []string, subs []command) {
	node.HideHelp = true
	node.HideHelpCommand = true
	node.HideVersion = true
	node.DisableSliceFlagSeparator = true
	node.ShellComplete = a.complete
	node.OnUsageError = func(_ context.Context, cmd *cli.Command, err error, _ bool) error {
		return parseError(err, cmd, path, subs)
	}
}

// runCommand checks the number of arguments and runs the command or shows its help.
func (a *app) runCommand(ctx context.Context, c command, path, args []string) error {
	if a.help {
		a.printHelp(a.out, c, path)
		return nil
	}
	if c.run == nil {
		if len(args) > 0 {
			return unknownCommand(path, args[0], c.sub)
		}
		a.printHelp(a.err, c, path)
		return exitStatus(exitUsage)
	}
	for _, arg := range args {
		if arg == "" {
			return helpHint(diag.Usagef("%s: an argument is empty", strings.Join(path, " ")), path)
		}
	}
	if c.maxArgs >= 0 && len(args) > c.maxArgs {
		return helpHint(diag.Usagef("unexpected argument %q", args[c.maxArgs]), path)
	}
	err := c.run(ctx, args)
	if usage, ok := errors.AsType[*diag.Failure](err); ok && usage.Code == diag.CodeUsage {
		return helpHint(usage, path)
	}
	return err
}

// helpHint points a usage error without a hint at the command's help.
func helpHint(err *diag.Failure, path []string) *diag.Failure {
	if err.Hint == "" {
		err.Hint = fmt.Sprintf("Run \"%s --help\" for the flags and an example.", strings.Join(path, " "))
	}
	return err
}

func unknownCommand(path []string, name string, table []command) error {
	err := diag.Usagef("unknown command %q", strings.Join(append(path[1:len(path):len(path)], name), " "))
	names := make([]string, len(table))
	for i, c := range table {
		names[i] = c.name
	}
	if near := schema.Suggest(name, names); near != "" {
		err.Hint = fmt.Sprintf("Did you mean \"%s %s\"?", strings.Join(path, " "), near)
	}
	if habit, ok := otherCommands[name]; ok && len(path) == 1 {
		err.Hint = habit
	}
	if err.Hint == "" {
		err.Hint = fmt.Sprintf("Run \"%s --help\" for the commands.", strings.Join(path, " "))
	}
	return err
}

var (
	unknownFlagText = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	missingText     = regexp.MustCompile(`^flag needs an argument: -*(.*)$`)
	invalidText     = regexp.MustCompile(`(?s)^invalid value (".*") for flag -([^:]*): (.*)$`)
)

// parseError words an error of the parser as writ words errors.
func parseError(err error, cmd *cli.Command, path []string, subs []command) error {
	text := err.Error()
	if m := unknownFlagText.FindStringSubmatch(text); m != nil {
		return unknownFlag(m[1], cmd, path, subs)
	}
	if m := missingText.FindStringSubmatch(text); m != nil {
		return helpHint(diag.Usagef("flag %s needs a value", dashed(m[1])), path)
	}
	if m := invalidText.FindStringSubmatch(text); m != nil {
		return helpHint(diag.Usagef("invalid value %s for flag %s: %s", m[1], dashed(m[2]), m[3]), path)
	}
	return helpHint(diag.Usagef("%s", text), path)
}

// unknownFlag says which flag was meant, or that the word before it is no command.
func unknownFlag(name string, cmd *cli.Command, path []string, subs []command) error {
	if word := cmd.Args().First(); word != "" && len(subs) > 0 {
		return unknownCommand(path, word, subs)
	}
	err := diag.Usagef("unknown flag %q", dashed(name))
	var names []string
	for _, f := range append(cmd.Flags, cmd.Root().Flags...) {
		names = append(names, f.Names()...)
	}
	near := schema.Suggest(name, names)
	if len(name) == 1 {
		near = "" // every other letter is as near
	}
	name, _, _ = strings.Cut(name, "=")
	switch {
	case otherFlags[name] != "" && len(path) > 1:
		err.Hint = otherFlags[name]
	case len(path) == 1 && (name == "v" || name == "V"):
		err.Hint = "Did you mean \"--version\"?"
	case near != "":
		err.Hint = fmt.Sprintf("Did you mean %q?", dashed(near))
	case len(path) == 1:
		err.Hint = "The flags of a command stand after it: writ COMMAND --flag."
	default:
		err.Hint = elsewhere(name, cmd.Root())
	}
	return helpHint(err, path)
}

// dashed writes a flag's name as the help does: -C, --chdir.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}
