package main

import (
	"context"
	"path/filepath"
	"strconv"

	"github.com/urfave/cli/v3"
)

const (
	programName = "writ"
	issuesURL   = "https://github.com/writ-auth/writ/issues"
)

// A command is one line of the table that parses the command line, prints the
// help and the man page and completes in the shell.
type command struct {
	name    string
	args    string // the arguments as the usage line shows them: "[PLAN]"
	maxArgs int    // -1 for any number
	summary string // one line, no period
	about   string // paragraphs, laid out by hand to 80 columns
	example string // a worked example: lines that begin with "$ " and what they print
	flags   []cli.Flag
	config  *configFlags // set when the command takes a configuration
	run     func(ctx context.Context, args []string) error
	sub     []command // a group has no run
}

// commands is every command, in the order in which the help lists them.
func (a *app) commands() []command {
	return []command{
		a.initCommand(),
		a.fmtCommand(),
		a.validateCommand(),
		a.lockCommand(),
		a.planCommand(),
		a.applyCommand(),
		a.rollbackCommand(),
		a.showCommand(),
		a.explainCommand(),
		a.graphCommand(),
		a.checkCommand(),
		a.devCommand(),
		a.tokenCommand(),
		a.verifyCommand(),
		a.quickstartCommand(),
		a.secretCommand(),
		a.keysCommand(),
		a.schemaCommand(),
		a.versionCommand(),
		a.completionCommand(),
		a.manCommand(),
	}
}

// path is a path of the command line, taken from --chdir when it is relative.
func (a *app) path(name string) string {
	if a.chdir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(a.chdir, name)
}

// configFlags are the flags of every command that takes a configuration.
type configFlags struct {
	vars     []string // k=v
	varFiles []string
	lockfile string
}

func (f *configFlags) flags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "var", Usage: "set a variable: `NAME=VALUE`, repeatable", Destination: &f.vars},
		&cli.StringSliceFlag{Name: "var-file", Usage: "read variables from `FILE`, repeatable", Destination: &f.varFiles},
		&cli.StringFlag{Name: "lockfile", Usage: "the lockfile, writ.lock.hcl in the root by default: `FILE`", Destination: &f.lockfile},
	}
}

// globalFlags are the flags of every command.
func (a *app) globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "chdir", Aliases: []string{"C"}, Usage: "run as if started in `DIR`", Destination: &a.chdir},
		&cli.BoolFlag{Name: "json", Usage: "print JSON for machines, diagnostics included", Destination: &a.json},
		&cli.GenericFlag{Name: "help", Aliases: []string{"h"}, Usage: "explain the command", Value: (*helpValue)(&a.help)},
	}
}

// A helpValue is a switch that does not look like one to the parser: with a
// bool named help it would print a help of its own.
type helpValue bool

func (v *helpValue) Set(text string) error {
	on, err := strconv.ParseBool(text)
	*v = helpValue(on)
	return err
}

func (v *helpValue) Get() any         { return v }
func (v *helpValue) String() string   { return "" }
func (v *helpValue) IsBoolFlag() bool { return true }
