package compiler

import (
	"cmp"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/schema"
)

// What a client's refresh tokens do when its refresh_token block is silent, in
// seconds.
const (
	defaultRefreshLifetime     = 30 * 24 * 3600
	defaultRefreshIdleLifetime = 15 * 24 * 3600
)

// issuerWithDefaults is the issuer as the server will see it.
func issuerWithDefaults(declared *config.Issuer) schema.Issuer {
	iss := declared.Issuer
	iss.ErrorStyle = cmp.Or(iss.ErrorStyle, schema.ErrorsRFC6749)
	iss.SubStyle = cmp.Or(iss.SubStyle, schema.SubClientsSuffix)
	return iss
}

// apiWithDefaults fills what an api is silent about: first from the issuer's
// defaults, then from the language's.
func apiWithDefaults(declared *config.API, issuer *config.Issuer) schema.API {
	api := declared.API
	api.Name = cmp.Or(api.Name, api.Label)
	api.Profile = cmp.Or(api.Profile, issuer.Defaults.Profile, schema.ProfileRFC9068)
	api.Alg = cmp.Or(api.Alg, issuer.Defaults.Alg, schema.RS256)
	api.TokenLifetime = cmp.Or(api.TokenLifetime, issuer.Defaults.TokenLifetime, schema.DefaultTokenLifetime)
	api.ScopeMode = cmp.Or(api.ScopeMode, schema.ScopeNarrow)
	return api
}

// clientWithDefaults fills what a client is silent about.
func clientWithDefaults(declared *config.Client) schema.Client {
	client := declared.Client
	client.Name = cmp.Or(client.Name, client.Label)
	if client.ClientID == "" && !declared.Has("client_id") {
		client.ClientID = client.Label
	}
	if client.GrantTypes == nil && !declared.Has("grant_types") {
		client.GrantTypes = []string{schema.GrantClientCredentials}
	}
	if client.RefreshToken != nil {
		client.RefreshToken = refreshTokenWithDefaults(*client.RefreshToken)
	}
	return client
}

func refreshTokenWithDefaults(t schema.RefreshToken) *schema.RefreshToken {
	t.Rotation = cmp.Or(t.Rotation, schema.RotationRotating)
	t.Lifetime = cmp.Or(t.Lifetime, defaultRefreshLifetime)
	// An idle lifetime beyond the lifetime would mean nothing.
	t.IdleLifetime = cmp.Or(t.IdleLifetime, min(defaultRefreshIdleLifetime, t.Lifetime))
	return &t
}

// trustedIssuerWithDefaults fills what a trusted issuer is silent about.
func trustedIssuerWithDefaults(declared *config.TrustedIssuer, issuer schema.Issuer) schema.TrustedIssuer {
	trusted := declared.TrustedIssuer
	if trusted.Audiences == nil && !declared.Has("audiences") && issuer.URL != "" {
		trusted.Audiences = []string{issuer.URL}
	}
	return trusted
}
