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
// event, the time first, empty values left out.
type devLog struct {
	mu   *sync.Mutex
	w    io.Writer
	with []slog.Attr
}

func newDevLog(w io.Writer) slog.Handler { return &devLog{mu: new(sync.Mutex), w: w} }

// Enabled leaves out what "writ dev" says itself.
func (h *devLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelInfo }

func (h *devLog) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "snapshot activated" || r.Message == "snapshot rejected" {
		return nil // announced, or reported with the diagnostics
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
	h.mu.Lock()
	defer h.mu.Unlock()
	_, err := fmt.Fprintln(h.w, line.String())
	return err
}

// devLogLeavesOut tells what an auditor needs and a person at a terminal knows.
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

func (h *devLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &devLog{mu: h.mu, w: h.w, with: append(h.with[:len(h.with):len(h.with)], attrs...)}
}

func (h *devLog) WithGroup(string) slog.Handler { return h }
