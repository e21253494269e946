package cli

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/writ-auth/writ/config/diag"
)

// An Env is all of the outside world that a command may touch beside files and the
// network, and what the flags of every command say. Tests run the program with one of their
// own. It belongs to one run and one goroutine.
type Env struct {
	In     io.Reader
	Out    io.Writer // data
	Err    io.Writer // everything else
	Now    func() time.Time
	Rand   io.Reader
	Getenv func(string) string // reads one environment variable

	Chdir  string      // --chdir: relative paths start here; "" for the working folder
	JSON   bool        // --json, or --format json
	Format diag.Format // --format, of the commands that have it; "" when it is not given
	// AllWarnings is --all of validate: warnings are shown each in full.
	AllWarnings bool
	Done        string // what was written and stays when the output then fails: "Serial 3 is in force"

	found      diag.Findings // so far
	summarized bool          // the step's page is written
	inside     string        // the folder below the root that the command was run for, "" for the root
}

// OSEnv is the Env of the process.
func OSEnv() *Env {
	return &Env{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		Now: time.Now, Rand: rand.Reader, Getenv: os.Getenv,
	}
}

// Path is a path of the command line, taken from --chdir when it is relative. The process
// itself never changes its folder: tests run many commands in one.
func (e *Env) Path(name string) string {
	if e.Chdir == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(e.Chdir, name)
}

// Folder is the one that a command works on: its DIR argument or where it was started.
func (e *Env) Folder(args []string) string {
	if len(args) > 0 {
		return e.Path(args[0])
	}
	return e.Path(".")
}

// PrintJSON prints a result for machines.
func (e *Env) PrintJSON(v any) error { return WriteJSON(e.Out, v) }

// WriteJSON writes one value on a line of its own. <, > and & stay as they are: nothing
// here ends up inside HTML, and people read it.
func WriteJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// Terminal returns the file behind a stream when that is a terminal, else nil.
func Terminal(stream any) *os.File {
	if checked, ok := stream.(*checkedWriter); ok {
		stream = checked.to
	}
	f, ok := stream.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return f
}

// Color reports whether a stream takes colour: a terminal that is not dumb, or any
// stream with FORCE_COLOR or CLICOLOR_FORCE, as in the logs of CI, which show colour and
// are no terminals. NO_COLOR wins over both. Each counts with any value but the empty one
// (no-color.org, force-color.org), and "0" forces nothing (bixense.com/clicolors).
func (e *Env) Color(stream any) bool {
	if e.Getenv("NO_COLOR") != "" {
		return false
	}
	for _, name := range []string{"FORCE_COLOR", "CLICOLOR_FORCE"} {
		if value := e.Getenv(name); value != "" && value != "0" {
			return true
		}
	}
	return Terminal(stream) != nil && e.Getenv("TERM") != "dumb"
}

// Width is the number of columns of a terminal, and 0 for anything else: text
// for a file is never wrapped. A terminal that does not tell has 80, as they had for long.
func Width(stream any) int {
	f := Terminal(stream)
	if f == nil {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 80
	}
	return columns
}

// A Color is an SGR sequence (ECMA-48 section 8.3.117).
type Color string

// The colours.
const (
	Red    Color = "\x1b[31m"
	Green  Color = "\x1b[32m"
	Yellow Color = "\x1b[33m"
	Cyan   Color = "\x1b[36m"
	Bold   Color = "\x1b[1m"

	plain Color = "\x1b[0m"
)

// Paint colours text; "" leaves it as it is.
func (c Color) Paint(text string) string {
	if c == "" {
		return text
	}
	return string(c) + text + string(plain)
}

// Paint colours text for standard output where that takes colour.
func (e *Env) Paint(c Color, text string) string {
	if !e.Color(e.Out) {
		return text
	}
	return c.Paint(text)
}

// progressDelay is how long a step may take before it is announced.
const progressDelay = 500 * time.Millisecond

// Progress announces a step on a terminal once it has taken a while. The
// returned function ends the step and takes the announcement away. It has to be called
// before anything else is written to standard error; a second call does nothing.
func (e *Env) Progress(step string) (done func()) {
	if Terminal(e.Err) == nil || e.JSON {
		return func() {}
	}
	var mu sync.Mutex
	shown := false
	timer := time.AfterFunc(progressDelay, func() {
		mu.Lock()
		defer mu.Unlock()
		shown = true
		fmt.Fprintf(e.Err, "%s...", step)
	})
	return func() {
		timer.Stop()
		mu.Lock()
		defer mu.Unlock()
		if shown {
			fmt.Fprint(e.Err, "\r\x1b[K")
			shown = false
		}
	}
}
