package server

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/store"
)

// An offline is what a decision has to say about a refresh token. The zero value
// says nothing.
type offline struct {
	token  string  // for the answer, "" for none
	change *change // to be made before the answer, nil for none
}

// A change is a record to be written if nobody else has written it meanwhile.
type change struct {
	key      store.Key
	revision uint64
	record   []byte
	ttl      time.Duration
	group    store.Key     // of the families of one client and user; for a family that begins,
	whole    time.Duration // with how long one may last, else 0
}

// A found is a family as the store has it.
type found struct {
	key      store.Key
	revision uint64
	family   family
}

func familyKey(t refreshToken) store.Key {
	return store.NewKey("refresh token family", string(t.id[:]))
}

// familiesKey is the key of the list of a client's families of one user.
func familiesKey(clientID, subject string) store.Key {
	return store.NewKey("refresh token families", clientID, subject).Of(clientID)
}

// familyOver reports whether a record is kept only so that the log can say why its
// tokens are refused.
func familyOver(record []byte) bool {
	f, err := readFamily(record)
	return err != nil || f.Revoked
}

// find reads the family of a token that may be the client's. Whatever the reason
// is that there is none, the client gets the same answer.
func (s *Server) find(ctx context.Context, compact string, client snapshot.Client, now time.Time) (refreshToken, *found, *Error) {
	held, ok := readRefreshToken(compact)
	if !ok {
		return held, nil, refuse(CodeInvalidGrant, ReasonNoSuchFamily)
	}
	key := familyKey(held)
	entry, err := s.store.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return held, nil, refuse(CodeInvalidGrant, ReasonNoSuchFamily)
	}
	f := &found{key: key, revision: entry.Revision}
	if err == nil {
		f.family, err = readFamily(entry.Value)
	}
	if err != nil {
		return held, nil, storeError(err)
	}
	if reason := f.family.Ended(client, now); reason != "" {
		return held, nil, refuse(CodeInvalidGrant, reason)
	}
	return held, f, nil
}

// write is the change that puts the family's state in the store.
func (f *found) write(policy schema.RefreshToken, now time.Time) *change {
	return &change{key: f.key, revision: f.revision, record: f.family.write(), ttl: min(f.family.End(policy).Sub(now), store.MaxTTL)}
}

// revoked is the change that ends the family. Its record stays until the family
// would have ended, so that the log can say why its tokens are refused; of the
// user it says nothing any more.
func (f *found) revoked(policy schema.RefreshToken, now time.Time) *change {
	f.family.Revoked, f.family.Act, f.family.Claims, f.family.Scope = true, "", nil, ""
	f.family.Subject = f.family.Issuer + decide.SubjectBar
	return f.write(policy, now)
}

// moveOn gives the client what it presents next, and remembers that it did.
func (s *Server) moveOn(x *exchange, held refreshToken, f *found, use use, policy schema.RefreshToken) *Error {
	switch {
	case use == usedTwice:
		x.offline.token = held.successor(f.family.Salt).String()
	case policy.Rotation == schema.RotationNonRotating:
		// The token stays, so that only its last use is news: once a second.
		if x.now.UnixMilli() >= f.family.Used+1000 {
			f.family.Used = x.now.UnixMilli()
			x.offline.change = f.write(policy, x.now)
		}
	default:
		salt := make([]byte, secretSize)
		if _, err := io.ReadFull(s.opts.Rand, salt); err != nil {
			return randomError(err)
		}
		x.offline.token = f.family.rotate(held, salt, x.now).String()
		x.offline.change = f.write(policy, x.now)
	}
	return nil
}

// decideUser decides on a user whose token is verified, and begins a family when
// a refresh token is to come with ours.
func (s *Server) decideUser(x *exchange, client snapshot.Client) (refusal *Error) {
	if refusal = x.decide(client); refusal != nil || !x.grant.Offline || !s.offline {
		return refusal
	}
	if !s.begun.allow(client.Label(), maxFamilies, x.now) {
		return refuse(CodeTooManyRequests, ReasonFamilyRate)
	}
	first, err := newRefreshToken(s.opts.Rand)
	if err != nil {
		return randomError(err)
	}
	sum, policy := sha256.Sum256(first.secret[:]), decide.RefreshPolicy(client)
	begun := family{Version: familyVersion, Family: x.grant.Family(x.now), Current: sum[:]}
	f := &found{key: familyKey(first).Of(begun.Client), family: begun}
	x.offline = offline{token: first.String(), change: f.write(policy, x.now)}
	x.offline.change.group = familiesKey(begun.Client, begun.Subject)
	x.offline.change.whole = min(time.Duration(policy.Lifetime)*time.Second, store.MaxTTL)
	return nil
}

// remember makes the change, if there is one. It fails with store.ErrConflict
// when somebody else was first: then the request must be decided anew.
func (s *Server) remember(ctx context.Context, o *offline) error {
	c := o.change
	if c == nil {
		return nil
	}
	_, err := s.store.CompareAndSwap(ctx, c.key, c.revision, c.record, c.ttl)
	if err != nil || c.whole == 0 {
		return err
	}
	families := store.Group{Store: s.store, Most: schema.MaxRefreshFamilies, Over: familyOver}
	if err := families.Join(ctx, c.group, c.key, c.whole); err != nil {
		return errors.Join(err, s.store.Delete(context.WithoutCancel(ctx), c.key)) // nobody has its token
	}
	return nil
}

// storeError is the refusal when the store has decided nothing.
func storeError(err error) *Error {
	if errors.Is(err, store.ErrShare) {
		return refuse(CodeTooManyRequests, ReasonShare)
	}
	reason := ReasonStore
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		reason = ReasonGone
	}
	refusal := refuse(CodeUnavailable, reason)
	refusal.Detail = err.Error()
	return refusal
}

func randomError(err error) *Error {
	refusal := refuse(CodeUnavailable, ReasonSigner)
	refusal.Detail = fmt.Sprintf("random source: %v", err)
	return refusal
}
