package refresh

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

// The reasons for which a refresh token is refused whatever the configuration says.
const (
	ReasonUnknown decide.Reason = "unknown-refresh-token"
	ReasonReused  decide.Reason = "refresh-token-used-again"
)

// MaxAttempts is how often a request is decided again because another one has changed
// the record meanwhile. The second of two finds the token used, or its successor
// made, so that few ever come to a third attempt.
const MaxAttempts = 16

// Families is the families of refresh tokens in a store.
type Families struct {
	Store store.Store
	Rand  io.Reader // safe for concurrent use
	// Issued says that refresh tokens are issued. Without it no family begins.
	Issued bool
}

// A Result is the refresh-token part of a decision: the token to return to the client,
// and the change to commit first. The zero value is neither.
type Result struct {
	Token  string  // "" for none
	Change *Change // nil for none
}

// A Change is a record to be written if it has not changed meanwhile.
type Change struct {
	key      store.Key
	revision uint64
	record   []byte
	ttl      time.Duration

	// Of a family that begins: the list of the families of its client and user, and how
	// long one may last. Otherwise lifetime is 0.
	list     store.Key
	lifetime time.Duration
}

// A Presented is a refresh token that a client has presented, with the record of its family.
type Presented struct {
	token    Token
	key      store.Key
	revision uint64
	record   record
	policy   schema.RefreshToken
}

// Family is the grant that the token stands for.
func (p *Presented) Family() *decide.Family { return &p.record.Family }

// IssuedAt is when the newest token of the family was issued, in Unix seconds.
func (p *Presented) IssuedAt() int64 { return max(p.record.Started, p.record.Rotated) / 1000 }

// End is when the family ends if nobody uses it from now on.
func (p *Presented) End() time.Time { return p.record.End(p.policy) }

// Use says what the use of the token at now is.
func (p *Presented) Use(now time.Time) Use { return p.record.use(p.token.secret, p.policy, now) }

// Find reads the family of a token that the client presents. It fails with a
// *decide.Refusal when there is none, or it is not the client's, or it has ended; any
// other error is the store's.
func (f *Families) Find(ctx context.Context, compact string, client snapshot.Client, now time.Time) (*Presented, error) {
	token, ok := ReadToken(compact)
	if !ok {
		return nil, &decide.Refusal{Code: decide.CodeInvalidGrant, Reason: ReasonUnknown}
	}
	p := &Presented{token: token, key: recordKey(token), policy: decide.RefreshPolicy(client)}
	entry, err := f.Store.Get(ctx, p.key)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &decide.Refusal{Code: decide.CodeInvalidGrant, Reason: ReasonUnknown}
	}
	if err != nil {
		return nil, err
	}
	if p.record, err = readRecord(entry.Value); err != nil {
		return nil, err
	}
	if reason := p.record.Ended(client, now); reason != "" {
		return nil, &decide.Refusal{Code: decide.CodeInvalidGrant, Reason: reason}
	}
	p.revision = entry.Revision
	return p, nil
}

// Begin starts the family of a grant that comes with a refresh token.
func (f *Families) Begin(g *decide.Grant, now time.Time) (Result, error) {
	first, err := newToken(f.Rand)
	if err != nil {
		return Result{}, fmt.Errorf("random source: %w", err)
	}
	sum := sha256.Sum256(first.secret[:])
	p := &Presented{policy: decide.RefreshPolicy(g.Client), record: record{Version: recordVersion, Family: g.Family(now), Current: sum[:]}}
	p.key = recordKey(first).Of(p.record.Client)
	change := p.write(now)
	change.list = store.NewKey("refresh token families", p.record.Client, p.record.Subject).Of(p.record.Client)
	change.lifetime = min(time.Duration(p.policy.Lifetime)*time.Second, store.MaxTTL)
	return Result{first.String(), change}, nil
}

// MoveOn gives the client the token that it presents next, and records the use, which
// is Current or Repeated.
func (f *Families) MoveOn(p *Presented, use Use, now time.Time) (Result, error) {
	switch {
	case use == Repeated:
		return Result{Token: p.token.successor(p.record.Salt).String()}, nil
	case p.policy.Rotation == schema.RotationNonRotating:
		// The token stays the same, and its last use is recorded once a second at most.
		if now.UnixMilli() < p.record.Used+1000 {
			return Result{}, nil
		}
		p.record.Used = now.UnixMilli()
		return Result{Change: p.write(now)}, nil
	}
	salt := make([]byte, secretSize)
	if _, err := io.ReadFull(f.Rand, salt); err != nil {
		return Result{}, fmt.Errorf("random source: %w", err)
	}
	next := p.record.rotate(p.token, salt, now)
	return Result{next.String(), p.write(now)}, nil
}

// Revoked is the change that ends the family. Its record stays until the family
// would have ended, so that the log can say why its tokens are refused; it says
// nothing of the user any more.
func (p *Presented) Revoked(now time.Time) *Change {
	p.record.Revoked, p.record.Act, p.record.Claims, p.record.Scope = true, "", nil, ""
	p.record.Subject = p.record.Issuer + decide.SubjectBar
	return p.write(now)
}

// Revoke ends the family of a token that the client presents, whichever of its tokens
// that is (RFC 7009 section 2.1). It returns decide.ReasonFamilyRevoked then, and
// otherwise why nothing was done: the token is not the client's, or has ended already.
// The error is the store's.
func (f *Families) Revoke(ctx context.Context, compact string, client snapshot.Client, now time.Time) (decide.Reason, error) {
	ctx = context.WithoutCancel(ctx) // a client that goes away does not undo it
	for range MaxAttempts {
		p, err := f.Find(ctx, compact, client, now)
		if refusal, ok := errors.AsType[*decide.Refusal](err); ok {
			return refusal.Reason, nil
		}
		if err != nil {
			return "", err
		}
		if err = f.Commit(ctx, p.Revoked(now)); err == nil {
			return decide.ReasonFamilyRevoked, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return "", err
		}
	}
	return "", store.ErrConflict
}

// Commit makes the change, if it is not nil. It fails with store.ErrConflict when the
// record has changed meanwhile: then the request must be decided again.
func (f *Families) Commit(ctx context.Context, c *Change) error {
	if c == nil {
		return nil
	}
	_, err := f.Store.CompareAndSwap(ctx, c.key, c.revision, c.record, c.ttl)
	if err != nil || c.lifetime == 0 {
		return err
	}
	list := store.Group{Store: f.Store, Most: schema.MaxRefreshFamilies, Over: isOver}
	if err := list.Join(ctx, c.list, c.key, c.lifetime); err != nil {
		return errors.Join(err, f.Store.Delete(context.WithoutCancel(ctx), c.key)) // no client has its token
	}
	return nil
}

// write is the change that puts the record in the store.
func (p *Presented) write(now time.Time) *Change {
	return &Change{key: p.key, revision: p.revision, record: p.record.encode(), ttl: min(p.End().Sub(now), store.MaxTTL)}
}

func recordKey(t Token) store.Key { return store.NewKey("refresh token family", string(t.id[:])) }

// isOver reports whether a record is kept only so that the log can say why its
// tokens are refused.
func isOver(encoded []byte) bool {
	r, err := readRecord(encoded)
	return err != nil || r.Revoked
}
