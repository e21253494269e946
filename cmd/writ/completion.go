package main

import (
	"context"
	"embed"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// The scripts hand the words before the cursor to the program as they are and
// never evaluate them: a half-typed $(command) on the line is not run.
//
//go:embed completion
var completionScripts embed.FS

var shells = []string{"bash", "zsh", "fish", "powershell"}

func (a *app) completionCommand() command {
	return command{
		name: "completion", args: "SHELL", maxArgs: 1,
		summary: "print the completion script for bash, zsh, fish or powershell",
		about: `
bash:        writ completion bash > /etc/bash_completion.d/writ
zsh:         writ completion zsh > "${fpath[1]}/_writ"
fish:        writ completion fish > ~/.config/fish/completions/writ.fish
powershell:  writ completion powershell >> $PROFILE`,
		example: "$ source <(writ completion bash)\n$ writ pl<TAB>",
		run:     func(_ context.Context, args []string) error { return a.completion(args) },
	}
}

func (a *app) completion(args []string) error {
	if len(args) == 0 {
		return diag.Usagef("name a shell: %s", strings.Join(shells, ", "))
	}
	script, err := completionScripts.ReadFile("completion/writ." + args[0])
	if err != nil {
		usage := diag.Usagef("unknown shell %q", args[0])
		if near := schema.Suggest(args[0], shells); near != "" {
			usage.Hint = fmt.Sprintf("Did you mean %q?", near)
		}
		return usage
	}
	_, err = a.out.Write(script)
	return err
}

// complete answers the scripts: one candidate a line, with its meaning after a tab.
func (a *app) complete(_ context.Context, cmd *cli.Command) {
	words := cmd.Args().Slice()
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	if strings.HasPrefix(last, "-") {
		flags := cmd.Flags
		if cmd != cmd.Root() {
			flags = append(flags[:len(flags):len(flags)], a.globalFlags()...)
		}
		if f := flagAwaitingValue(last, flags); f != nil {
			completeValue(a.out, f)
		} else {
			completeFlags(a.out, last, flags)
		}
		return
	}
	for _, sub := range cmd.Commands {
		if !sub.Hidden {
			fmt.Fprintf(a.out, "%s\t%s\n", sub.Name, sub.Usage)
		}
	}
	if cmd.Name == "completion" {
		fmt.Fprintln(a.out, strings.Join(shells, "\n"))
	}
}

// flagAwaitingValue is the flag that a word spells out, when a value follows it.
func flagAwaitingValue(word string, flags []cli.Flag) cli.Flag {
	for _, f := range flags {
		documented, ok := f.(cli.DocGenerationFlag)
		if ok && documented.TakesValue() && slices.Contains(f.Names(), strings.TrimLeft(word, "-")) {
			return f
		}
	}
	return nil
}

// completeValue prints the values that a flag lists. Where it lists none the
// shell offers files.
func completeValue(w io.Writer, f cli.Flag) {
	placeholder, _ := flagUsage(f)
	if values := strings.Split(placeholder, "|"); len(values) > 1 {
		fmt.Fprintln(w, strings.Join(values, "\n"))
	}
}

func completeFlags(w io.Writer, typed string, flags []cli.Flag) {
	for _, f := range flags {
		for _, name := range f.Names() {
			if strings.HasPrefix(dashed(name), typed) {
				_, usage := flagUsage(f)
				fmt.Fprintf(w, "%s\t%s\n", dashed(name), usage)
			}
		}
	}
}
