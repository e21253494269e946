package clientauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema/jose"
)

// The longest tokens that are read, in bytes.
const (
	MaxAssertion    = 8 << 10
	MaxProof        = 4 << 10
	MaxSubjectToken = 16 << 10 // of a user, who may be in many groups
)

// A Token is a JWT (RFC 7519) that has been read strictly and not verified:
// whoever sent it may have made it up.
type Token struct {
	*jose.JWS
	claims   jose.Object
	iss, sub string // "" when absent or not a string
}

// ReadToken reads an assertion or the token of a trusted issuer, a signed JWT in the
// compact serialization of at most limit bytes. It refuses every other form: JSON
// serialization, encryption, whitespace, padding, members that stand twice,
// extensions, algorithms that writ does not verify.
func ReadToken(s string, limit int) (*Token, error) { return readToken(s, limit, jose.Assertions) }

// readToken is ReadToken for any use of algorithms: DPoP proofs are read by it too. Nothing is
// verified yet.
func readToken(s string, limit int, use jose.Use) (*Token, error) {
	parsed, err := jose.Parse(s, limit, use)
	if err != nil {
		if form, ok := errors.AsType[*jose.FormError](err); ok {
			return nil, refuse(Reason(form.Code), "%s", form.Detail)
		}
		return nil, refuse(ReasonMalformed, "%v", err)
	}
	claims, err := jose.ReadObject(parsed.Payload)
	if err != nil {
		return nil, refuse(ReasonMalformed, "claims: %v", err)
	}
	t := &Token{JWS: parsed, claims: claims}
	t.iss, _ = claims.Text("iss")
	t.sub, _ = claims.Text("sub")
	return t, nil
}

// UnverifiedIssuer returns the iss claim, "" when there is none. It serves to
// find the key to verify with and for nothing else.
func (t *Token) UnverifiedIssuer() string { return t.iss }

// UnverifiedSubject returns the sub claim, "" when there is none. It serves to
// find the client whose key to verify with and for nothing else.
func (t *Token) UnverifiedSubject() string { return t.sub }

// UnverifiedAudiences returns the values of the aud claim, for people to read.
func (t *Token) UnverifiedAudiences() []string {
	aud, _ := t.claims.Texts("aud")
	return aud
}

// UnverifiedExpiry returns the exp claim in Unix seconds, 0 when there is none. It
// serves to explain a token that has expired.
func (t *Token) UnverifiedExpiry() int64 {
	exp, _ := t.claims.Seconds("exp")
	return exp
}

// Claims are what a token says of its subject. The zero value says nothing.
type Claims struct{ object jose.Object }

// ReadClaims reads a JSON object as strictly as the claims of a token: UTF-8, no
// name twice, nothing around it.
func ReadClaims(object string) (Claims, error) {
	read, err := jose.ReadObject([]byte(object))
	return Claims{read}, err
}

// Get returns the JSON text of a claim as it was signed, nil when it is absent.
// The caller must not change it.
func (c Claims) Get(name string) []byte { return c.object.Get(name) }

// Text returns a claim that is a string; ok is false when it is absent or is
// something else.
func (c Claims) Text(name string) (value string, ok bool) { return c.object.Text(name) }

// Object returns the members of a claim that is an object; ok is false when it
// is absent or is something else.
func (c Claims) Object(name string) (members Claims, ok bool) {
	object, err := jose.ReadObject(c.object.Get(name))
	return Claims{object}, err == nil
}

// Says reports whether every member of a JSON object, "" for none, is a claim
// with an equal value, or one that is an array with an equal element. Numbers
// are equal when they are written alike, arrays when their order is, too.
func (c Claims) Says(object string) bool { return satisfied(c.object, object, equalOrHolds) }

// satisfied holds each member of a JSON object, "" for none, against the claim
// of that name.
func satisfied(claims jose.Object, object string, holds func(got, want []byte) bool) bool {
	if object == "" {
		return true
	}
	wanted, err := jose.ReadObject([]byte(object))
	if err != nil {
		return false
	}
	for _, m := range wanted {
		if got := claims.Get(string(m.Name)); got == nil || !holds(got, m.Value) {
			return false
		}
	}
	return true
}

// equalOrHolds reports whether a claim equals want, or is an array with an element that does.
// Claims such as groups are arrays at one issuer and a single text at another.
func equalOrHolds(got, want []byte) bool {
	if equalJSON(got, want) {
		return true
	}
	elements, ok := jose.Elements(got)
	return ok && slices.ContainsFunc(elements, func(element []byte) bool { return equalJSON(element, want) })
}

// equalJSON compares JSON values, without regard to the order of members. Numbers are compared
// as they are written: as float64, different integers above 2^53 would be equal.
func equalJSON(a, b []byte) bool {
	va, ok1 := decodeJSON(a)
	vb, ok2 := decodeJSON(b)
	return ok1 && ok2 && reflect.DeepEqual(va, vb)
}

// decodeJSON decodes JSON and keeps numbers as they are written.
func decodeJSON(text []byte) (value any, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	return value, dec.Decode(&value) == nil
}

// timeClaims are the time claims of a token (RFC 7519 sections 4.1.4 to 4.1.6), in
// Unix seconds.
type timeClaims struct {
	exp    int64
	iat    int64
	hasIat bool
	from   int64 // by nbf and iat the token is not taken before; 0 when it has neither
}

// times reads the time claims and checks that the token is in force: exp is
// required and has not come, nbf and iat may be absent and have come, each
// within the skew.
func (t *Token) times(now int64) (timeClaims, error) {
	exp, ok := t.claims.Seconds("exp")
	if !ok {
		return timeClaims{}, refuse(ReasonMissingClaim, "exp is not a whole number of seconds")
	}
	read := timeClaims{exp: exp}
	for _, name := range []string{"nbf", "iat"} {
		if t.claims.Get(name) == nil {
			continue
		}
		at, ok := t.claims.Seconds(name)
		switch {
		case !ok:
			return timeClaims{}, refuse(ReasonWrongClaim, "%s is not a whole number of seconds", name)
		case at > now+skew:
			return timeClaims{}, refuse(ReasonTooEarly, "%s is %d seconds ahead", name, at-now)
		case name == "iat":
			read.iat, read.hasIat = at, true
		}
		read.from = max(read.from, at-skew)
	}
	if exp <= now-skew {
		return timeClaims{}, refuse(ReasonExpired, "exp was %d seconds ago", now-exp)
	}
	return read, nil
}

// checkStart refuses what is taken from a time on, in Unix seconds, if it may have been
// used before since, when what was used began to be remembered; the zero time is
// always. A caller's clock may be ahead, so iat alone does not tell: what is from ten
// seconds after since was taken at since already.
//
// fresh is whether it was just made, as far as clocks tell. Then the same caller will
// soon make one that is taken, and the error is a *StartError.
func checkStart(from int64, fresh bool, since time.Time) error {
	if since.IsZero() || !time.Unix(from, 0).Before(since) {
		return nil
	}
	if !fresh {
		return refuse(ReasonBeforeStart, "it may have been used before the start of the server, which forgot what was used")
	}
	start := since.Unix()
	if since.Nanosecond() > 0 {
		start++
	}
	return &StartError{RetryAfter: time.Duration(start-from) * time.Second}
}
