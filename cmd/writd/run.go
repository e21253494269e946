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
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/jsonlog"
)

// Exit codes.
const (
	exitOK     = 0
	exitError  = 1
	exitUsage  = 64
	exitDefect = 70
)

// Stdio is what the program reads and writes beside its files and sockets.
type stdio struct {
	out    io.Writer
	err    io.Writer // the log
	getenv func(string) string
}

// run is the whole program. It ends when ctx does, or on SIGTERM or SIGINT.
func run(ctx context.Context, args []string, std stdio) (code int) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(std.err, "writd: this is a defect, please report it: %v\n%s", p, debug.Stack())
			code = exitDefect
		}
	}()
	if len(args) > 0 && args[0] == "version" {
		return version(args[1:], std)
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
		log.Error("writd ends: this is a defect, please report it", "error", err.Error(), "stack", string(defect.Stack))
		return exitDefect
	}
	if err != nil {
		log.Error("writd ends", "error", err.Error())
		return exitError
	}
	return exitOK
}

// A build is what "writd version" tells.
type build struct {
	Version         string `json:"version"`
	Commit          string `json:"commit,omitempty"`
	Go              string `json:"go"`
	Platform        string `json:"platform"`
	SnapshotFormats []int  `json:"snapshot_formats"`
}

func version(args []string, std stdio) int {
	f := flag.NewFlagSet("writd version", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	asJSON := f.Bool("json", false, "")
	if err := f.Parse(args); err != nil || f.NArg() > 0 {
		fmt.Fprintln(std.err, "writd: usage: writd version [--json]")
		return exitUsage
	}
	b := thisBuild()
	if !*asJSON {
		fmt.Fprintf(std.out, "writd %s %s %s\n", b.Version, b.Go, b.Platform)
		return exitOK
	}
	if err := json.NewEncoder(std.out).Encode(b); err != nil {
		fmt.Fprintf(std.err, "writd: %v\n", err)
		return exitError
	}
	return exitOK
}

func thisBuild() build {
	b := build{
		Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
		SnapshotFormats: snapshot.Formats(),
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Commit = s.Value
		}
	}
	return b
}
