package transport

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// Limits of a request body.
const (
	maxBody = 64 << 10 // bytes
	// maxParameters is how many parameters it may have. Go's own parser stops at ten
	// thousand, and keeps what it has read so far when it meets an error.
	maxParameters = 64
)

const (
	formType = "application/x-www-form-urlencoded"
	jsonType = "application/json"
)

// Why the parameters of a request cannot be read.
var (
	ErrContentType      = errors.New("the body is neither a form nor JSON")
	ErrQueryCredentials = errors.New("the URI holds credentials")
	ErrTooLarge         = errors.New("the body is too large")
	ErrCutOff           = errors.New("the body was cut off: too many requests are incomplete")
	ErrUnreadable       = errors.New("the body cannot be read")
	ErrMalformed        = errors.New("the body is malformed")
	ErrDuplicate        = errors.New("a parameter is given twice")
	ErrTooMany          = errors.New("too many parameters")
)

// A Form is the parameters of one request body, each at most once (RFC 6749
// section 3.2).
type Form struct {
	n      int
	twice  string // see Twice
	names  [maxParameters]string
	values [maxParameters]string
}

// forms are those that are free. On the stack, below RSA's arithmetic, they would make
// each connection hold 32 KiB of stack instead of 16.
var forms = sync.Pool{New: func() any { return new(Form) }}

// NewForm returns an empty form. Free takes it back.
func NewForm() *Form { return forms.Get().(*Form) }

// Free forgets the parameters, secrets among them. The form is not to be used after.
func (f *Form) Free() {
	clear(f.names[:f.n])
	clear(f.values[:f.n])
	f.n, f.twice = 0, ""
	forms.Put(f)
}

// Twice returns, after ErrDuplicate, the name of the parameter that was given twice, if
// it is one that an endpoint reads. Any other name is the sender's, and is not repeated.
func (f *Form) Twice() string { return f.twice }

// Get returns a parameter's value, "" when it is absent: an empty value counts
// as omitted (RFC 6749 section 3.2).
func (f *Form) Get(name string) string {
	for i := range f.n {
		if f.names[i] == name {
			return f.values[i]
		}
	}
	return ""
}

// Read reads the parameters of a request from its body, and from nowhere else. It
// fails with one of the errors above.
func (f *Form) Read(w http.ResponseWriter, r *http.Request) error {
	mediaType := bodyType(r.Header)
	if mediaType == "" {
		return ErrContentType
	}
	if queryHoldsCredentials(r.URL.RawQuery) {
		return ErrQueryCredentials
	}
	if r.ContentLength > maxBody { // none of it is waited for
		closeAfter(w, r)
		return ErrTooLarge
	}
	var b body
	defer b.free()
	stream, done := beginBody(w, r)
	err := b.read(http.MaxBytesReader(w, r.Body, maxBody), stream)
	if cutOff := done(); cutOff {
		closeAfter(w, r)
		return ErrCutOff
	}
	if err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			closeAfter(w, r)
			return ErrTooLarge
		}
		return ErrUnreadable
	}
	if mediaType == jsonType {
		return f.parseJSON(b.bytes())
	}
	return f.parse(b.bytes())
}

// closeAfter makes net/http close the connection after the answer, because the rest
// of the body would be taken for the next request. A stream of HTTP/2 ends by itself,
// and there net/http would refuse the streams that begin on the connection meanwhile.
func closeAfter(w http.ResponseWriter, r *http.Request) {
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

// credentials are the parameters that must not be in a URI.
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
		return true // it may hold one
	}
	return slices.ContainsFunc(credentials, values.Has)
}

// add takes a decoded parameter. Unknown ones are kept too, because they must not be
// given twice either.
func (f *Form) add(name, value string) error {
	for i := range f.n {
		if f.names[i] == name {
			if known[name] {
				f.twice = name
			}
			return ErrDuplicate
		}
	}
	if f.n == maxParameters {
		return ErrTooMany
	}
	if !plainText(name) || !plainText(value) {
		return ErrMalformed
	}
	f.names[f.n], f.values[f.n] = name, value
	f.n++
	return nil
}

