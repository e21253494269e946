package clientauth

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"testing"

	"pgregory.net/rapid"
)

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func TestRead(t *testing.T) {
	for name, c := range map[string]struct {
		headers []string
		params  Params
		want    Credential
		err     error
	}{
		"post":                     {nil, Params{ClientID: "a", ClientSecret: "b"}, Credential{Method: SecretPost, ClientID: "a", Secret: "b"}, nil},
		"Basic":                    {[]string{basic("a", "b")}, Params{}, Credential{Method: SecretBasic, ClientID: "a", Secret: "b"}, nil},
		"Basic with client_id":     {[]string{basic("a", "b")}, Params{ClientID: "a"}, Credential{Method: SecretBasic, ClientID: "a", Secret: "b"}, nil},
		"Basic, another client_id": {[]string{basic("a", "b")}, Params{ClientID: "c"}, Credential{ClientID: "c"}, ErrClientIDsDiffer},
		"Basic and post":           {[]string{basic("a", "b")}, Params{ClientID: "a", ClientSecret: "b"}, Credential{}, ErrMultiple},
		"two headers":              {[]string{basic("a", "b"), basic("a", "b")}, Params{}, Credential{}, ErrMultiple},
		"Basic and assertion":      {[]string{basic("a", "b")}, Params{ClientAssertion: "x"}, Credential{}, ErrMultiple},
		"post and assertion type":  {nil, Params{ClientID: "a", ClientSecret: "b", ClientAssertionType: "x"}, Credential{}, ErrMultiple},
		"assertion":                {nil, Params{ClientID: "a", ClientAssertion: "x"}, Credential{ClientID: "a"}, ErrUnsupportedMethod},
		"assertion of a JWT": {nil, Params{ClientID: "a", ClientAssertion: "x", ClientAssertionType: AssertionType},
			Credential{Method: PrivateKeyJWT, ClientID: "a", Assertion: "x", AssertionType: AssertionType}, nil},
		"JWT-SVID": {nil, Params{ClientID: "a", ClientAssertion: "x", ClientAssertionType: SPIFFEAssertionType},
			Credential{Method: PrivateKeyJWT, ClientID: "a", Assertion: "x", AssertionType: SPIFFEAssertionType}, nil},
		"assertion alone": {nil, Params{ClientAssertion: "x", ClientAssertionType: AssertionType}, Credential{Method: PrivateKeyJWT, Assertion: "x", AssertionType: AssertionType}, nil},
		"assertion of another type": {nil, Params{ClientID: "a", ClientAssertion: "x", ClientAssertionType: "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
			Credential{ClientID: "a"}, ErrUnsupportedMethod},
		"certificate":               {nil, Params{ClientID: "a", Certificate: true}, Credential{Method: TLSClientAuth, ClientID: "a"}, nil},
		"certificate, no client_id": {nil, Params{Certificate: true}, Credential{}, ErrNone},
		"certificate of a mesh":     {nil, Params{ClientID: "a", ClientSecret: "b", Certificate: true}, Credential{Method: SecretPost, ClientID: "a", Secret: "b"}, nil},
		"Bearer":                    {[]string{"Bearer x"}, Params{}, Credential{}, ErrUnsupportedMethod},
		"nothing":                   {nil, Params{}, Credential{}, ErrNone},
		"client_id alone":           {nil, Params{ClientID: "a"}, Credential{ClientID: "a"}, ErrNone},
		"secret alone":              {nil, Params{ClientSecret: "b"}, Credential{}, ErrNone},
		"empty header":              {[]string{""}, Params{}, Credential{}, ErrUnsupportedMethod},
		"scheme alone":              {[]string{"Basic"}, Params{}, Credential{}, ErrMalformedBasic},
		"empty halves":              {[]string{basic("", "")}, Params{}, Credential{}, ErrMalformedBasic},
		"a bad escape in a half":    {[]string{"Basic " + base64.StdEncoding.EncodeToString([]byte("a:%zz"))}, Params{}, Credential{}, ErrMalformedBasic},
		"a control character":       {[]string{"Basic " + base64.StdEncoding.EncodeToString([]byte("a:%00"))}, Params{}, Credential{}, ErrMalformedBasic},
		"base64 without padding":    {[]string{"Basic YTpi"[:9]}, Params{}, Credential{}, ErrMalformedBasic},
		"base64 with stray bits":    {[]string{"Basic YTpiYx=="}, Params{}, Credential{}, ErrMalformedBasic},
		"base64 with a line break":  {[]string{"Basic YTp\ni"}, Params{}, Credential{}, ErrMalformedBasic},
		"a colon within the secret": {[]string{basic("a", "b:c")}, Params{}, Credential{Method: SecretBasic, ClientID: "a", Secret: "b:c"}, nil},
	} {
		got, err := Read(c.headers, c.params)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: %+v, %v; want %+v, %v", name, got, err, c.want, c.err)
		}
	}
}

// Any id and secret of printable ASCII arrive alike by Basic and by post.
func TestBasicRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		printable := rapid.StringMatching(`[ -~]{1,40}`)
		id, secret := printable.Draw(t, "id"), printable.Draw(t, "secret")
		got, err := Read([]string{basic(id, secret)}, Params{})
		if err != nil || got.ClientID != id || got.Secret != secret {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

// net/http reads the same two halves out of a header that is taken here.
func FuzzBasic(f *testing.F) {
	for _, seed := range []string{"YTpi", "YTolMjUr", "Og==", "YTpiOmM=", "Y!", "YTo=", "w6k6w6k="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token68 string) {
		id, secret, ok := ParseBasic(token68)
		r := http.Request{Header: http.Header{"Authorization": {"Basic " + token68}}}
		rawID, rawSecret, theirs := r.BasicAuth()
		if !ok {
			return
		}
		wantID, err1 := url.QueryUnescape(rawID)
		wantSecret, err2 := url.QueryUnescape(rawSecret)
		if !theirs || err1 != nil || err2 != nil || id != wantID || secret != wantSecret {
			t.Errorf("%q: %q %q, net/http has %q %q", token68, id, secret, wantID, wantSecret)
		}
	})
}
