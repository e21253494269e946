package active

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/clientauth"
)

// Paths of the endpoints below the issuer. The metadata advertises them, and package
// endpoint has what answers there.
const (
	TokenPath         = "/oauth/token"
	IntrospectionPath = "/oauth/introspect"
	RevocationPath    = "/oauth/revoke"
	JWKSPath          = "/.well-known/jwks.json"
	OpenIDPath        = "/.well-known/openid-configuration"
	AuthorizationPath = "/.well-known/oauth-authorization-server"
	ResourcePath      = "/.well-known/oauth-protected-resource/" + anySegment
)

// anySegment, at the end of an endpoint's path, stands for any one segment. No
// request has it in its path, because it is always sent percent-encoded.
const anySegment = "{api}"

// MaxAge is how long the JWK Set and the metadata may be cached. A key must be
// announced for longer than that before it signs.
const MaxAge = 300 * time.Second

// endpoints lists where the endpoints of an issuer are. An issuer with a path has every
// one of them below that path, where its metadata says they are, and at the
// root, for a proxy that strips the path; its metadata also where RFC 8414
// section 3.1 inserts the well-known part before the path.
func endpoints(issuer string) (map[string]string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer %q: %w", issuer, err)
	}
	base := strings.TrimSuffix(u.EscapedPath(), "/")
	all := map[string]string{}
	for _, path := range []string{TokenPath, IntrospectionPath, RevocationPath, ResourcePath, JWKSPath, OpenIDPath, AuthorizationPath} {
		all[path], all[base+path] = path, path
	}
	all[OpenIDPath+base], all[AuthorizationPath+base] = OpenIDPath, AuthorizationPath
	if base != "" {
		// RFC 8414 section 3.1 drops a terminating slash; some libraries keep it.
		all[AuthorizationPath+base+"/"] = AuthorizationPath
	}
	return all, nil
}

// endpointURL is the address of an endpoint below the issuer.
func endpointURL(issuer, path string) string { return strings.TrimSuffix(issuer, "/") + path }

// Metadata is the authorization server's description of itself (RFC 8414
// section 2), the same bytes for OpenID Connect Discovery.
type Metadata struct {
	Issuer        string `json:"issuer"`
	TokenEndpoint string `json:"token_endpoint"`
	JWKSURI       string `json:"jwks_uri"`

	// Required by RFC 8414. There is no authorization endpoint to have any, so the list
	// is empty, which readers that insist on the member accept.
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

	// RFC 7662 and RFC 7009. Clients authenticate there as at the token endpoint.
	IntrospectionEndpoint   string              `json:"introspection_endpoint"`
	IntrospectionMethods    []clientauth.Method `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms []string            `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationEndpoint      string              `json:"revocation_endpoint"`
	RevocationMethods       []clientauth.Method `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgorithms    []string            `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
}

// renderMetadata makes the metadata document.
func (s *State) renderMetadata() ([]byte, error) {
	issuer := s.Snapshot.Issuer().URL
	methods := append([]clientauth.Method{}, s.Credentials.methods...) // never null
	var algorithms []string
	signing := []schema.SigningAlg{} // never null
	for _, used := range s.algorithms {
		signing = append(signing, used.Alg)
	}
	if slices.Contains(methods, clientauth.PrivateKeyJWT) {
		algorithms = namesOf(jose.Assertions)
	}
	document, err := json.Marshal(Metadata{
		Issuer:        issuer,
		TokenEndpoint: endpointURL(issuer, TokenPath),
		JWKSURI:       endpointURL(issuer, JWKSPath),
		ResponseTypes: []string{},
		GrantTypes:    s.Decider.GrantTypes(),
		AuthMethods:   methods, AuthAlgorithms: algorithms,
		ProofAlgorithms:  namesOf(jose.Proofs),
		CertificateBound: s.bindsToCertificates(),
		Algorithms:       signing,
		SubjectTypes:     []string{"public"},

		IntrospectionEndpoint: endpointURL(issuer, IntrospectionPath), IntrospectionMethods: methods, IntrospectionAlgorithms: algorithms,
		RevocationEndpoint: endpointURL(issuer, RevocationPath), RevocationMethods: methods, RevocationAlgorithms: algorithms,
	})
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return document, nil
}

// namesOf are the algorithms of a use by all their names. EdDSA has that of RFC 9864 too.
func namesOf(use jose.Use) []string { return append(jose.Names(use), jose.Aliases(use)...) }

// ProtectedResource describes one API to those who want a token for it (RFC
// 9728 section 2), for the API's owner to serve or to link.
type ProtectedResource struct {
	Resource             string   `json:"resource"` // the identifier, byte for byte
	AuthorizationServers []string `json:"authorization_servers"`
	Scopes               []string `json:"scopes_supported,omitempty"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	Name                 string   `json:"resource_name,omitempty"`

	// CertificateBound: tokens may be bound to certificates (RFC 8705). ProofAlgorithms
	// are those of the proofs that they may be bound with (RFC 9449). ProofRequired: no
	// client gets a token for the API without a proof.
	CertificateBound bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	ProofAlgorithms  []string `json:"dpop_signing_alg_values_supported"`
	ProofRequired    bool     `json:"dpop_bound_access_tokens_required,omitempty"`
}

// ProtectedResource describes the API.
func (s *State) ProtectedResource(api snapshot.API) ProtectedResource {
	document := ProtectedResource{
		Resource: api.Identifier(), AuthorizationServers: []string{s.Snapshot.Issuer().URL},
		BearerMethods: []string{"header"}, Name: api.Name(),
		CertificateBound: s.bindsToCertificates(), ProofAlgorithms: namesOf(jose.Proofs),
		ProofRequired: s.proofs != nil && s.proofs[api.Index()],
	}
	for i := range api.NumScopes() {
		document.Scopes = append(document.Scopes, api.Scope(i).Name)
	}
	return document
}

// bindsToCertificates reports whether some client gets tokens that are bound to
// its certificate.
func (s *State) bindsToCertificates() bool {
	return slices.Contains(s.Credentials.methods, clientauth.TLSClientAuth) || slices.Contains(s.Credentials.methods, clientauth.SelfSignedTLSClientAuth)
}

// proofsRequired reports of each API whether clients get tokens for it and every one of
// these clients must bind its tokens. It is nil when no client must, or when a
// certificate would do instead of a proof. It is computed once, because it is a walk
// over all authorizations.
func (s *State) proofsRequired() []bool {
	bound := false
	for i := range s.Snapshot.NumClients() {
		bound = bound || s.Snapshot.Client(i).RequireSenderConstrained()
	}
	if !bound || s.bindsToCertificates() {
		return nil
	}
	required, bearer := make([]bool, s.Snapshot.NumAPIs()), make([]bool, s.Snapshot.NumAPIs())
	for i := range s.Snapshot.NumAuthorizations() {
		authorization := s.Snapshot.AuthorizationAt(i)
		api := authorization.API().Index()
		bearer[api] = bearer[api] || !authorization.Client().RequireSenderConstrained()
		required[api] = !bearer[api]
	}
	return required
}
