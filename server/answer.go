package server

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/writ-auth/writ/server/decide"
)

// writeError answers with a refusal: the one writer of error answers.
func writeError(w http.ResponseWriter, e *Error) {
	h := w.Header()
	switch e.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Basic realm="oauth"`) // RFC 9110 section 11.6.1
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		h.Set("Retry-After", e.retryAfter())
	}
	body, err := json.Marshal(struct {
		Error       Code   `json:"error"`
		Description string `json:"error_description"`
	}{e.Code, e.Description})
	if err != nil {
		panic(err) // two strings
	}
	writeNoStore(w, e.Status, append(body, '\n'))
}

// writeNoStore answers with JSON that no cache may keep (RFC 6749 section 5.1).
func writeNoStore(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Cache-Control"] = noStore
	h["Pragma"] = noCache
	h["Content-Type"] = typeJSON
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body)
}

// Header values that every answer shares; net/http only reads them.
var (
	noStore  = []string{"no-store"}
	noCache  = []string{"no-cache"}
	typeJSON = []string{"application/json"}
)

// answers are the buffers that token answers are put together in.
var answers = sync.Pool{New: func() any { return new(answer) }}

// An answer is the body of a token answer (RFC 6749 section 5.1).
type answer struct{ body []byte }

// begin starts the answer up to where the token stands.
func (a *answer) begin() { a.body = append(a.body[:0], `{"access_token":"`...) }

// end completes the answer after the token. Scopes are scope-tokens and need
// no escaping (RFC 6749 section 3.3).
//
// exchanged adds what RFC 8693 section 2.2.1 wants; refreshToken is "" for none.
func (a *answer) end(g *decide.Grant, exchanged bool, refreshToken string) {
	kind := `","token_type":"Bearer","expires_in":`
	if g.JKT != "" {
		kind = `","token_type":"DPoP","expires_in":` // RFC 9449 section 5
	}
	a.body = append(a.body, kind...)
	a.body = strconv.AppendInt(a.body, g.Lifetime(), 10)
	if g.Scope != "" {
		a.body = append(a.body, `,"scope":"`...)
		a.body = append(a.body, g.Scope...)
		a.body = append(a.body, '"')
	}
	if refreshToken != "" {
		a.body = append(a.body, `,"refresh_token":"`...)
		a.body = append(a.body, refreshToken...)
		a.body = append(a.body, '"')
	}
	if exchanged {
		a.body = append(a.body, `,"issued_token_type":"`+accessTokenType+`"`...)
	}
	a.body = append(a.body, "}\n"...)
}
