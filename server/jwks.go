package server

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxAge is how long, in seconds, the JWK Set and the metadata may be cached. A
// key must be announced for longer than that before it signs.
const maxAge = 300

// A jwksEndpoint publishes the keys as they stand at the moment of the request.
type jwksEndpoint struct{ now func() time.Time }

func (e jwksEndpoint) serve(a *Active, w http.ResponseWriter, r *http.Request) {
	newCached(a.Keys().JWKS(e.now().Unix())).write(w, r)
}

// A cached is a public JSON document with its entity tag (RFC 9110 section 8.8.3).
type cached struct {
	body []byte
	etag string
}

func newCached(body []byte) cached {
	sum := sha256.Sum256(body)
	return cached{body: body, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
}

// write answers with the document, or with 304 when the client has it.
func (c cached) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(maxAge))
	h.Set("ETag", c.etag)
	h.Set("Access-Control-Allow-Origin", "*") // public documents, read by browsers too
	if c.matches(r.Header.Values("If-None-Match")) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(c.body)))
	if r.Method != http.MethodHead {
		w.Write(c.body)
	}
}

func (c cached) matches(ifNoneMatch []string) bool {
	for _, header := range ifNoneMatch {
		for tag := range strings.SplitSeq(header, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == c.etag {
				return true
			}
		}
	}
	return false
}