// parse reads application/x-www-form-urlencoded, all of it or nothing: a bad
// escape, a semicolon, a NUL or bytes that are not UTF-8 refuse the body. It
// decodes in place, in body, so that all names and values are one string.
func (f *Form) parse(body []byte) error {
	var ends [2 * (maxParameters + 1)]int // of names and values in turn
	n, written, malformed := 0, 0, false
	for rest := body; len(rest) > 0 && n < len(ends) && !malformed; {
		var pair []byte
		if pair, rest = cut(rest, '&'); len(pair) == 0 {
			continue
		}
		name, value := cut(pair, '=')
		for _, encoded := range [][]byte{name, value} {
			length, ok := unescape(body[written:], encoded)
			malformed = malformed || !ok
			written += length
			ends[n] = written
			n++
		}
	}
	if malformed {
		n -= 2
	}
	text, start := string(body[:written]), 0
	for i := 0; i < n; i += 2 {
		if err := f.add(text[start:ends[i]], text[ends[i]:ends[i+1]]); err != nil {
			return err
		}
		start = ends[i+1]
	}
	if malformed {
		return ErrMalformed
	}
	return nil
}

// cut is bytes.Cut by one byte.
func cut(s []byte, sep byte) (before, after []byte) {
	if i := bytes.IndexByte(s, sep); i >= 0 {
		return s[:i], s[i+1:]
	}
	return s, nil
}

// unescape decodes s into dst, which may begin where s does, or before, in the same
// array. It returns the number of decoded bytes.
func unescape(dst, s []byte) (n int, ok bool) {
	if bytes.IndexByte(s, '%') < 0 && bytes.IndexByte(s, '+') < 0 && bytes.IndexByte(s, ';') < 0 {
		return copy(dst, s), true // as in tokens, which are long
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch c {
		case ';':
			return n, false
		case '+':
			c = ' '
		case '%':
			if i+2 >= len(s) {
				return n, false
			}
			high, ok1 := unhex(s[i+1])
			low, ok2 := unhex(s[i+2])
			if !ok1 || !ok2 {
				return n, false
			}
			c = high<<4 | low
			i += 2
		}
		dst[n] = c
		n++
	}
	return n, true
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// plainText reports whether s is UTF-8 without a NUL.
func plainText(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// parseJSON reads a flat JSON object of strings, which Auth0 accepts as well as a
// form. null is an absent value. A member of another type is malformed when its name
// is a known parameter, and otherwise kept without a value.
func (f *Form) parseJSON(body []byte) error {
	if !utf8.Valid(body) || !json.Valid(body) {
		return ErrMalformed
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') {
		return ErrMalformed
	}
	for decoder.More() {
		// A plain decode would fold the case of names and keep the last duplicate.
		name, err := decoder.Token()
		if err != nil {
			return ErrMalformed
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			return ErrMalformed
		}
		text, ok := value.(string)
		if !ok && value != nil && known[name.(string)] {
			return ErrMalformed
		}
		if err := f.add(name.(string), text); err != nil {
			return err
		}
	}
	return nil
}

// known are the parameters that one of the endpoints reads.
var known = map[string]bool{
	"grant_type": true, "audience": true, "resource": true, "scope": true,
	"client_id": true, "client_secret": true, "client_assertion": true, "client_assertion_type": true,
	"token": true, "token_type_hint": true,
	"subject_token": true, "subject_token_type": true, "actor_token": true, "actor_token_type": true, "requested_token_type": true,
	"assertion": true, "refresh_token": true,
}

// bodySizes are the sizes of the buffers that bodies are read into, in bytes. Most
// fit into the first; the last has room to see that there is no more.
var bodySizes = [...]int{2 << 10, 16 << 10, maxBody + 1}

// bodies are the free buffers of each size. Large ones are few: see arrivals.
var bodies [len(bodySizes)]sync.Pool

// A body is what has arrived of a request body, in a buffer of bodies.
type body struct {
	size   int // of bodySizes
	buffer *[]byte
	n      int // bytes that have arrived
}

// grow moves what has arrived into the next larger buffer.
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
		b.free()
	}
	*b = next
}

func (b *body) bytes() []byte { return (*b.buffer)[:b.n] }

// free returns the buffer, without the secret that it held.
func (b *body) free() {
	clear(b.bytes())
	bodies[b.size].Put(b.buffer)
	b.buffer = nil
}

// read reads all of r, which has at most maxBody bytes. The buffer grows as bytes
// arrive, whatever Content-Length says. Its size is counted in stream, which may be nil.
func (b *body) read(r io.Reader, stream *arrival) error {
	for {
		if b.buffer == nil || b.n == len(*b.buffer) {
			b.grow()
			stream.add(len(*b.buffer))
		}
		stream.awaitRoom()
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
