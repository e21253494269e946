package snapshot

import (
	"encoding/binary"
	"iter"
	"slices"
	"unsafe"

	"github.com/writ-auth/writ/schema"
)

// A Snapshot is an opened file. It is immutable, safe for concurrent use, and
// holds nothing but its bytes: no finalizer, nothing to close. Every string
// that an accessor returns is a view of those bytes and keeps them alive.
type Snapshot struct {
	env      Envelope
	body     []byte
	sections [numSections][]byte
	sources  *Sources
	places   places
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

// Issuer returns the authorization server's own settings.
func (s *Snapshot) Issuer() schema.Issuer {
	r := s.sections[secIssuer]
	return schema.Issuer{
		URL:         s.text(r, issuerURL),
		ErrorStyle:  errorStyles.value(r[issuerErrorStyle]),
		SubStyle:    subStyles.value(r[issuerSubStyle]),
		Environment: s.text(r, issuerEnvironment),
	}
}

// NumAPIs is the number of APIs.
func (s *Snapshot) NumAPIs() int { return len(s.sections[secAPIs]) / apiSize }

// API returns the i-th API in the order of labels.
func (s *Snapshot) API(i int) API { return API{s, uint32(i)} }

// NumClients is the number of clients.
func (s *Snapshot) NumClients() int { return len(s.sections[secClients]) / clientSize }

// Client returns the i-th client in the order of labels.
func (s *Snapshot) Client(i int) Client { return Client{s, uint32(i)} }

// NumAuthorizations is the number of authorizations.
func (s *Snapshot) NumAuthorizations() int { return len(s.sections[secAuthKeys]) / authKeySize }

// AuthorizationAt returns the i-th authorization in the order of client label,
// API label and subject type.
func (s *Snapshot) AuthorizationAt(i int) Authorization { return Authorization{s, uint32(i)} }

// NumTrustedIssuers is the number of trusted issuers.
func (s *Snapshot) NumTrustedIssuers() int { return len(s.sections[secTrustedIssuers]) / trustedSize }

// TrustedIssuer returns the i-th trusted issuer in the order of labels. It
// allocates the three lists.
func (s *Snapshot) TrustedIssuer(i int) schema.TrustedIssuer {
	r := record(s.sections[secTrustedIssuers], uint32(i), trustedSize)
	return schema.TrustedIssuer{
		Label:      s.text(r, trustedLabel),
		Issuer:     s.text(r, trustedIssuer),
		JWKS:       s.text(r, trustedJWKS),
		JWKSURI:    s.text(r, trustedJWKSURI),
		Algorithms: texts[schema.SigningAlg](s, r, trustedAlgorithms),
		Audiences:  texts[string](s, r, trustedAudiences),
		VouchesFor: texts[schema.SubjectType](s, r, trustedVouchesFor),

		CapsLifetime: r[trustedFlags]&flagCapsLifetime != 0,
	}
}

// NumSigningKeys is the number of declared signing keys.
func (s *Snapshot) NumSigningKeys() int { return len(s.sections[secSigningKeys]) / signingSize }

// SigningKey returns the i-th declared signing key in the order of labels.
func (s *Snapshot) SigningKey(i int) schema.SigningKey {
	r := record(s.sections[secSigningKeys], uint32(i), signingSize)
	return schema.SigningKey{
		Label:       s.text(r, signingLabel),
		Alg:         algs.value(r[signingAlg]),
		PrivateKey:  schema.SecretRef(s.text(r, signingKeyRef)),
		ActivatesAt: i64(r, signingActivates),
		RetiresAt:   i64(r, signingRetires),
	}
}

// ClientByID finds a client by its client_id.
func (s *Snapshot) ClientByID(clientID string) (Client, bool) {
	i, ok := clientIndex.find(s, clientID)
	return Client{s, i}, ok
}

// APIByIdentifier finds an API by its identifier, byte for byte.
func (s *Snapshot) APIByIdentifier(identifier string) (API, bool) {
	i, ok := identifierIndex.find(s, identifier)
	return API{s, i}, ok
}

// ClientByLabel finds a client by its label.
func (s *Snapshot) ClientByLabel(label string) (Client, bool) {
	i, ok := s.byLabel(secClients, clientSize, clientLabel, label)
	return Client{s, i}, ok
}

// APIByLabel finds an API by its label.
func (s *Snapshot) APIByLabel(label string) (API, bool) {
	i, ok := s.byLabel(secAPIs, apiSize, apiLabel, label)
	return API{s, i}, ok
}

// TrustedIssuerByLabel finds a trusted issuer by its label.
func (s *Snapshot) TrustedIssuerByLabel(label string) (schema.TrustedIssuer, bool) {
	i, ok := s.byLabel(secTrustedIssuers, trustedSize, trustedLabel, label)
	if !ok {
		return schema.TrustedIssuer{}, false
	}
	return s.TrustedIssuer(int(i)), true
}

// Authorization finds what lets client ask for tokens for api on behalf of
// subject. Both handles must come from this snapshot.
func (s *Snapshot) Authorization(client Client, api API, subject schema.SubjectType) (Authorization, bool) {
	want, ok := authKey(api.i, subject)
	if !ok {
		return Authorization{}, false
	}
	lo, hi := client.authorizations()
	keys := s.sections[secAuthKeys]
	for lo < hi {
		mid := lo + (hi-lo)/2
		switch key := u32(keys, int(mid)*authKeySize); {
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

// byLabel is a binary search over a section that is sorted by label.
func (s *Snapshot) byLabel(sec section, size, field int, label string) (uint32, bool) {
	records := s.sections[sec]
	lo, hi := 0, len(records)/size
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch at := s.text(record(records, uint32(mid), size), field); {
		case at == label:
			return uint32(mid), true
		case at < label:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return 0, false
}

// authKey is how an authorization is found among those of its client.
func authKey(api uint32, subject schema.SubjectType) (uint32, bool) {
	switch subject {
	case schema.SubjectClient:
		return api << 1, true
	case schema.SubjectUser:
		return api<<1 | 1, true
	}
	return 0, false
}

// record returns the i-th record of a section.
func record(records []byte, i uint32, size int) []byte {
	return records[int(i)*size:][:size:size]
}

// text returns the string that the reference at off of a record names.
func (s *Snapshot) text(record []byte, off int) string {
	start, n := u32(record, off), u32(record, off+4)
	return view(s.sections[secHeap][start:][:n])
}

// texts returns the list of strings whose range stands at off of a record.
func texts[T ~string](s *Snapshot, record []byte, off int) []T {
	start, n := u32(record, off), u32(record, off+4)
	if n == 0 {
		return nil
	}
	list := make([]T, n)
	for i := range list {
		list[i] = T(s.text(s.sections[secStrings], (int(start)+i)*stringSize))
	}
	return list
}

// view returns b as a string without copying it. That is sound because the
// slice given to Open is private and nobody writes to it again.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func u16(b []byte, off int) uint16 { return binary.LittleEndian.Uint16(b[off:]) }
func u32(b []byte, off int) uint32 { return binary.LittleEndian.Uint32(b[off:]) }
func u64(b []byte, off int) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
func i64(b []byte, off int) int64  { return int64(u64(b, off)) }
