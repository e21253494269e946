package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server"
)

// A devLog prints the server's log for the person at the terminal: one line an
// event, the time first, empty values left out. What is logged before it is opened waits,
// so that the first screen comes first.
type devLog struct {
	out  *devLogOutput
	with []slog.Attr
}

// A devLogOutput is the stream that a devLog shares with those made of it by WithAttrs. mu
// keeps lines of several requests apart.
type devLogOutput struct {
	mu     sync.Mutex
	w      io.Writer
	isOpen bool
	held   strings.Builder
}

// newDevLog makes a log that waits until it is opened.
func newDevLog(w io.Writer) *devLog { return &devLog{out: &devLogOutput{w: w}} }

// open prints what has waited, and from now on everything at once. It may be called again.
func (h *devLog) open() {
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	h.out.isOpen = true
	_, _ = io.WriteString(h.out.w, h.out.held.String()) // as slog: there is nowhere to report it
	h.out.held.Reset()
}

// Enabled implements slog.Handler: debug lines are for who works on writ.
func (h *devLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

// Handle implements slog.Handler. Lines about what "writ dev" prints itself are left out.
func (h *devLog) Handle(_ context.Context, r slog.Record) error {
	switch r.Message {
	case "snapshot activated", "snapshot rejected":
		return nil // announced, or reported with the diagnostics
	case "ready", "signing key made":
		return nil // a server's operator is to know; here both are always so
	}
	var line strings.Builder
	fmt.Fprintf(&line, "%s %s", r.Time.Format("15:04:05"), r.Message)
	write := func(attr slog.Attr) bool {
		if text := attr.Value.String(); text != "" && text != "[]" && !devLogLeavesOut(attr.Key, text) {
			fmt.Fprintf(&line, " %s=%q", attr.Key, text)
		}
		return true
	}
	for _, attr := range h.with {
		write(attr)
	}
	r.Attrs(write)
	line.WriteByte('\n')
	// The line is whole before the lock is taken: requests that log at the same time do not
	// mix.
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	if !h.out.isOpen {
		h.out.held.WriteString(line.String())
		return nil
	}
	_, err := io.WriteString(h.out.w, line.String())
	return err
}

// devLogLeavesOut reports whether an attribute is left out: what an auditor needs, and a
// person who has just sent the request knows, or what is so in nearly every line.
func devLogLeavesOut(key, text string) bool {
	switch key {
	case "snapshot", "revision", "kid", "jti", "method", "expires_in":
		return true
	case "grant_type":
		return text == schema.GrantClientCredentials
	case "reason":
		return text == string(server.ReasonGranted)
	}
	return false
}

// WithAttrs implements slog.Handler. The list is clipped, so that two handlers made of one
// do not write into the same memory.
func (h *devLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &devLog{out: h.out, with: append(h.with[:len(h.with):len(h.with)], attrs...)}
}

// WithGroup implements slog.Handler. The server's log has no groups.
func (h *devLog) WithGroup(string) slog.Handler { return h }
