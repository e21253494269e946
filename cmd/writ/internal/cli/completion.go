package cli

import (
	"context"
	"embed"
	"fmt"
	"io"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// The scripts hand the words before the cursor to the program as they are and
// never evaluate them: a half-typed $(command) on the line is not run.
//
//go:embed completion
var completionScripts embed.FS

// shells are those with a script, completion/writ.NAME.
var shells = []string{"bash", "zsh", "fish", "powershell"}

// A Candidate is one way to complete a word.
type Candidate struct {
	Value   string
	Meaning string // shown beside it where the shell does that; may be an author's text
}

// A Completer lists what may stand in the place of a word. The shell picks what begins
// as the word does. It is called with what the flags before the word say, and finds
// nothing rather than failing: nobody sees an error between two keystrokes.
type Completer func(ctx context.Context, env *Env, flags *ConfigFlags) []Candidate

// Candidates are plain words, of which the shell shows no meaning.
func Candidates(values []string) (list []Candidate) {
	for _, v := range values {
		list = append(list, Candidate{Value: v})
	}
	return list
}

// CompletionCommand prints the scripts.
func CompletionCommand() Command {
	return Command{
		Name: "completion", Args: "SHELL", MaxArgs: 1,
		Summary: "print the completion script for bash, zsh, fish or powershell",
		About: `
bash:        writ completion bash > /etc/bash_completion.d/writ
zsh:         writ completion zsh > "${fpath[1]}/_writ"
fish:        writ completion fish > ~/.config/fish/completions/writ.fish
powershell:  writ completion powershell >> $PROFILE

Clients, APIs, addresses and scopes are those of the configuration around the
working folder, as far as it compiles. Tests run the scripts in bash, zsh and fish;
that for powershell is untested.`,
		Example:  "$ source <(writ completion bash)\n$ writ explain --client bil<TAB>",
		Complete: func(context.Context, *Env, *ConfigFlags) []Candidate { return Candidates(shells) },
		Run:      printCompletion,
	}
}

// printCompletion prints the script of the shell that the argument names. The scripts know
// no command and no flag: they ask the program at each Tab, so one that was installed once
// stays right.
func printCompletion(_ context.Context, env *Env, args []string) error {
	if len(args) == 0 {
		return diag.Usagef("name a shell: %s", strings.Join(shells, ", "))
	}
	script, err := completionScripts.ReadFile("completion/writ." + args[0])
	if err != nil {
		usage := diag.Usagef("unknown shell %q", args[0])
		usage.Hint = schema.DidYouMean(args[0], shells)
		return usage
	}
	_, err = env.Out.Write(script)
	return err
}

// completionFlag is the last word of a command line that the scripts send.
const completionFlag = "--generate-shell-completion"

// complete answers the scripts: one candidate a line, with its meaning after a tab.
// The words are those before the cursor, with the one at the cursor where it begins
// with a hyphen. The cases are tried in this order: --flag=VALUE, the value of the flag
// before, a flag, and last a command or an argument.
func (l *commandLine) complete(ctx context.Context, words []string) {
	out := l.env.Out
	l.env.Err = io.Discard
	_ = l.parse(words) // as far as it goes: the last word may lack its value
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	if name, _, hasValue := strings.Cut(last, "="); hasValue && l.awaitingValue(name) != nil {
		l.offer(ctx, l.awaitingValue(name), name+"=")
		return
	}
	if f := l.awaitingValue(last); f != nil && !l.isValue(words) {
		l.offer(ctx, f, "")
		return
	}
	if strings.HasPrefix(last, "-") && !l.isValue(words) {
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
	if complete := l.command.Complete; complete != nil && (l.command.MaxArgs < 0 || len(l.args) < l.command.MaxArgs) {
		l.print(complete(ctx, l.env, l.command.Config), "")
	}
}

// isValue reports whether the last word is the value of the flag before it. That flag may
// itself be a value, as in --var --json, hence the recursion.
func (l *commandLine) isValue(words []string) bool {
	n := len(words)
	return n > 1 && l.awaitingValue(words[n-2]) != nil && !l.isValue(words[:n-1])
}

// offer prints what may be the value of a flag. Where it lists nothing the shell offers
// files.
func (l *commandLine) offer(ctx context.Context, f *Flag, before string) {
	placeholder, _ := f.usage()
	switch values := strings.Split(placeholder, "|"); {
	case f.Complete != nil:
		l.print(f.Complete(ctx, l.env, l.command.Config), before)
	case len(values) > 1 && !strings.Contains(placeholder, ","): // a list of places is none of values
		l.print(Candidates(values), before)
	}
}

// print prints candidates; before is what of the word stands before each of them. What is
// not plain text is left out or made harmless: labels are an author's, and the shell's
// terminal shows them.
func (l *commandLine) print(candidates []Candidate, before string) {
	for _, c := range candidates {
		if diag.OneLine(c.Value) != c.Value {
			continue // what cannot be typed
		}
		fmt.Fprintf(l.env.Out, "%s%s", before, c.Value)
		if c.Meaning != "" {
			fmt.Fprintf(l.env.Out, "\t%s", diag.OneLine(c.Meaning))
		}
		fmt.Fprintln(l.env.Out)
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
