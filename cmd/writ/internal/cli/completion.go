package cli

import (
	"context"
	"embed"
	"fmt"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// The scripts hand the words before the cursor to the program as they are and
// never evaluate them: a half-typed $(command) on the line is not run.
//
//go:embed completion
var completionScripts embed.FS

var shells = []string{"bash", "zsh", "fish", "powershell"}

// CompletionCommand prints the scripts.
func CompletionCommand() Command {
	return Command{
		Name: "completion", Args: "SHELL", MaxArgs: 1,
		Summary: "print the completion script for bash, zsh, fish or powershell",
		About: `
bash:        writ completion bash > /etc/bash_completion.d/writ
zsh:         writ completion zsh > "${fpath[1]}/_writ"
fish:        writ completion fish > ~/.config/fish/completions/writ.fish
powershell:  writ completion powershell >> $PROFILE`,
		Example: "$ source <(writ completion bash)\n$ writ pl<TAB>",
		Run:     printCompletion,
	}
}

func printCompletion(_ context.Context, env *Env, args []string) error {
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
	_, err = env.Out.Write(script)
	return err
}

// completionFlag is the last word of a command line that the scripts send.
const completionFlag = "--generate-shell-completion"

// complete answers the scripts: one candidate a line, with its meaning after a tab.
// The words are those before the cursor, with the one at the cursor where it begins
// with a hyphen.
func (l *commandLine) complete(words []string) {
	l.command, l.path = Command{Sub: l.table}, []string{ProgramName}
	last := ""
	for i := 0; i < len(words); i++ {
		last = words[i]
		if sub, found := find(l.command.Sub, last); found {
			l.command, l.path = sub, append(l.path, last)
		} else if l.awaitingValue(last) != nil && i+1 < len(words) {
			i++
		}
	}
	out := l.env.Out
	if f := l.awaitingValue(last); f != nil {
		placeholder, _ := f.usage() // where it lists no values the shell offers files
		if values := strings.Split(placeholder, "|"); len(values) > 1 {
			fmt.Fprintln(out, strings.Join(values, "\n"))
		}
		return
	}
	if strings.HasPrefix(last, "-") {
		for _, f := range l.flags() {
			_, usage := f.usage()
			for _, name := range []string{f.Name, f.Alias} {
				if name != "" && strings.HasPrefix(dashed(name), last) {
					fmt.Fprintf(out, "%s\t%s\n", dashed(name), usage)
				}
			}
		}
		return
	}
	for _, sub := range l.command.Sub {
		fmt.Fprintf(out, "%s\t%s\n", sub.Name, sub.Summary)
	}
	if l.command.Name == "completion" {
		fmt.Fprintln(out, strings.Join(shells, "\n"))
	}
}

// awaitingValue is the flag that a word spells out, when a value follows it.
func (l *commandLine) awaitingValue(word string) *Flag {
	flags := l.flags()
	for i := range flags {
		if strings.HasPrefix(word, "-") && flags[i].takesValue() && flags[i].is(strings.TrimLeft(word, "-")) {
			return &flags[i]
		}
	}
	return nil
}
