package endpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/writ-auth/writ/server/internal/active"
)

// A metadataEndpoint serves the authorization server's metadata (RFC 8414 section 3).
type metadataEndpoint struct{}

// serve answers with what activation has rendered: the document is the same for everybody.
func (metadataEndpoint) serve(s *active.State, w http.ResponseWriter, r *http.Request) {
	writeDocument(w, r, s.Metadata)
}

// A jwksEndpoint publishes the keys as they are at the moment of the request.
type jwksEndpoint struct{ now func() time.Time }

// serve answers with the keys that are published now: they come and go between reloads.
func (e jwksEndpoint) serve(s *active.State, w http.ResponseWriter, r *http.Request) {
	writeDocument(w, r, s.Keys().JWKS(e.now().Unix()))
}

// A protectedResourceEndpoint serves the description of the API whose label is
// the last segment of the path, percent-encoded as labels with a for_each key
// need: worker%5B%22eu%22%5D.
type protectedResourceEndpoint struct{}

// serve finds the API by its label. A resource server that knows the address names it in its
// challenges, and its clients find the issuer there (RFC 9728 section 5).
func (protectedResourceEndpoint) serve(s *active.State, w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	label, err := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:])
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	api, ok := s.Snapshot.APIByLabel(label)
	if !ok {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	writeDocument(w, r, mustMarshal(s.ProtectedResource(api)))
}

// writeDocument answers with a public JSON document and its entity tag (RFC 9110
// section 8.8.3), or with 304 when the client has it.
func writeDocument(w http.ResponseWriter, r *http.Request, body []byte) {
	sum := sha256.Sum256(body)
	etag := `"` + hex.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(active.MaxAge.Seconds())))
	h.Set("ETag", etag)
	h.Set("Access-Control-Allow-Origin", "*") // public documents, read by browsers too
	if matches(r.Header.Values("If-None-Match"), etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h["Content-Type"] = typeJSON
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}

// matches compares entity tags as If-None-Match asks, weakly (RFC 9110 section 13.1.2).
func matches(ifNoneMatch []string, etag string) bool {
	for _, header := range ifNoneMatch {
		for tag := range strings.SplitSeq(header, ",") {
			tag = strings.TrimSpace(tag)
			if tag == "*" || strings.TrimPrefix(tag, "W/") == etag {
				return true
			}
		}
	}
	return false
}
