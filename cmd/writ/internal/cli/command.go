// Package cli is the command line of writ as such: the table of commands and how it
// is parsed, explained and completed, the world that a command may touch, how
// errors are reported and with which code the program ends, and the configuration
// that flags name. What a command does is no matter here.
package cli

import (
	"context"
	"crypto/ed25519"
	"strings"
)

// ProgramName is how the program is called in texts.
const ProgramName = "writ"

// issuesURL is where a defect is reported.
const issuesURL = "https://github.com/writ-auth/writ/issues"

// A Command is one row of the table that parses the command line, prints the
// help and the man page and completes in the shell. A row is made anew for each run of the
// program, since its flags point at where their values go.
type Command struct {
	Name     string
	Group    Group  // in which the help lists it
	Args     string // the arguments as the usage line shows them: "[PLAN]"
	MaxArgs  int    // -1 for any number
	Summary  string // one line, no period
	About    string // paragraphs, laid out by hand to 80 columns
	Example  string // a worked example: lines that begin with "$ " and what they print
	Flags    []Flag
	Config   *ConfigFlags // set when the command takes a configuration
	Formats  bool         // it has --format with the formats that hosts of repositories read
	Complete Completer    // of its arguments; nil for files
	Run      func(ctx context.Context, env *Env, args []string) error
	Sub      []Command // a command that has commands of its own has no Run
}

// A Group is what commands are for, as the help lists them.
type Group string

// The groups, in the order of the help.
const (
	GroupWrite  Group = "Write"
	GroupReview Group = "Review"
	GroupShip   Group = "Ship"
	GroupAsk    Group = "Ask"
	GroupServe  Group = "Serve"
	GroupMore   Group = "" // the program itself
)

// groups are all groups, in that order.
var groups = []Group{GroupWrite, GroupReview, GroupShip, GroupAsk, GroupServe, GroupMore}

// A Flag is one flag of a command.
type Flag struct {
	Name     string
	Alias    string    // one letter, "" for none
	Usage    string    // what it does; the placeholder of its value stands in back quotes
	Value    any       // where the value goes: a *bool, a *string, or a *[]string for one that is repeatable
	Complete Completer // of the value; nil for what the placeholder lists, and for files
}

// takesValue reports whether the next word is the flag's value, if it has none after "=".
func (f *Flag) takesValue() bool {
	_, isSwitch := f.Value.(*bool)
	return !isSwitch
}

// is reports whether a name is one of the flag's.
func (f *Flag) is(name string) bool { return name != "" && (name == f.Name || name == f.Alias) }

// syntax is how the flag is written: "-C, --chdir DIR".
func (f *Flag) syntax() string {
	syntax := dashed(f.Name)
	if f.Alias != "" {
		syntax = dashed(f.Alias) + ", " + syntax
	}
	if placeholder, _ := f.usage(); placeholder != "" {
		syntax += " " + placeholder
	}
	return syntax
}

// usage takes the placeholder out of the usage text.
func (f *Flag) usage() (placeholder, usage string) {
	before, rest, found := strings.Cut(f.Usage, "`")
	if !found {
		return "", f.Usage
	}
	placeholder, after, _ := strings.Cut(rest, "`")
	if strings.HasSuffix(before, ": ") { // "set a variable: `NAME=VALUE`": the placeholder says it all
		return placeholder, strings.TrimSuffix(before, ": ") + after
	}
	return placeholder, before + placeholder + after
}

// dashed writes a flag's name as the help does: -C, --chdir.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// ConfigFlags are the flags of every command that takes a configuration.
type ConfigFlags struct {
	Vars     []string // k=v
	VarFiles []string
	Lockfile string

	// Of the commands that ask for them.
	Snapshot    string             // where the snapshot in force is
	Prior       string             // where it is read, if not there
	AllowUnsafe bool               // it may be written to where it can be forgotten
	Trust       []string           // whose snapshots are taken: workspace.ParseTrust
	Key         ed25519.PrivateKey // signs what is written; nil for none
}

// flags declares those that every such command has; the others are declared by the commands
// that have them.
func (f *ConfigFlags) flags() []Flag {
	return []Flag{
		{Name: "var", Usage: "set a variable: `NAME=VALUE`, repeatable", Value: &f.Vars},
		{Name: "var-file", Usage: "read variables from `FILE`, repeatable", Value: &f.VarFiles},
		{Name: "lockfile", Usage: "the lockfile, writ.lock.hcl in the root by default: `FILE`", Value: &f.Lockfile},
	}
}

// configFlags are those of the configuration that the command takes; none if it takes none.
func (c *Command) configFlags() []Flag {
	if c.Config == nil {
		return nil
	}
	return c.Config.flags()
}

// find returns the command of that name. Names are whole: what a prefix means would change
// with every new command.
func find(table []Command, name string) (Command, bool) {
	for _, c := range table {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}
