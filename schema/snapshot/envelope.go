package snapshot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/writ-auth/writ/schema"
)

// MaxSerial is the highest serial: the last integer up to which JSON numbers are
// exact everywhere (RFC 8259 section 6). A file with one above it would leave later
// snapshots no number.
const MaxSerial = 1 << 53

// An Envelope is what a snapshot says about itself. The members' order is the
// order in the file.
type Envelope struct {
	Digest        string    `json:"digest"`                   // Digest of the body: the snapshot's name
	Serial        uint64    `json:"serial"`                   // rises with every apply and rollback, up to MaxSerial
	Previous      string    `json:"previous,omitempty"`       // digest that the snapshot was planned against
	Revision      string    `json:"revision,omitempty"`       // git commit, or what the operator said
	Created       time.Time `json:"created,omitzero"`         // whole seconds, UTC
	NotAfter      time.Time `json:"not_after,omitzero"`       // freeze guard: not to be served after it
	Environment   string    `json:"environment,omitempty"`    // must equal the server's
	LockDigest    string    `json:"lock_digest,omitempty"`    // of the lockfile written together with it
	WritVersion   string    `json:"writ_version,omitempty"`   // what wrote it
	SourcesDigest string    `json:"sources_digest,omitempty"` // of the sources section; absent without one
	// PastLifetimes are of tokens that may still be out, by their End: for plans
	// alone, no server asks for them. Since format version 2.
	PastLifetimes []schema.PastLifetime `json:"past_lifetimes,omitempty"`
	Signatures    []Signature           `json:"signatures,omitempty"`
}

// A Signature is one Ed25519 signature over an envelope.
type Signature struct {
	KeyID     string `json:"key_id"` // KeyID of the public key
	Signature []byte `json:"signature"`
}

// Bind sets the digests of body and sources (nil for none), and drops the
// signatures, which no longer hold. Call it before Sign.
func (e *Envelope) Bind(body []byte, sources *Sources) {
	e.Digest = Digest(body)
	e.SourcesDigest = ""
	if sources != nil {
		e.SourcesDigest = Digest(sources.section)
	}
	e.Signatures = nil
}

// canonical is the one way to write an envelope down. What is out of bounds is
// neither written nor read.
func (e Envelope) canonical() ([]byte, error) {
	if e.Serial > MaxSerial {
		return nil, fmt.Errorf("serial %d is above %d, the highest", e.Serial, uint64(MaxSerial))
	}
	e.Created, e.NotAfter = wholeSeconds(e.Created), wholeSeconds(e.NotAfter)
	e.PastLifetimes = slices.Clone(e.PastLifetimes)
	for i := range e.PastLifetimes {
		e.PastLifetimes[i].Ended = wholeSeconds(e.PastLifetimes[i].Ended)
	}
	b, err := json.Marshal(e)
	if err == nil && len(b) > maxEnvelope {
		err = fmt.Errorf("the envelope has %d bytes, more than %d", len(b), maxEnvelope)
	}
	return b, err
}

func wholeSeconds(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// parseEnvelope accepts canonical bytes only. Comparing them leaves no room for
// unknown or repeated members, folded case, or anything else that another
// reader might understand differently.
func parseEnvelope(b []byte) (Envelope, error) {
	var e Envelope
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return Envelope{}, fmt.Errorf("the snapshot's envelope: %w", err)
	}
	for _, p := range e.PastLifetimes {
		if p.Lifetime < 1 || p.Lifetime > schema.MaxTokenLifetime {
			return Envelope{}, fmt.Errorf("the snapshot's envelope: a past lifetime of %d seconds", p.Lifetime)
		}
	}
	again, err := e.canonical()
	if err != nil {
		return Envelope{}, fmt.Errorf("the snapshot's envelope: %w", err)
	}
	if !bytes.Equal(b, again) {
		return Envelope{}, errors.New("the snapshot's envelope is not written canonically")
	}
	return e, nil
}
