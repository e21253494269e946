package clientauth

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"unicode/utf8"
)

// A Method is a client authentication method by its registered name (RFC 8414
// section 2, token_endpoint_auth_methods_supported).
type Method string

// The methods of a shared secret.
const (
	SecretBasic Method = "client_secret_basic"
	SecretPost  Method = "client_secret_post"
)

// A Credential is what a request presents: a secret, an assertion, or for the
// method TLSClientAuth the client certificate of its connection.
type Credential struct {
	Method    Method
	ClientID  string // "" where an assertion alone says it
	Secret    string
	Assertion string
	// AssertionType is AssertionType or, for a JWT-SVID, SPIFFEAssertionType.
	AssertionType string
}

// Params are the parameters of a request body that bear on client
// authentication; an empty string is an absent one.
type Params struct {
	ClientID            string
	ClientSecret        string
	ClientAssertion     string
	ClientAssertionType string

	// Certificate says that the connection has a client certificate. It counts
	// only when the request has nothing else to authenticate with and names its
	// client (RFC 8705 section 2): meshes present one on every connection.
	Certificate bool
}

// What Read answers. ErrMultiple and ErrClientIDsDiffer are malformed
// requests; the others are failed authentications.
var (
	ErrMultiple          = errors.New("more than one client authentication method")
	ErrClientIDsDiffer   = errors.New("the client_id is not the one that authenticates")
	ErrNone              = errors.New("no client authentication")
	ErrUnsupportedMethod = errors.New("the client authentication method is not supported")
	ErrMalformedBasic    = errors.New("the Basic credentials are malformed")
)

// Read takes the one credential of a request from its Authorization headers
// and its body parameters. It never looks at the query.
func Read(authorization []string, p Params) (Credential, error) {
	assertion := p.ClientAssertion != "" || p.ClientAssertionType != ""
	switch {
	case len(authorization) > 1,
		len(authorization) == 1 && (p.ClientSecret != "" || assertion),
		p.ClientSecret != "" && assertion:
		return Credential{}, ErrMultiple
	case len(authorization) == 1:
		return readHeader(authorization[0], p.ClientID)
	case assertion && p.ClientAssertionType != AssertionType && p.ClientAssertionType != SPIFFEAssertionType:
		return Credential{ClientID: p.ClientID}, ErrUnsupportedMethod
	case assertion:
		return Credential{Method: PrivateKeyJWT, ClientID: p.ClientID, Assertion: p.ClientAssertion, AssertionType: p.ClientAssertionType}, nil
	case p.Certificate && p.ClientSecret == "" && p.ClientID != "":
		return Credential{Method: TLSClientAuth, ClientID: p.ClientID}, nil
	case p.ClientSecret == "" || p.ClientID == "":
		return Credential{ClientID: p.ClientID}, ErrNone
	}
	return Credential{Method: SecretPost, ClientID: p.ClientID, Secret: p.ClientSecret}, nil
}

func readHeader(header, bodyClientID string) (Credential, error) {
	scheme, rest, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return Credential{ClientID: bodyClientID}, ErrUnsupportedMethod
	}
	id, secret, ok := ParseBasic(strings.TrimLeft(rest, " "))
	if !ok {
		return Credential{ClientID: bodyClientID}, ErrMalformedBasic
	}
	if bodyClientID != "" && bodyClientID != id {
		return Credential{ClientID: bodyClientID}, ErrClientIDsDiffer
	}
	return Credential{Method: SecretBasic, ClientID: id, Secret: secret}, nil
}

// ParseBasic decodes what follows "Basic " in the Authorization header: padded
// base64 of two form-encoded halves (RFC 6749 section 2.3.1). Libraries that
// leave the form encoding out agree on every id and secret of [A-Za-z0-9._-].
func ParseBasic(token68 string) (id, secret string, ok bool) {
	decoded, err := base64.StdEncoding.Strict().DecodeString(token68)
	if err != nil || strings.ContainsAny(token68, "\r\n") {
		return "", "", false
	}
	rawID, rawSecret, ok := strings.Cut(string(decoded), ":")
	if !ok {
		return "", "", false
	}
	id, ok1 := formDecode(rawID)
	secret, ok2 := formDecode(rawSecret)
	return id, secret, ok1 && ok2 && id != "" && secret != ""
}

// formDecode undoes application/x-www-form-urlencoded and refuses what no
// credential holds: control characters and bytes that are not UTF-8.
func formDecode(s string) (string, bool) {
	decoded, err := url.QueryUnescape(s)
	if err != nil || !utf8.ValidString(decoded) {
		return "", false
	}
	for i := 0; i < len(decoded); i++ {
		if decoded[i] < 0x20 || decoded[i] == 0x7f {
			return "", false
		}
	}
	return decoded, true
}
