package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/clientauth"
)

// Metadata is the authorization server's description of itself (RFC 8414
// section 2), the same bytes for OpenID Connect Discovery.
type Metadata struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
	JWKSURI       string `json:"jwks_uri"`

	// Required by RFC 8414, and there is no authorization endpoint to have any:
	// an empty list says so, and readers that insist on the member are content.
	ResponseTypes  []string            `json:"response_types_supported"`
	GrantTypes     []string            `json:"grant_types_supported"`
	AuthMethods    []clientauth.Method `json:"token_endpoint_auth_methods_supported"`
	AuthAlgorithms []string            `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"` // with private_key_jwt

	// RFC 9449 section 5.1 and RFC 8705 section 3.3.
	ProofAlgorithms  []string `json:"dpop_signing_alg_values_supported"`
	CertificateBound bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`

	// Popular validators of access tokens take their list of allowed algorithms
	// from this member, though writ issues no ID tokens.
	Algorithms   []schema.SigningAlg `json:"id_token_signing_alg_values_supported"`
	SubjectTypes []string            `json:"subject_types_supported"`

	// RFC 7662 and RFC 7009. Who asks there authenticates as at the token endpoint.
	IntrospectionEndpoint   string              `json:"introspection_endpoint"`
	IntrospectionMethods    []clientauth.Method `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms []string            `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationEndpoint      string              `json:"revocation_endpoint"`
	RevocationMethods       []clientauth.Method `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms    []string            `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
}

// A metadataEndpoint serves the document, made once.
type metadataEndpoint struct{ document cached }

func newMetadata(a *Active) (metadataEndpoint, error) {
	issuer := a.snapshot.Issuer().URL
	methods := append([]clientauth.Method{}, a.registered.methods...) // never null
	var algorithms []string
	if slices.Contains(methods, clientauth.PrivateKeyJWT) {
		algorithms = namesOf(jose.Assertions)
	}
	document, err := json.Marshal(Metadata{
		Issuer:        issuer,
		TokenEndpoint: endpointURL(issuer, tokenPath),
		JWKSURI:       endpointURL(issuer, jwksPath),
		ResponseTypes: []string{},
		GrantTypes:    a.decider.GrantTypes(),
		AuthMethods:   methods, AuthAlgorithms: algorithms,
		ProofAlgorithms:  namesOf(jose.Proofs),
		CertificateBound: a.bindsToCertificates(),
		Algorithms:       algorithmsInUse(a),
		SubjectTypes:     []string{"public"},

		IntrospectionEndpoint: endpointURL(issuer, introspectPath), IntrospectionMethods: methods, IntrospectionAlgorithms: algorithms,
		RevocationEndpoint: endpointURL(issuer, revokePath), RevocationMethods: methods, RevocationAlgorithms: algorithms,
	})
	if err != nil {
		return metadataEndpoint{}, fmt.Errorf("metadata: %w", err)
	}
	return metadataEndpoint{newCached(document)}, nil
}

// namesOf are the algorithms of a use by all their names. EdDSA has that of RFC 9864 too.
func namesOf(use jose.Use) []string { return append(jose.Names(use), jose.Aliases(use)...) }

func (e metadataEndpoint) serve(_ *Active, w http.ResponseWriter, r *http.Request) {
	e.document.write(w, r)
}
