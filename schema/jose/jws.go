package jose

import (
	"fmt"
	"strings"
)

// A FormError says why a text is not a token to look at further. Detail holds no more
// of it than the beginning of a name, quoted.
type FormError struct {
	Code   string // one of the constants below
	Detail string
}

// The codes of a FormError.
const (
	TooLarge             = "too_large"
	Malformed            = "malformed"
	CriticalHeader       = "critical_header"
	UnsupportedAlgorithm = "unsupported_algorithm"
)

// Error implements error.
func (e *FormError) Error() string { return e.Detail }

// malformed is a FormError with the code of that name.
func malformed(format string, args ...any) error {
	return &FormError{Malformed, fmt.Sprintf(format, args...)}
}

// A JWS is a signed token in the compact serialization (RFC 7515 section 7.1) that has
// been read and nothing more: whoever sent it may have made it up. Of the header only
// alg, kid and typ are ever used to verify a token. Members that point to or carry
// keys (jku, x5u, jwk, x5c) are left alone, except that who checks a DPoP proof takes
// its jwk out of Header.
type JWS struct {
	Alg       Alg
	KID       string // "" when there is none
	Type      string // typ in lower case without "application/"; "" when there is none
	Header    Object
	RawHeader []byte // the JSON of Header
	Payload   []byte
	Input     []byte // what the signature is over: header and payload as they were sent
	Signature []byte
}

// Split takes a token of at most limit bytes apart. It refuses every other form: JSON
// serialization, encryption, whitespace, padding, header members that stand twice. It
// reads no header member: Alg, KID and Type are empty.
func Split(token string, limit int) (*JWS, error) {
	if len(token) > limit {
		return nil, &FormError{TooLarge, fmt.Sprintf("token of %d bytes is longer than %d", len(token), limit)}
	}
	// Counted first: a token of thousands of dots, as in encryption, must not be cut into as
	// many parts.
	if strings.Count(token, ".") != 2 {
		return nil, malformed("the token does not have three parts with dots between them")
	}
	first, last := strings.IndexByte(token, '.'), strings.LastIndexByte(token, '.')
	header, ok1 := Base64URL(token[:first])
	payload, ok2 := Base64URL(token[first+1 : last])
	signature, ok3 := Base64URL(token[last+1:])
	if !ok1 || !ok2 || !ok3 {
		return nil, malformed("token is not canonical base64url")
	}
	members, err := ReadObject(header)
	if err != nil {
		return nil, malformed("header: %v", err)
	}
	return &JWS{Header: members, RawHeader: header, Payload: payload, Input: []byte(token[:last]), Signature: signature}, nil
}

// Parse takes a token apart as Split does, and reads its header for what the
// algorithm is used for. It refuses a token without a signature, algorithms that do
// not have that use, and extensions.
func Parse(token string, limit int, use Use) (*JWS, error) {
	t, err := Split(token, limit)
	if err != nil {
		return nil, err
	}
	if len(t.Signature) == 0 {
		return nil, malformed("token has no signature")
	}
	return t, t.readHeader(use)
}

// readHeader takes what verification uses from the header. It understands no
// extension, so a crit of any content is refused (RFC 7515 section 4.1.11), and
// with it b64, which may not stand without crit (RFC 7797 section 6).
func (t *JWS) readHeader(use Use) error {
	if t.Header.Get("crit") != nil || t.Header.Get("b64") != nil {
		return &FormError{CriticalHeader, "header has an extension that must be understood"}
	}
	name, ok := t.Header.Text("alg")
	if !ok {
		return malformed("header has no alg")
	}
	if t.Alg, ok = Lookup(name, use); !ok {
		return &FormError{UnsupportedAlgorithm, fmt.Sprintf("alg %+.64q", name)}
	}
	if t.Header.Get("kid") != nil {
		if t.KID, ok = t.Header.Text("kid"); !ok || t.KID == "" || len(t.KID) > maxKID {
			return malformed("kid is not a string of 1 to %d bytes", maxKID)
		}
	}
	if t.Header.Get("typ") != nil {
		typ, ok := t.Header.Text("typ")
		if !ok {
			return malformed("typ is not a string")
		}
		t.Type = mediaType(typ)
	}
	return nil
}

// mediaType returns a typ in the form in which it is compared: in lower case, and without
// "application/", which may be left out (RFC 7515 section 4.1.9).
func mediaType(typ string) string {
	typ = strings.ToLower(typ)
	if rest, ok := strings.CutPrefix(typ, "application/"); ok && !strings.Contains(rest, "/") {
		return rest
	}
	return typ
}
