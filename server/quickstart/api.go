package quickstart

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// An API is what code is written for: where its tokens come from and what they
// look like.
type API struct {
	Issuer             string // the iss claim, byte for byte
	JWKSURI            string // where its keys are; the issuer's well-known address when ""
	Label              string // the block label
	Name               string // for people
	Identifier         string // the aud claim, byte for byte
	Profile            schema.Profile
	Alg                schema.SigningAlg
	Scopes             []string // the first one guards the sample's scoped route; none leaves that route out
	IncludePermissions bool     // its tokens list their scopes in a permissions claim too
}

// Of is what code needs to know of a declared API whose tokens the issuer makes. Scopes
// keep the order of their declaration, since the first one guards the sample's route.
func Of(issuer string, api *schema.API) API {
	of := API{
		Issuer: issuer, Label: api.Label, Name: api.Name, Identifier: api.Identifier,
		Profile: api.Profile, Alg: api.Alg, IncludePermissions: api.IncludePermissions,
	}
	for _, scope := range api.Scopes {
		of.Scopes = append(of.Scopes, scope.Name)
	}
	return of
}

// jwksPath is where writd serves an issuer's keys.
const jwksPath = "/.well-known/jwks.json"

// jwksURI is where the keys are.
func (a API) jwksURI() string {
	return cmp.Or(a.JWKSURI, strings.TrimSuffix(a.Issuer, "/")+jwksPath)
}

// check holds the API to the rules of the configuration, on which the escaping
// of some languages relies.
func (a API) check() error {
	for _, scope := range a.Scopes {
		if err := schema.CheckScope(scope); err != nil {
			return err
		}
	}
	if !slices.Contains(allProfiles(), a.Profile) {
		return fmt.Errorf("profile %q is none of writ's", a.Profile)
	}
	if !a.Alg.For(jose.APITokens) {
		return fmt.Errorf("algorithm %q is none of writ's", a.Alg)
	}
	return errors.Join(schema.CheckIssuer(a.Issuer), schema.CheckJWKSURI(a.jwksURI()), schema.CheckIdentifier(a.Identifier))
}

func allProfiles() []schema.Profile {
	return []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068}
}
