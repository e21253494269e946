package server

import (
	"bytes"
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

// bodies are the buffers that request bodies are read into.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

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
		return refuse(CodeInvalidRequest, ReasonBodyTooLarge)
	}
	buffer := bodies.Get().(*bytes.Buffer)
	defer func() {
		clear(buffer.Bytes()) // it held a secret
		buffer.Reset()
		bodies.Put(buffer)
	}()
	if _, err := io.Copy(buffer, http.MaxBytesReader(w, r.Body, maxBody)); err != nil {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return refuse(CodeInvalidRequest, ReasonBodyTooLarge)
		}
		return refuse(CodeInvalidRequest, ReasonUnreadableBody)
	}
	if mediaType == jsonType {
		return formError(f.parseJSON(buffer.Bytes()))
	}
	return formError(f.parse(buffer.Bytes()))
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
