package server_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/server"
)

// The audit line says to which trace a request belongs, when that is said as it
// should be.
func TestTraceID(t *testing.T) {
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	s, log := serving(t, withInspector(fast()), server.Options{})
	for header, want := range map[string]bool{
		"00-" + id + "-00f067aa0ba902b7-01":                      true,
		"cc-" + id + "-00f067aa0ba902b7-01-what":                 true,
		"00-" + id + "-00f067aa0ba902b7-01-what":                 false,
		"ff-" + id + "-00f067aa0ba902b7-01":                      false,
		"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01":     false,
		"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01": false,
		"00-" + id + "-0000000000000000-01":                      false,
		"00-" + id + "-00f067aa0ba902b7":                         false,
		"00-" + id + "\"-0f067aa0ba902b7-01":                     false,
		"":                                                       false,
	} {
		before := len(log.String())
		do(t, s.Public(), with(post(form()), "traceparent", header))
		do(t, s.Public(), with(post(form("client_secret", "wrong")), "traceparent", header))
		line := log.String()[before:]
		if got := strings.Count(line, `"trace_id":"`+id+`"`) == 2; got != want || !want && strings.Contains(line, "trace_id") {
			t.Errorf("%q: %s", header, line)
		}
	}
	before := len(log.String())
	const good = "00-" + id + "-00f067aa0ba902b7-01"
	do(t, s.Public(), with(post(form()), "traceparent", good, "traceparent", good))
	if strings.Contains(log.String()[before:], "trace_id") {
		t.Error("two headers are taken")
	}
	r := formTo("/oauth/introspect", form())
	do(t, s.Public(), with(r, "traceparent", good))
	if !strings.Contains(log.String()[before:], `"trace_id":"`+id+`"`) {
		t.Error("introspection has no trace")
	}
}
