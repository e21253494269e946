package console

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// An asset is a stylesheet, a script or an image of the console.
type asset struct {
	kind string
	etag string
	body []byte
}

// newAsset prepares a file with an ETag of its content.
func newAsset(name string, body []byte) asset {
	kind := "text/css; charset=utf-8"
	switch {
	case strings.HasSuffix(name, ".js"):
		kind = "text/javascript; charset=utf-8"
	case strings.HasSuffix(name, ".svg"):
		kind = "image/svg+xml"
	}
	sum := sha256.Sum256(body)
	return asset{kind: kind, etag: `"` + hex.EncodeToString(sum[:8]) + `"`, body: body}
}

// writeAsset answers with an asset. Its address carries a version, so that browsers may keep
// it for a day.
func (c *Console) writeAsset(w http.ResponseWriter, r *http.Request, name string) {
	a, ok := c.assets[name]
	if !ok || r.Method == http.MethodPost {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("ETag", a.etag)
	h.Set("Cache-Control", "private, max-age=86400")
	if r.Header.Get("If-None-Match") == a.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(a.body)))
	if r.Method != http.MethodHead {
		w.Write(a.body)
	}
}
