package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// What "writ dev" says: a first screen of at most ten lines, of which the first stands out,
// and for each reload what it means, in the words of a plan.

// consoleAddress is where the console is, with the key that opens it for one browser.
func (d *devServer) consoleAddress() string { return d.pages.Address(d.origin) }

// printFirstScreen prints what there is to know at the start, in at most ten lines: more
// would scroll the one command to try out of sight. With --json it is one object with every
// sample.
func (d *devServer) printFirstScreen(t *workspace.Tree) error {
	doc, samples := t.Model.Document, samples(t.Model.Document)
	if d.env.JSON {
		return d.env.PrintJSON(map[string]any{
			"event": "serving", "issuer": d.issuer, "token_endpoint": tokenEndpoint(d.issuer), "secret": d.throw.secret, "samples": samples,
			"console": d.consoleAddress(),
		})
	}
	var text strings.Builder
	folder := filepath.ToSlash(d.w.Dir)
	fmt.Fprintf(&text, "%s  %s  %s\n\n", d.env.Paint(cli.Bold, "writ dev"), diag.OneLine(folder), cli.Counts(doc))
	line := func(name, value, remark string) {
		if remark != "" {
			remark = "  (" + remark + ")"
		}
		fmt.Fprintf(&text, "  %-9s %s%s\n", name, value, remark)
	}
	line("Console", d.env.Paint(cli.Cyan, d.consoleAddress()), "")
	// The issuer of the files is not the one that serves here. Tokens differ in it, and an
	// API that checks them has to be told which one it is to expect.
	elsewhere := ""
	if d.issuer != doc.Issuer.URL {
		elsewhere = "a server: " + doc.Issuer.URL
	}
	line("Issuer", d.issuer, elsewhere)
	line("Secret", d.throw.secret, "every client's, until you stop this")
	if try, remark := d.try(samples); try != "" {
		line("Try", try, remark)
	}
	if d.warned = len(t.Warnings); d.warned > 0 {
		line("Warnings", d.warnings(t), "")
	}
	text.WriteString("\nEdit the files: changes are served at once. Ctrl-C stops.\n")
	_, err := fmt.Fprint(d.env.Out, text.String())
	return err
}

// try is the command that gets a first token, and what it needs beside. It prefers a
// request that needs nothing beside; it is "" when no client may have a token. Where
// another "writ dev" runs, the command names this one with --server.
func (d *devServer) try(samples []sample) (command, remark string) {
	if len(samples) == 0 {
		return "", ""
	}
	first := samples[max(0, slices.IndexFunc(samples, func(s sample) bool { return s.Note == "" }))]
	command = "writ token --client " + schema.ShellQuote(first.Client) + " --api " + schema.ShellQuote(first.API)
	// This one is among the running sessions by now.
	if len(runningSessions(sessionFolder(d.env))) > 1 {
		command += " --server " + schema.ShellQuote(d.issuer)
	}
	return command, first.Note
}

// warnings is the one line about the warnings of a tree: how many, and the command that
// shows them. The warnings themselves would push everything else off the screen.
func (d *devServer) warnings(t *workspace.Tree) string {
	command := "writ validate"
	if d.w.Dir != "." {
		command += " " + schema.ShellQuote(filepath.ToSlash(d.w.Dir))
	}
	if len(t.Warnings) == 1 {
		return "1: " + command + " shows it"
	}
	return fmt.Sprintf("%d: %s shows them", len(t.Warnings), command)
}

// maxReloadLines bounds what is said of one reload, in lines: a terminal keeps the reload
// before in sight.
const maxReloadLines = 8

// printReload prints what a reload means in the words of a plan, between the document that
// served before and the one that serves now. Warnings are counted only when their number
// has changed: they would be repeated at every save.
func (d *devServer) printReload(t *workspace.Tree, before *schema.Document) error {
	sentences := []string{}
	for _, s := range view.Sentences(compiler.PlanBetween(compiler.Prior{Document: before}, t.Model.Document, "", d.env.Now())) {
		sentences = append(sentences, strings.TrimPrefix(s.Address+" "+s.Text, " "))
	}
	if d.env.JSON {
		return d.env.PrintJSON(map[string]any{"event": "reloaded", "message": "Reloaded: " + cli.Counts(t.Model.Document) + ".", "changes": sentences})
	}
	// One change is on the line itself, which is the usual case after a save.
	text := d.env.Now().Format("15:04:05") + " Reloaded: "
	switch len(sentences) {
	case 0:
		text += "nothing changes in tokens and access.\n"
	case 1:
		text += sentences[0] + "\n"
	default:
		text += schema.Plural(len(sentences), "change") + ".\n"
		for i, sentence := range sentences {
			if i == maxReloadLines {
				text += fmt.Sprintf("  and %d more: \"writ plan\" shows them\n", len(sentences)-i)
				break
			}
			text += "  " + sentence + "\n"
		}
	}
	if len(t.Warnings) != d.warned {
		if d.warned = len(t.Warnings); d.warned > 0 {
			text += "  Warnings, " + d.warnings(t) + "\n"
		}
	}
	_, err := fmt.Fprint(d.env.Out, text)
	return err
}
