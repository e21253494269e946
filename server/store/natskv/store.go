package natskv

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/server/store"
)

// Options configure a Store. The zero value works.
type Options struct {
	Credentials string // file with a user's JWT and seed, read at every connect; none when empty
	CA          string // PEM file of the only CAs for the servers, which must then speak TLS; the system's when empty
	Certificate string // PEM file of this client's chain, read at every connect; none when empty
	PrivateKey  string // PEM file of its key

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
	address address
	opts    Options
	conn    *nats.Conn
	js      jetstream.JetStream
	margin  time.Duration // for which the server holds what has expired

	closed   atomic.Bool
	fault    atomic.Pointer[error] // of the last call, or of the connection since
	absent   atomic.Bool           // longer than one call waits
	checking chan struct{}
	checked  atomic.Bool

	mu   sync.Mutex
	told map[string]bool // troubles that are in the log since it last worked
}

// What the server and the clients may differ in, and how long a delayed write
// may be on its way after the key was deleted.
const (
	margin    = time.Minute
	markerTTL = 10 * time.Minute
)

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
	address, err := parseURL(url)
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
	n := &Store{address: address, opts: opts, margin: margin, checking: make(chan struct{}, 1), told: map[string]bool{}}
	if err := n.connect(); err != nil {
		return nil, fmt.Errorf("open store %s: %w", address, err)
	}
	if err := n.firstLook(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

// firstLook tells at the start what would otherwise come with the first call.
func (n *Store) firstLook(ctx context.Context) error {
	if !n.conn.IsConnected() {
		n.absent.Store(true)
		n.opts.Logger.Error("store is not reachable: what needs it is refused until it is",
			"store", n.address.String(), "reason", fmt.Sprint(cmp.Or(n.conn.LastError(), nats.ErrNoServers)), "action", storeDown)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*n.address.timeout) // it may have to create the bucket
	defer cancel()
	err := n.ready(ctx)
	if _, unfit := errors.AsType[*bucketError](err); unfit {
		return fmt.Errorf("open store %s: %w", n.address, err)
	}
	n.troubled(n.conn, err)
	return nil
}

// Close ends the connection; every later call answers store.ErrClosed.
func (n *Store) Close() error {
	n.closed.Store(true)
	n.conn.Close()
	return nil
}

// Fault says why the store does not work at the moment, as far as calls and the
// connection have shown. nil: nothing is known to be wrong.
func (n *Store) Fault() error {
	if err := n.away(); err != nil {
		return err
	}
	if fault := n.fault.Load(); fault != nil {
		return fmt.Errorf("store %s: %w", n.address, *fault)
	}
	return nil
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
		found, err := n.read(ctx, n.address.subject(key))
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
	return n.call(ctx, func(ctx context.Context) error {
		return n.again(ctx, func(ctx context.Context) error {
			msg := nats.NewMsg(n.address.subject(key))
			msg.Header.Set("KV-Operation", "DEL") // as every client of a bucket knows it
			_, err := n.publish(ctx, msg, markerTTL)
			return err
		})
	})
}
