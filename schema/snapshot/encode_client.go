package snapshot

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

func (e *encoder) encodeClients() error {
	// Client ids stand side by side: they are what a lookup reads.
	for i := range e.doc.Clients {
		e.text(e.doc.Clients[i].ClientID)
	}
	for i := range e.doc.Clients {
		if err := e.client(&e.doc.Clients[i]); err != nil {
			return fmt.Errorf("client %q: %w", e.doc.Clients[i].Label, err)
		}
	}
	return nil
}

// client adds one client. Where its authorizations begin is filled in by
// encoder.authorizations.
func (e *encoder) client(c *schema.Client) error {
	firstSecret := uint32(len(e.sections[secSecrets]) / secretSize)
	for i := range c.Secrets {
		if err := e.secret(&c.Secrets[i]); err != nil {
			return fmt.Errorf("secret %q: %w", c.Secrets[i].Label, err)
		}
	}
	extra, err := e.clientExtra(c)
	if err != nil {
		return err
	}
	r := appendU32(e.sections[secClients], 0, firstSecret)
	r = appendPair(r, e.text(c.ClientID))
	r = appendPair(r, e.text(c.Label))
	r = appendPair(r, e.text(c.Name))
	r = appendU32(r, extra)
	e.sections[secClients] = append(r, flags(c.RequireSenderConstrained, c.PreventDestroy), 0, 0, 0)
	return nil
}

func (e *encoder) clientExtra(c *schema.Client) (uint32, error) {
	introspects, err := e.apiList(c.Introspects)
	if err != nil {
		return 0, fmt.Errorf("introspects: %w", err)
	}
	certificates, err := e.certificates(c.Certificates)
	if err != nil {
		return 0, err
	}
	federated, err := e.federated(c.Federated)
	if err != nil {
		return 0, err
	}
	defaultAPI, refresh := none, none
	if c.DefaultAPI != "" {
		i, ok := e.apis[c.DefaultAPI]
		if !ok {
			return 0, fmt.Errorf("default_api: there is no api %q", c.DefaultAPI)
		}
		defaultAPI = i
	}
	if c.RefreshToken != nil {
		if refresh, err = e.refreshToken(c.RefreshToken); err != nil {
			return 0, err
		}
	}
	if !(c.RateLimit >= 0) || math.IsInf(c.RateLimit, 0) {
		return 0, fmt.Errorf("a rate limit of %v", c.RateLimit)
	}
	r := appendPair(nil, stringList(e, c.GrantTypes))
	r = appendPair(r, e.metadata(c.Metadata))
	r = appendPair(r, introspects)
	r = appendPair(r, e.publicKeys(c.PublicKeys))
	r = appendPair(r, certificates)
	r = appendPair(r, federated)
	r = appendI64(r, int64(math.Float64bits(c.RateLimit+0)), c.RevokedBefore)
	return e.record(secClientExtras, appendU32(r, defaultAPI, refresh)), nil
}

func (e *encoder) refreshToken(t *schema.RefreshToken) (uint32, error) {
	rotation, ok := rotations.code(t.Rotation)
	if !ok {
		return 0, fmt.Errorf("refresh_token: unknown rotation %q", t.Rotation)
	}
	r := appendI64(nil, t.Lifetime, t.IdleLifetime, t.Leeway)
	return e.record(secRefreshTokens, append(r, rotation, 0, 0, 0, 0, 0, 0, 0)), nil
}

// secret adds one secret. Its errors do not repeat the hash.
func (e *encoder) secret(s *schema.Secret) error {
	r := appendPair(e.sections[secSecrets], e.text(s.Label))
	r = appendU32(r, e.window(s.Window))
	if sum, ok := rawSHA256(s.Hash); ok {
		r = append(r, byte(SecretSHA256), 0, 0, 0)
		e.sections[secSecrets] = append(r, sum...)
		return nil
	}
	kind := SecretReference
	switch {
	case strings.HasPrefix(s.Hash, "$"):
		kind = SecretPHC
	case !strings.HasPrefix(s.Hash, "env:") && !strings.HasPrefix(s.Hash, "file:"):
		return errors.New("the hash is neither a SHA-256, nor in PHC form, nor a reference")
	}
	r = appendPair(append(r, byte(kind), 0, 0, 0), e.text(s.Hash))
	e.sections[secSecrets] = append(r, make([]byte, secretSize-secretHash-8)...)
	return nil
}

const sha256Prefix = "sha256:"

// rawSHA256 decodes "sha256:" and unpadded base64url, if it is spelled in the
// one way in which the raw hash is written back.
func rawSHA256(hash string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(hash, sha256Prefix)
	if !ok {
		return nil, false
	}
	sum, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return sum, err == nil && len(sum) == 32 && len(encoded) == base64.RawURLEncoding.EncodedLen(32)
}

func (e *encoder) publicKeys(keys []schema.PublicKey) [2]uint32 {
	var r []byte
	for _, k := range keys {
		r = appendPair(r, e.text(k.Label))
		r = appendPair(r, e.text(k.JWKS))
		r = appendU32(r, e.window(k.Window), 0)
	}
	return e.list(secPublicKeys, r)
}

func (e *encoder) certificates(certificates []schema.Certificate) ([2]uint32, error) {
	var r []byte
	for _, c := range certificates {
		kind, value := byte(numCertificateKinds), ""
		for i, s := range [numCertificateKinds]string{c.SubjectDN, c.SANDNS, c.SANURI, c.SHA256} {
			if s == "" {
				continue
			}
			if value != "" {
				return [2]uint32{}, fmt.Errorf("certificate %q: more than one selector", c.Label)
			}
			kind, value = byte(i), s
		}
		if value == "" {
			return [2]uint32{}, fmt.Errorf("certificate %q: no selector", c.Label)
		}
		r = appendPair(r, e.text(c.Label))
		r = appendPair(r, e.text(value))
		r = append(appendU32(r, e.window(c.Window)), kind, 0, 0, 0)
	}
	return e.list(secCertificates, r), nil
}

func (e *encoder) federated(federated []schema.Federated) ([2]uint32, error) {
	var r []byte
	for _, f := range federated {
		issuer, ok := e.trusted[f.TrustedIssuer]
		if !ok {
			return [2]uint32{}, fmt.Errorf("federated %q: there is no trusted_issuer %q", f.Label, f.TrustedIssuer)
		}
		claims, err := e.object(f.Claims)
		if err != nil {
			return [2]uint32{}, fmt.Errorf("federated %q: claims: %w", f.Label, err)
		}
		for _, s := range []string{f.Label, f.Subject, f.SubjectPattern} {
			r = appendPair(r, e.text(s))
		}
		r = appendPair(r, claims)
		r = appendU32(r, issuer, e.window(f.Window))
	}
	return e.list(secFederated, r), nil
}
