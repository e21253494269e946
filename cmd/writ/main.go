// Command writ is the compiler and the workbench: it turns a folder of HCL into a snapshot
// that writd serves, and shows what every change means before it takes effect.
//
// The package owns the table of commands and the body of each. The command line as such is
// package cli, and what plans, snapshots and explanations look like is package view. It
// decides nothing: rules live in packages config and compiler, files and git in package
// workspace, tokens in package server. Data goes to standard output and everything else to
// standard error.
package main

import (
	"context"
	"os"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
)

// main does nothing but end the process: everything else is called by tests, which run the
// program many times in one process.
func main() {
	os.Exit(cli.Run(context.Background(), cli.OSEnv(), commands(), os.Args[1:]))
}

// commands is every command, in the order in which the help lists them.
func commands() []cli.Command {
	return []cli.Command{
		initCommand(),
		fmtCommand(),
		validateCommand(),
		lockCommand(),
		planCommand(),
		applyCommand(),
		promoteCommand(),
		abortCommand(),
		rollbackCommand(),
		historyCommand(),
		fleetCommand(),
		showCommand(),
		explainCommand(),
		whoCommand(),
		graphCommand(),
		usageCommand(),
		checkCommand(),
		devCommand(),
		consoleCommand(),
		tokenCommand(),
		verifyCommand(),
		quickstartCommand(),
		secretCommand(),
		keysCommand(),
		schemaCommand(),
		cli.VersionCommand(),
		cli.CompletionCommand(),
		cli.ManCommand(commands),
	}
}
