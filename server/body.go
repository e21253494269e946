package server

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// maxBody bounds the body of a token request, in bytes.
const maxBody = 64 << 10

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// bodySizes are the sizes of the buffers that bodies are read into, in bytes. Most
// fit into the first; the last has room to see that there is no more.
var bodySizes = [...]int{2 << 10, 16 << 10, maxBody + 1}

// bodies are the buffers, of each size. Large ones are few: see arrivals.
var bodies [len(bodySizes)]sync.Pool

// A body is what has come of a request body, in a buffer of bodies.
type body struct {
	size   int // of bodySizes
	buffer *[]byte
	n      int
}

// grow has room for more.
func (b *body) grow() {
	next := body{n: b.n}
	if b.buffer != nil {
		next.size = b.size + 1
	}
	var ok bool
	if next.buffer, ok = bodies[next.size].Get().(*[]byte); !ok {
		buffer := make([]byte, bodySizes[next.size])
		next.buffer = &buffer
	}
	if b.buffer != nil {
		copy(*next.buffer, b.bytes())
		b.done()
	}
	*b = next
}

func (b *body) bytes() []byte { return (*b.buffer)[:b.n] }

// done gives the buffer back, without the secret that it held.
func (b *body) done() {
	clear(b.bytes())
	bodies[b.size].Put(b.buffer)
	b.buffer = nil
}

// read reads all of r, which has no more than maxBody bytes. More room is made
// when it is needed, and not because somebody says that it will be. It is counted of
// the stream, if there is one.
func (b *body) read(r io.Reader, stream *arrival) error {
	for {
		if b.buffer == nil || b.n == len(*b.buffer) {
			b.grow()
			stream.came(len(*b.buffer))
		}
		stream.waits()
		n, err := r.Read((*b.buffer)[b.n:])
		b.n += n
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// readForm reads the parameters of a token request from its body, and from
// nowhere else.
func readForm(w http.ResponseWriter, r *http.Request, f *form) *Error {
	mediaType := bodyType(r.Header)
	if mediaType == "" {
		return refuse(CodeInvalidRequest, ReasonContentType)
	}
	if queryHoldsCredentials(r.URL.RawQuery) {
		return refuse(CodeInvalidRequest, ReasonQueryCredentials)
	}
	if r.ContentLength > maxBody { // nobody waits for what is not wanted
		endAfter(w, r)
		return refuse(CodeInvalidRequest, ReasonBodyTooLarge)
	}
	var b body
	defer b.done()
	stream, done := bodyArrives(w, r)
	err := b.read(http.MaxBytesReader(w, r.Body, maxBody), stream)
	if cut := done(); cut {
		endAfter(w, r)
		return refuse(CodeUnavailable, ReasonUnfinished)
	}
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			endAfter(w, r)
			return refuse(CodeInvalidRequest, ReasonBodyTooLarge)
		}
		return refuse(CodeInvalidRequest, ReasonUnreadableBody)
	}
	if mediaType == jsonType {
		return formError(f.parseJSON(b.bytes()))
	}
	return formError(f.parse(b.bytes()))
}

// endAfter has the connection end with the answer: what is left of the body is no
// request. A stream of HTTP/2 ends by itself, and there net/http would refuse the
// streams that others begin on the connection meanwhile.
func endAfter(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor < 2 {
		w.Header().Set("Connection", "close")
	}
}

// bodyType is formType or jsonType, "" for anything else.
func bodyType(h http.Header) string {
	values := h["Content-Type"]
	if len(values) != 1 || len(h["Content-Encoding"]) > 0 {
		return ""
	}
	if values[0] == formType {
		return formType
	}
	mediaType, params, err := mime.ParseMediaType(values[0])
	if err != nil || mediaType != formType && mediaType != jsonType {
		return ""
	}
	if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return ""
	}
	return mediaType
}

// credentials are the parameters that may stand in no URI.
var credentials = []string{
	"client_secret", "client_assertion", "assertion", "subject_token", "actor_token", "refresh_token", "access_token", "token",
}

// queryHoldsCredentials reports whether the URI carries what belongs in the
// body or a header (RFC 6749 section 2.3.1): URIs end up in logs. Everything
// else in the query is ignored.
func queryHoldsCredentials(query string) bool {
	if query == "" {
		return false
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return true // what cannot be read cannot be cleared
	}
	return slices.ContainsFunc(credentials, values.Has)
}

func formError(err error) *Error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errDuplicate):
		return refuse(CodeInvalidRequest, ReasonDuplicateParameter)
	case errors.Is(err, errTooMany):
		return refuse(CodeInvalidRequest, ReasonTooManyParameters)
	}
	return refuse(CodeInvalidRequest, ReasonMalformedForm)
}
