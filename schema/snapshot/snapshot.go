package snapshot

import (
	"encoding/binary"
	"iter"
	"slices"

	"github.com/writ-auth/writ/schema"
)

// A Snapshot is an opened file. It is immutable, safe for concurrent use, and
// holds nothing but its bytes: no finalizer, nothing to close. Every string
// that an accessor returns is a view of those bytes and keeps them alive.
type Snapshot struct {
	env      Envelope
	body     []byte
	sections sections
	issuer   schema.Issuer // read once: every token request asks for it
	sources  *Sources
}

// Envelope returns what the snapshot says about itself.
func (s *Snapshot) Envelope() Envelope {
	env := s.env
	env.Signatures, env.PastLifetimes = slices.Clone(env.Signatures), slices.Clone(env.PastLifetimes)
	return env
}

// Digest names the snapshot: "sha256:" and hex.
func (s *Snapshot) Digest() string { return s.env.Digest }

// Body returns the body as Encode made it. It must not be changed.
func (s *Snapshot) Body() []byte { return s.body }

// NumAPIs is the number of APIs.
func (s *Snapshot) NumAPIs() int { return int(secAPIs.count(&s.sections)) }

// API returns the i-th API in the order of labels.
func (s *Snapshot) API(i int) API { return API{s, uint32(i)} }

// NumClients is the number of clients.
func (s *Snapshot) NumClients() int { return int(secClients.count(&s.sections)) }

// Client returns the i-th client in the order of labels.
func (s *Snapshot) Client(i int) Client { return Client{s, uint32(i)} }

// NumAuthorizations is the number of authorizations.
func (s *Snapshot) NumAuthorizations() int { return int(secAuthKeys.count(&s.sections)) }

// AuthorizationAt returns the i-th authorization in the order of client label,
// API label and subject type.
func (s *Snapshot) AuthorizationAt(i int) Authorization { return Authorization{s, uint32(i)} }

// ClientByID finds a client by its client_id.
func (s *Snapshot) ClientByID(clientID string) (Client, bool) {
	i, ok := clientIndex.find(s, clientID, func(s *Snapshot, i uint32) string { return Client{s, i}.ClientID() })
	return Client{s, i}, ok
}

// APIByIdentifier finds an API by its identifier, byte for byte.
func (s *Snapshot) APIByIdentifier(identifier string) (API, bool) {
	i, ok := identifierIndex.find(s, identifier, func(s *Snapshot, i uint32) string { return API{s, i}.Identifier() })
	return API{s, i}, ok
}

// ClientByLabel finds a client by its label.
func (s *Snapshot) ClientByLabel(label string) (Client, bool) {
	i, ok := s.position(KindClient, label)
	return s.Client(i), ok
}

// APIByLabel finds an API by its label.
func (s *Snapshot) APIByLabel(label string) (API, bool) {
	i, ok := s.position(KindAPI, label)
	return s.API(i), ok
}

// Authorization finds what lets client ask for tokens for api on behalf of
// subject. Both handles must come from this snapshot.
func (s *Snapshot) Authorization(client Client, api API, subject schema.SubjectType) (Authorization, bool) {
	want, ok := authKey(api.i, subject)
	if !ok {
		return Authorization{}, false
	}
	lo, hi := client.authorizations()
	for lo < hi {
		mid := lo + (hi-lo)/2
		switch key := secAuthKeys.at(&s.sections, mid).get(); {
		case key == want:
			return Authorization{s, mid}, true
		case key < want:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return Authorization{}, false
}

// AuthorizationByLabel finds an authorization by its label. It reads every
// label in the snapshot: not for the token path.
func (s *Snapshot) AuthorizationByLabel(label string) (Authorization, bool) {
	for a := range s.Authorizations() {
		if a.Label() == label {
			return a, true
		}
	}
	return Authorization{}, false
}

// Authorizations yields every authorization, in the order of AuthorizationAt.
func (s *Snapshot) Authorizations() iter.Seq[Authorization] {
	return s.authorizationRange(0, uint32(s.NumAuthorizations()))
}

func (s *Snapshot) authorizationRange(lo, hi uint32) iter.Seq[Authorization] {
	return func(yield func(Authorization) bool) {
		for i := lo; i < hi; i++ {
			if !yield(Authorization{s, i}) {
				return
			}
		}
	}
}

// position finds an object of a kind by its label.
func (s *Snapshot) position(kind Kind, label string) (int, bool) {
	if kind == KindAuthorization { // the one kind that is not sorted by label
		a, ok := s.AuthorizationByLabel(label)
		return a.Index(), ok
	}
	for _, k := range kinds {
		if k.kind == kind {
			i, ok := search(uint32(k.count(s)), label, func(i uint32) string { return k.label(s, int(i)) })
			return int(i), ok
		}
	}
	return 0, false
}

// search finds what among n strings, of which at returns the i-th in rising order.
func search(n uint32, what string, at func(i uint32) string) (uint32, bool) {
	lo, hi := uint32(0), n
	for lo < hi {
		mid := lo + (hi-lo)/2
		switch found := at(mid); {
		case found == what:
			return mid, true
		case found < what:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return 0, false
}

// The numbers of headers, which are no records.

func u32(b []byte, off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
func u64(b []byte, off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }

// Issuer returns the authorization server's own settings. What it holds is shared and
// must not be changed.
func (s *Snapshot) Issuer() schema.Issuer { return s.issuer }

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
