package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/writ-auth/writ/schema/build"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/jsonlog"
	"github.com/writ-auth/writ/server/remedy"
)

// Exit codes. The last two are those of sysexits.h, EX_USAGE and EX_SOFTWARE, so that a
// service manager can tell a mistake in the flags, which a restart does not mend, from a
// start that failed.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 64
	exitDefect = 70
)

// stdio is what a process has from its parent, passed in so that tests can run the program
// in their own process.
type stdio struct {
	out    io.Writer
	err    io.Writer // the log
	getenv func(string) string
}

// run is the whole program, and returns its exit code. It ends when ctx does, or on SIGTERM
// or SIGINT; the requests that were accepted are answered first. A panic, here or in a
// goroutine of daemon.run, is reported with its stack and ends the program with exitDefect.
func run(ctx context.Context, args []string, std stdio) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(std.err, "writd: this is a defect, please report it: %v\n%s", p, debug.Stack())
			code = exitDefect
		}
	}()
	if len(args) > 0 && slices.Contains([]string{"version", "--version", "-version"}, args[0]) {
		return showVersion(args[1:], std)
	}
	set, err := parseFlags(args, std.getenv, std.out)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintf(std.err, "writd: %v\nSee \"writd --help\".\n", err)
		return exitUsage
	}
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	log := slog.New(jsonlog.New(std.err))
	d, err := newDaemon(set, std.getenv, log)
	if err == nil {
		err = d.run(ctx)
	}
	if defect, ok := errors.AsType[*server.Defect](err); ok {
		log.Error("writd ends: this is a defect", "reason", err.Error(), "action", "please report it with the stack: https://github.com/writ-auth/writ/issues",
			"stack", string(defect.Stack))
		return exitDefect
	}
	if err != nil {
		log.Error("writd ends", "reason", err.Error(), "action", remedy.For(err, "correct what the reason names and start writd again"))
		return exitError
	}
	log.Info("writd ends")
	return exitOK
}

// A version is what "writd version --json" prints. Its members' names are part of writd's
// interface.
type version struct {
	build.Info
	SnapshotFormats []int          `json:"snapshot_formats"`
	Modules         []build.Module `json:"modules"`
}

// showVersion prints what the program was built from. It lists every module with its version
// for whoever has to know whether this binary contains a vulnerable one.
func showVersion(args []string, std stdio) int {
	f := flag.NewFlagSet("writd version", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	asJSON := f.Bool("json", false, "") // the usage is in the message below
	if err := f.Parse(args); err != nil || f.NArg() > 0 {
		fmt.Fprintln(std.err, "writd: usage: writd version [--json]")
		return exitUsage
	}
	v := version{Info: build.Read(), SnapshotFormats: snapshot.Formats(), Modules: build.Modules()}
	if *asJSON {
		if err := json.NewEncoder(std.out).Encode(v); err != nil {
			fmt.Fprintf(std.err, "writd: %v\n", err)
			return exitError
		}
		return exitOK
	}
	fmt.Fprintf(std.out, "writd %s\n", v.Version)
	if v.Revision != "" {
		modified := ""
		if v.Modified {
			modified = ", with changes"
		}
		fmt.Fprintf(std.out, "commit %s, %s%s\n", v.Revision, v.Time, modified)
	}
	fmt.Fprintf(std.out, "%s, %s\nreads snapshot formats %s\n", v.Go, v.Platform, strings.Trim(fmt.Sprint(v.SnapshotFormats), "[]"))
	for _, m := range v.Modules {
		fmt.Fprintf(std.out, "module %s %s\n", m.Path, m.Version)
	}
	return exitOK
}
