package console

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// A claim is one member of a token's header or of its claims, with what it means.
type claim struct {
	Name, Value string // the value as JSON
	Meaning     string
	Slash       bool // the value ends with a slash, to be pointed out
}

// decode takes a compact token apart, in the order in which it was written.
func (p *page) decode(token string) (header, claims []claim) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, nil
	}
	return p.members(parts[0], headerMeanings), p.members(parts[1], claimMeanings)
}

// members lists the members of one part of a token, with what each means. It stops where the
// JSON is malformed.
func (p *page) members(part string, meanings map[string]string) []claim {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return nil
	}
	var all []claim
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var value json.RawMessage
		if err != nil || d.Decode(&value) != nil {
			return all
		}
		c := claim{Name: name.(string), Value: string(value)}
		c.Meaning = meanings[c.Name]
		if c.Meaning == "" {
			c.Meaning = "A custom claim, declared in the configuration."
		}
		c.Slash = strings.HasSuffix(c.Value, `/"`)
		if seconds, err := strconv.ParseInt(c.Value, 10, 64); err == nil && timeClaims[c.Name] {
			t := time.Unix(seconds, 0).UTC()
			c.Meaning += " That is " + t.Format("2006-01-02 15:04:05") + " UTC, " + ago(t, p.state.Now) + "."
		}
		all = append(all, c)
	}
	return all
}

// timeClaims are the claims that are Unix seconds (RFC 7519 section 4.1).
var timeClaims = map[string]bool{"iat": true, "exp": true, "nbf": true}

// headerMeanings explain the members of a token's header.
var headerMeanings = map[string]string{
	"alg": "The algorithm of the signature. A verifier must accept this one and no other.",
	"typ": "What kind of JWT this is: at+jwt is an access token by RFC 9068, JWT is Auth0's classic form.",
	"kid": "The key that signed: its RFC 7638 thumbprint, to be looked up in the JWK Set.",
}

// claimMeanings explain the claims that writ makes. All others are custom claims.
var claimMeanings = map[string]string{
	"iss":         "Who issued the token. A verifier compares it byte for byte, the trailing slash included.",
	"sub":         "Whom the token speaks for: here the client itself, as no user is involved.",
	"aud":         "Which API the token is for: its identifier. An API refuses tokens for any other.",
	"iat":         "When it was issued.",
	"exp":         "When it ends. A verifier refuses it from then on.",
	"nbf":         "From when on it may be used.",
	"azp":         "The client that asked for it (Auth0's name for it).",
	"client_id":   "The client that asked for it (RFC 9068).",
	"gty":         "The grant by which it was got (Auth0's classic form).",
	"jti":         "A name of this one token, for logs and to tell tokens apart.",
	"scope":       "What the token allows: the scopes granted, separated by spaces.",
	"permissions": "The scopes granted as a list, because the API says include_permissions.",
	"cnf":         "The key that the token is bound to: only its holder can use it.",
	"act":         "Who acts on the subject's behalf (RFC 8693).",
}
