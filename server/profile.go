package server

import (
	"bytes"
	"net/http"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"
)

// profilePath is where profiles are, as the tools expect them.
const profilePath = "/debug/pprof/"

// maxProfile bounds how long the processor is profiled, in seconds.
const maxProfile = 60

// writeProfile answers with a profile by its name, "profile" being that of the
// processor. The handlers of net/http/pprof would put themselves, and the
// command line, on the default mux.
func (s *Server) writeProfile(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.EscapedPath(), profilePath)
	var out bytes.Buffer
	switch profile := pprof.Lookup(name); {
	case name == "profile":
		if !profileProcessor(w, r, &out) {
			return
		}
	case profile == nil:
		http.Error(w, "not found", http.StatusNotFound)
		return
	default:
		if err := profile.WriteTo(&out, 0); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.Write(out.Bytes())
}

// profileProcessor runs for ?seconds=, or until the caller is gone.
func profileProcessor(w http.ResponseWriter, r *http.Request, out *bytes.Buffer) bool {
	seconds := 30
	if text := r.URL.Query().Get("seconds"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil || seconds < 1 || seconds > maxProfile {
			http.Error(w, "seconds must be 1 to 60", http.StatusBadRequest)
			return false
		}
	}
	took := time.Duration(seconds) * time.Second
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(took + writeTimeout)) // a recorder has none
	if err := pprof.StartCPUProfile(out); err != nil {
		http.Error(w, "another profile is being made", http.StatusConflict)
		return false
	}
	defer pprof.StopCPUProfile()
	select {
	case <-time.After(took):
	case <-r.Context().Done():
	}
	return true
}
