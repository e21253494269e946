package server

import (
	"net/http"
	"strings"
)

// traceID is the trace that a request belongs to, for the audit line: the
// trace-id of a traceparent header (W3C Trace Context section 3.2), "" when
// there is none or it is malformed.
func traceID(h http.Header) string {
	values := h["Traceparent"]
	if len(values) != 1 {
		return ""
	}
	v := values[0]
	// version "-" trace-id "-" parent-id "-" trace-flags; later versions may say more.
	if len(v) < 55 || len(v) > 55 && (v[:2] == "00" || v[55] != '-') || v[2] != '-' || v[35] != '-' || v[52] != '-' {
		return ""
	}
	version, trace, parent, flags := v[:2], v[3:35], v[36:52], v[53:55]
	if version == "ff" || !lowerHex(version) || !lowerHex(trace) || !lowerHex(parent) || !lowerHex(flags) ||
		strings.Trim(trace, "0") == "" || strings.Trim(parent, "0") == "" {
		return ""
	}
	return trace
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
