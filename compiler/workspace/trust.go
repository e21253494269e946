package workspace

import (
	"context"
	"crypto/ed25519"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/snapshot"
)

// Trust says which snapshots are taken for what was in force. Whoever may write to a
// location can put anything there, and what is there decides a lot: a plan compares with
// it, the lockfile is mended by it, the next serial follows it, and a rollback signs it
// again.
//
// The rule, which holds wherever a Workspace or a Place with a Trust reads a snapshot:
//
//   - With Keys or Digests every snapshot must be signed by one of Keys or by the key that
//     signs the next one, or be one of Digests.
//   - With the key that signs the next one alone, the same holds for what is fetched. A
//     file is taken as it is: it is the caller's own, and signing has to begin somewhere.
//   - Without any of them everything is taken.
//
// A signature does not tell whether a snapshot is the newest. A location that keeps an
// old one in the place of a newer is found out by servers, which refuse to go back.
type Trust struct {
	Keys    []ed25519.PublicKey
	Digests []string // of bodies: "sha256:...", as Snapshot.Digest has it

	signer ed25519.PublicKey // of the key that signs the next snapshot; nil for none
}

// ParseTrust reads what names a Trust: the digest of a snapshot, or what
// snapshot.ParseTrustedKeys takes.
func ParseTrust(names []string, read func(path string) ([]byte, error)) (t Trust, err error) {
	for _, name := range names {
		if strings.HasPrefix(name, digestPrefix) {
			if !isDigest.MatchString(name) {
				return Trust{}, diag.Usagef("%q is no digest of a snapshot: it has 64 hexadecimal digits, as \"writ show\" prints them", name)
			}
			t.Digests = append(t.Digests, name)
			continue
		}
		keys, err := snapshot.ParseTrustedKeys(name, read)
		if _, worded := errors.AsType[*diag.Failure](err); worded {
			return Trust{}, err
		}
		if err != nil {
			return Trust{}, diag.Failf("invalid-key", "\"writ keys public FILE\" prints it.", "trust: %w", err)
		}
		t.Keys = append(t.Keys, keys...)
	}
	return t, nil
}

const digestPrefix = "sha256:"

var isDigest = regexp.MustCompile("^" + digestPrefix + "[0-9a-f]{64}$")

// check applies the rule to a snapshot that was read from p.
func (t *Trust) check(snap *snapshot.Snapshot, p Place) error {
	explicit := len(t.Keys) > 0 || len(t.Digests) > 0
	if _, isFile := p.File(); !explicit && (isFile || t.signer == nil) {
		return nil
	}
	if slices.Contains(t.Digests, snap.Digest()) {
		return nil
	}
	err := snap.VerifySignatures(append(slices.Clone(t.Keys), t.signer))
	if err == nil {
		return nil
	}
	return diag.Failf("snapshot-untrusted",
		"Where the key has changed, name the one before it: --trust KEY. Where this snapshot is yours all the same, as when signing begins, "+
			"compare its digest with what servers tell at /status, then take this one by its name: --trust "+snap.Digest(),
		"serial %d at %q: %w", snap.Envelope().Serial, p, err)
}

// place is OpenPlace with the workspace's options and trust.
func (w *Workspace) place(text string) (Place, error) {
	p, err := OpenPlace(text, w.location)
	return p.Trusting(w.trust), err
}

// ReadSnapshot reads the newest snapshot of the place that a text names, to return to it.
func (w *Workspace) ReadSnapshot(ctx context.Context, text string) (*snapshot.Snapshot, error) {
	p, err := w.place(text)
	if err != nil {
		return nil, err
	}
	return p.Snapshot(ctx)
}
