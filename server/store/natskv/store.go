package natskv

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/store"
)

// DefaultBucket is the bucket of an address that names none.
const DefaultBucket = "writ"

// Options configure a Store. The zero value works.
type Options struct {
	natsbucket.Login

	// AllowUnsafe takes a bucket that can forget what was acknowledged: fewer
	// than three replicas, memory storage, limits that drop keys early.
	AllowUnsafe bool

	Logger *slog.Logger     // slog.Default when nil
	Now    func() time.Time // time.Now when nil
	Rand   io.Reader        // of the marks of writes; crypto/rand's when nil
}

// A Store is a store.Store in a key-value bucket of NATS JetStream, which any
// number of processes share. It asks for server 2.11 or later.
//
// # Time
//
// An entry carries its end, and every process judges it by its own clock: past
// its end it is absent whatever the server still holds. The server removes it a
// minute later, so that its clock may be off by that much and nothing is
// forgotten early.
//
// # Writes whose answer is lost
//
// A write names the sequence of the message that it replaces, 0 for none, and
// the server takes one message for each of those. So a write may be sent again:
// of all its copies, the server applies one. Each write is marked with 16 random
// bytes, which the entry keeps. When an answer is lost or says that the
// sequence is another one, the entry is read: if it has the mark, the write was
// applied, and this is its success. If nothing has changed, the write is sent
// again until the time is up. If the entry is another's, then
//
//   - a write that was refused whenever it was sent answers store.ErrConflict or
//     store.ErrExists: it has changed nothing;
//   - PutOnce answers store.ErrExists even if an answer was lost: the key is there;
//   - CompareAndSwap, if an answer was lost, cannot know whether it came before
//     what it sees. It answers an error that is not store.ErrConflict, since a caller
//     may take that for a sign of theft.
//
// When the time is up, the answer is an error and never a success. The write may
// still be applied, once. Calling PutOnce again then answers store.ErrExists at worst,
// and CompareAndSwap store.ErrConflict at worst, which may be about its own first
// write: no two calls ever succeed, and who is told store.ErrConflict after an error
// must read before it blames somebody. No write waits in a buffer for a server
// to come back, so none is applied minutes later.
//
// # Reads
//
// Reads go to the leader of the bucket's stream and never to the followers,
// which may be behind and answer when a bucket allows direct gets. For some
// seconds a leader that the others have given up may not know it and still
// answer. Such a read grants nothing: PutOnce and CompareAndSwap succeed by a
// majority of the servers only, and who acts upon a Get must swap. If a server
// shows an older revision of a key than the one to be swapped, it is behind, and
// the answer is an error that is not store.ErrConflict.
//
// # What the servers must do
//
// A server of JetStream answers before its disk does and synchronizes every two
// minutes. With sync_interval: always in its configuration an acknowledged write
// survives a power failure. No client can see that setting.
type Store struct {
	client *natsbucket.Client
	now    func() time.Time
	rand   io.Reader
	margin time.Duration // for which the server holds what has expired
}

// margin is what the server and the clients may differ in.
const margin = time.Minute

// Open connects to the servers of an URL like
//
//	nats://host:4222,host2:4222?bucket=writ&replicas=3&timeout=1500ms
//
// and creates the bucket if there is none. Scheme tls demands TLS. A user with
// password, or a token, may precede the first host; no error and no log shows
// them. timeout bounds each call.
//
// Servers that do not answer are no error: they are tried for ever, and calls
// answer errors until then. A bucket that is unfit or unsafe is an error.
func Open(ctx context.Context, url string, opts Options) (*Store, error) {
	address, err := natsbucket.Parse(url, DefaultBucket)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Rand == nil {
		opts.Rand = rand.Reader
	}
	client, err := natsbucket.Open(ctx, address, natsbucket.Options{
		Login: opts.Login, AllowUnsafe: opts.AllowUnsafe, Logger: opts.Logger,
		Noun: "store", Description: "what several writd remember together", MaxMessage: maxMessage,
		Forgets: "what it forgets can be used again", Exposed: "who can change it can make used assertions fresh",
		Action: "see that the servers of --store run, reach each other and take this client's login; writd connects by itself: " + remedy.Runbooks + "store-down",
	})
	if err != nil {
		return nil, err
	}
	return &Store{client: client, now: opts.Now, rand: opts.Rand, margin: margin}, nil
}

// Close ends the connection; every later call answers store.ErrClosed.
func (n *Store) Close() error {
	n.client.Close()
	return nil
}

// Fault says why the store does not work at the moment, as far as calls and the
// connection have shown. nil: nothing is known to be wrong.
func (n *Store) Fault() error { return n.client.Fault() }

// call does the work of one method within the time that calls have.
func (n *Store) call(ctx context.Context, work func(ctx context.Context) error) error {
	err := n.client.Call(ctx, func(err error) bool { return errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrNotFound) }, work)
	if errors.Is(err, natsbucket.ErrClosed) {
		return store.ErrClosed
	}
	return err
}

// PutOnce implements Store.
func (n *Store) PutOnce(ctx context.Context, key store.Key, ttl time.Duration) error {
	if err := store.CheckWrite(ctx, ttl, nil); err != nil {
		return err
	}
	w, err := n.newWrite(key, 0, nil, ttl)
	if err != nil {
		return err
	}
	w.once = true
	err = n.call(ctx, func(ctx context.Context) error {
		_, err := n.write(ctx, w)
		return err
	})
	if errors.Is(err, store.ErrConflict) {
		return store.ErrExists
	}
	return err
}

// CompareAndSwap implements Store.
func (n *Store) CompareAndSwap(ctx context.Context, key store.Key, revision uint64, value []byte, ttl time.Duration) (next uint64, err error) {
	if err := store.CheckWrite(ctx, ttl, value); err != nil {
		return 0, err
	}
	w, err := n.newWrite(key, revision, value, ttl)
	if err != nil {
		return 0, err
	}
	err = n.call(ctx, func(ctx context.Context) error {
		next, err = n.write(ctx, w)
		return err
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// Get implements Store.
func (n *Store) Get(ctx context.Context, key store.Key) (entry store.Entry, err error) {
	err = n.call(ctx, func(ctx context.Context) error {
		found, err := n.read(ctx, n.client.Subject(key.String()))
		if err == nil && !found.live {
			err = store.ErrNotFound
		}
		entry = store.Entry{Value: found.value, Revision: found.sequence}
		return err
	})
	if err != nil {
		return store.Entry{}, err
	}
	return entry, nil
}

// Delete implements Store. It leaves a marker for as long as a write that was
// sent before it may come after it.
func (n *Store) Delete(ctx context.Context, key store.Key) error {
	return n.call(ctx, func(ctx context.Context) error { return n.client.Delete(ctx, n.client.Subject(key.String())) })
}
