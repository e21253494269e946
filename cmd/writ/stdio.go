package main

import (
	"crypto/rand"
	"io"
	"os"
	"time"

	"golang.org/x/term"
)

// A stdio is all of the outside world that a command may touch beside files
// and the network: its streams, the environment, the clock and randomness.
type stdio struct {
	in   io.Reader
	out  io.Writer // data
	err  io.Writer // everything else
	now  func() time.Time
	rand io.Reader
	// getenv reads one environment variable.
	getenv func(string) string
}

func osStdio() stdio {
	return stdio{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		now: time.Now, rand: rand.Reader, getenv: os.Getenv,
	}
}

// terminal returns the file behind a stream when that is a terminal, else nil.
func terminal(stream any) *os.File {
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// color reports whether a stream takes colour: a terminal that is not dumb and
// no NO_COLOR (no-color.org: any value but the empty one).
func (s stdio) color(stream any) bool {
	return terminal(stream) != nil && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb"
}

// width is the number of columns of a terminal, and 0 for anything else: text
// for a file is never wrapped.
func width(stream any) int {
	f := terminal(stream)
	if f == nil {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 80
	}
	return columns
}
