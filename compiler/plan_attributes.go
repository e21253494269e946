package compiler

import (
	"encoding/json"

	"github.com/writ-auth/writ/schema"
)

// attributes collects what is set, in the order of the language reference.
type attributes []Attribute

func (l *attributes) add(name string, value any) { *l = append(*l, Attribute{name, value}) }

func (l *attributes) text(name, value string) {
	if value != "" {
		l.add(name, value)
	}
}

func (l *attributes) flag(name string, value bool) {
	if value {
		l.add(name, value)
	}
}

// seconds adds a duration; 0 is not set.
func (l *attributes) seconds(name string, value int64) {
	if value != 0 {
		l.add(name, value)
	}
}

// time adds Unix seconds as RFC 3339; 0 is not set.
func (l *attributes) time(name string, value int64) {
	if value != 0 {
		l.add(name, schema.FormatTime(value))
	}
}

func (l *attributes) texts(name string, value []string) {
	if len(value) > 0 {
		l.add(name, value)
	}
}

func (l *attributes) textMap(name string, value map[string]string) {
	if len(value) > 0 {
		l.add(name, value)
	}
}

// object adds a JSON object that is canonical already; "" is not set.
func (l *attributes) object(name, value string) {
	if value != "" {
		l.add(name, json.RawMessage(value))
	}
}

func (l *attributes) window(w schema.Window) {
	l.time("not_before", w.NotBefore)
	l.time("expires_at", w.ExpiresAt)
}

func issuerAttributes(i *schema.Issuer) []Attribute {
	var l attributes
	l.text("url", i.URL)
	l.text("error_style", string(i.ErrorStyle))
	l.text("sub_style", string(i.SubStyle))
	l.text("environment", i.Environment)
	return l
}

func apiAttributes(a *schema.API) []Attribute {
	l := make(attributes, 0, 12)
	l.text("name", a.Name)
	l.text("identifier", a.Identifier)
	l.text("token_profile", string(a.Profile))
	l.text("signing_alg", string(a.Alg))
	l.text("signing_secret", string(a.SigningSecret))
	l.seconds("token_lifetime", a.TokenLifetime)
	l.flag("allow_offline_access", a.AllowOfflineAccess)
	l.flag("include_permissions", a.IncludePermissions)
	l.text("scope_mode", string(a.ScopeMode))
	l.seconds("reuse_window", a.ReuseWindow)
	l.flag("prevent_destroy", a.PreventDestroy)
	l.texts("distinct_from", a.DistinctFrom)
	l.textMap("metadata", a.Metadata)
	if len(a.Scopes) > 0 {
		scopes := make([]Object, len(a.Scopes))
		for i, s := range a.Scopes {
			var scope attributes
			scope.text("name", s.Name)
			scope.text("description", s.Description)
			scopes[i] = Object{[]Attribute(scope)}
		}
		l.add("scopes", scopes)
	}
	return l
}

func clientAttributes(c *schema.Client) []Attribute {
	l := make(attributes, 0, 12)
	l.text("name", c.Name)
	l.text("client_id", c.ClientID)
	l.texts("grant_types", c.GrantTypes)
	l.textMap("metadata", c.Metadata)
	l.text("default_api", c.DefaultAPI)
	if c.RateLimit != 0 {
		l.add("rate_limit", c.RateLimit)
	}
	l.texts("introspects", c.Introspects)
	l.time("revoked_before", c.RevokedBefore)
	l.flag("require_sender_constrained", c.RequireSenderConstrained)
	l.flag("prevent_destroy", c.PreventDestroy)
	if credentials := credentialsOf(c); len(credentials) > 0 {
		shown := make([]Object, len(credentials))
		for i, credential := range credentials {
			shown[i] = credential.object()
		}
		l.add("credentials", shown)
	}
	if c.RefreshToken != nil {
		l.add("refresh_token", refreshTokenObject(c.RefreshToken))
	}
	return l
}

func refreshTokenObject(r *schema.RefreshToken) Object {
	var l attributes
	l.text("rotation", string(r.Rotation))
	l.seconds("lifetime", r.Lifetime)
	l.seconds("idle_lifetime", r.IdleLifetime)
	l.seconds("leeway", r.Leeway)
	return Object{[]Attribute(l)}
}

func authorizationAttributes(a *schema.Authorization) []Attribute {
	l := make(attributes, 0, 8)
	l.text("client", a.Client)
	l.text("api", a.API)
	if a.Scopes == nil {
		l.add("scopes", []string{})
	} else {
		l.add("scopes", a.Scopes)
	}
	l.text("subject_type", string(a.SubjectType))
	l.object("subject_claims", a.SubjectClaims)
	l.texts("copy_claims", a.CopyClaims)
	l.seconds("token_lifetime", a.TokenLifetime)
	l.time("expires_at", a.ExpiresAt)
	l.object("claims", a.Claims)
	return l
}

func trustedIssuerAttributes(t *schema.TrustedIssuer) []Attribute {
	var l attributes
	l.text("issuer", t.Issuer)
	if t.JWKS != "" {
		l.add("jwks", keyIDs(t.JWKS))
	}
	l.text("jwks_uri", t.JWKSURI)
	l.texts("algorithms", textsOf(t.Algorithms))
	l.texts("audiences", t.Audiences)
	l.texts("vouches_for", textsOf(t.VouchesFor))
	l.flag("caps_lifetime", t.CapsLifetime)
	return l
}

func signingKeyAttributes(k *schema.SigningKey) []Attribute {
	var l attributes
	l.text("algorithm", string(k.Alg))
	l.text("private_key", string(k.PrivateKey))
	l.time("activates_at", k.ActivatesAt)
	l.time("retires_at", k.RetiresAt)
	return l
}

// textsOf lists the values of an enumeration as strings.
func textsOf[T ~string](values []T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}
