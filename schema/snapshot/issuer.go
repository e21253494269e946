package snapshot

import "github.com/writ-auth/writ/schema"

type issuerRecord struct {
	url         text
	environment text
	errorStyle  errorStyle
	subStyle    subStyle
	_           [6]byte
}

type trustedIssuerRecord struct {
	label      text
	issuer     text
	jwks       text
	jwksURI    text
	algorithms span `of:"text lists"`
	audiences  span `of:"text lists"`
	vouchesFor span `of:"text lists"`
	flags      flags
	_          [7]byte
}

type signingKeyRecord struct {
	label      text
	privateKey text
	activates  le64
	retires    le64
	alg        alg
	_          [7]byte
}

func (r *issuerRecord) fields(p *pass, i *schema.Issuer) {
	p.text("url", &r.url, &i.URL)
	oneOf(p, "error_style", &r.errorStyle, errorStyles, &i.ErrorStyle)
	oneOf(p, "sub_style", &r.subStyle, subStyles, &i.SubStyle)
	p.text("environment", &r.environment, &i.Environment)
}

func (r *trustedIssuerRecord) fields(p *pass, t *schema.TrustedIssuer) {
	p.text("label", &r.label, &t.Label)
	p.text("issuer", &r.issuer, &t.Issuer)
	p.text("jwks", &r.jwks, &t.JWKS)
	p.text("jwks_uri", &r.jwksURI, &t.JWKSURI)
	texts(p, "algorithms", &r.algorithms, &t.Algorithms)
	texts(p, "audiences", &r.audiences, &t.Audiences)
	texts(p, "vouches_for", &r.vouchesFor, &t.VouchesFor)
	p.flag("caps_lifetime", &r.flags, 0, &t.CapsLifetime)
}

func (r *signingKeyRecord) fields(p *pass, k *schema.SigningKey) {
	p.text("label", &r.label, &k.Label)
	oneOf(p, "algorithm", &r.alg, algs, &k.Alg)
	p.text("private_key", &r.privateKey, (*string)(&k.PrivateKey))
	p.time("activates_at", &r.activates, &k.ActivatesAt)
	p.time("retires_at", &r.retires, &k.RetiresAt)
}

// Issuer returns the authorization server's own settings.
func (s *Snapshot) Issuer() (issuer schema.Issuer) {
	p := s.decode()
	secIssuer.at(&s.sections, 0).fields(&p, &issuer)
	return issuer
}

// NumTrustedIssuers is the number of trusted issuers.
func (s *Snapshot) NumTrustedIssuers() int { return int(secTrustedIssuers.count(&s.sections)) }

// TrustedIssuer returns the i-th trusted issuer in the order of labels. It
// allocates the three lists.
func (s *Snapshot) TrustedIssuer(i int) (issuer schema.TrustedIssuer) {
	p := s.decode()
	secTrustedIssuers.at(&s.sections, uint32(i)).fields(&p, &issuer)
	return issuer
}

// TrustedIssuerByLabel finds a trusted issuer by its label.
func (s *Snapshot) TrustedIssuerByLabel(label string) (schema.TrustedIssuer, bool) {
	i, ok := s.position(KindTrustedIssuer, label)
	if !ok {
		return schema.TrustedIssuer{}, false
	}
	return s.TrustedIssuer(i), true
}

// NumSigningKeys is the number of declared signing keys.
func (s *Snapshot) NumSigningKeys() int { return int(secSigningKeys.count(&s.sections)) }

// SigningKey returns the i-th declared signing key in the order of labels.
func (s *Snapshot) SigningKey(i int) (key schema.SigningKey) {
	p := s.decode()
	secSigningKeys.at(&s.sections, uint32(i)).fields(&p, &key)
	return key
}
