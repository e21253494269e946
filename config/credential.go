package config

import (
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// credentials decodes the nested blocks of a client.
func (f *fields) credentials(c *schema.Client) {
	f.nested("secret", func(n *fields, label string) {
		c.Secrets = append(c.Secrets, schema.Secret{Label: label, Hash: n.text("hash"), Window: n.credentialWindow()})
	})
	f.nested("public_key", func(n *fields, label string) {
		c.PublicKeys = append(c.PublicKeys, n.publicKey(label))
	})
	f.nested("certificate", func(n *fields, label string) {
		c.Certificates = append(c.Certificates, n.certificate(label))
	})
	f.nested("federated", func(n *fields, label string) {
		c.Federated = append(c.Federated, n.federated(label))
	})
	f.nested("refresh_token", func(n *fields, _ string) {
		c.RefreshToken = n.refreshToken()
	})
}

func (f *fields) credentialWindow() schema.Window {
	return f.window("not_before", "expires_at")
}

func (f *fields) publicKey(label string) schema.PublicKey {
	k := schema.PublicKey{Label: label, Window: f.credentialWindow()}
	f.oneOf("jwks", "pem")
	k.JWKS = firstOf(f.keys("jwks", jose.CanonicalKeys), f.keys("pem", jose.CanonicalPEM))
	return k
}

func (f *fields) certificate(label string) schema.Certificate {
	f.oneOf("subject_dn", "san_dns", "san_uri", "sha256")
	return schema.Certificate{
		Label: label, Window: f.credentialWindow(),
		SubjectDN: f.text("subject_dn"), SANDNS: f.text("san_dns"), SANURI: f.text("san_uri"), SHA256: f.text("sha256"),
	}
}

func (f *fields) federated(label string) schema.Federated {
	f.oneOf("subject", "subject_pattern")
	c := schema.Federated{
		Label: label, Window: f.credentialWindow(),
		TrustedIssuer: f.ref("trusted_issuer").Label,
		Subject:       f.text("subject"), SubjectPattern: f.text("subject_pattern"),
		Claims: f.object("claims"),
	}
	if strings.Contains(c.Subject, "*") {
		at, _ := rangeOf(f.block, "subject")
		f.problems.errorf("wildcard-in-subject", at, "The subject is compared as it stands, so its * matches nothing but a *. Write subject_pattern if it stands for something.")
	}
	if why := schema.LooseSubjectPattern(c.SubjectPattern); why != "" {
		at, _ := rangeOf(f.block, "subject_pattern")
		f.problems.errorf("loose-subject-pattern", at, "The pattern %q is loose: %s.", c.SubjectPattern, why)
	}
	return c
}

func (f *fields) refreshToken() *schema.RefreshToken {
	r := &schema.RefreshToken{
		Rotation:     schema.Rotation(f.choice("rotation")),
		Lifetime:     f.secondsOrDefault("lifetime"),
		IdleLifetime: f.secondsOrDefault("idle_lifetime"),
		Leeway:       f.secondsOrDefault("leeway"),
	}
	idle, written := rangeOf(f.block, "idle_lifetime")
	switch {
	case f.bad || r.IdleLifetime <= r.Lifetime:
	case written:
		f.errorf("invalid-lifetime", idle, "idle_lifetime is %s, longer than lifetime, which is %s. Write at most that.",
			schema.FormatDuration(r.IdleLifetime), schema.FormatDuration(r.Lifetime))
	default:
		r.IdleLifetime = r.Lifetime
	}
	return r
}

// secondsOrDefault decodes a duration, the language's default where there is none.
func (f *fields) secondsOrDefault(name string) int64 {
	spec, _ := f.spec.Attr(name)
	n, _ := secondsOf(defaultValue(spec))
	return f.seconds(name, n)
}
