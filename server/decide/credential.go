package decide

import (
	"iter"
	"slices"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A Credential is one block by which a client authenticates.
type Credential struct {
	Block   string // its type: secret, public_key, certificate, federated
	Label   string
	InForce bool // a server takes it at the time
}

// credentials are those of the client, at now in Unix seconds. That a secret can be
// read, or that the server takes certificates, is not for the configuration to say.
func (d *Decider) credentials(client snapshot.Client, now int64) iter.Seq[Credential] {
	return func(yield func(Credential) bool) {
		for block := range client.Secrets() {
			if !yield(Credential{"secret", block.Label(), block.Window().Contains(now)}) {
				return
			}
		}
		for block := range client.PublicKeys() {
			if !yield(Credential{"public_key", block.Label, block.Window.Contains(now)}) {
				return
			}
		}
		for block := range client.Certificates() {
			if !yield(Credential{"certificate", block.Label, block.Window.Contains(now)}) {
				return
			}
		}
		for block := range client.Federated() {
			issuer, ok := d.snapshot.TrustedIssuerByLabel(block.TrustedIssuer)
			vouches := ok && slices.Contains(issuer.VouchesFor, schema.SubjectClient)
			if !yield(Credential{"federated", block.Label, vouches && block.Window.Contains(now)}) {
				return
			}
		}
	}
}

// couldAuthenticate reports whether one of the client's credentials is in force.
func (d *Decider) couldAuthenticate(client snapshot.Client, now int64, t *Trace) (could bool) {
	for credential := range d.credentials(client, now) {
		could = could || credential.InForce
		if t != nil {
			t.Credentials = append(t.Credentials, credential)
		}
	}
	return could
}
