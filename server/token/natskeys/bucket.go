// Package natskeys keeps managed keys in a bucket of NATS JetStream, which servers on
// any number of hosts share.
//
// It owns how a key is sealed before it leaves the process, so that neither the bucket
// nor a backup of it holds a private key in clear, and how the bucket is read without
// asking for everything each time. When keys are made and sign is package token's.
package natskeys

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server/remedy"
	"github.com/writ-auth/writ/server/token"
)

// DefaultBucket is the bucket of an address that names none.
const DefaultBucket = "writ-keys"

const (
	readAttempts = 20   // of a bucket that changes meanwhile
	maxEntries   = 1024 // in a bucket; there are a few for each algorithm
	requests     = 16   // at once

	// maxBehind is how long a server that is behind what was read before is not
	// believed: one that others no longer take for the leader finds out sooner.
	maxBehind = time.Minute
)

// Options configure a Bucket.
type Options struct {
	natsbucket.Login
	// Seals open keys; the first one seals them. At least one.
	Seals []Seal
	// Environment is what the servers are for that share the bucket, as in
	// server.Options: a key of another one does not open.
	Environment string
	// AllowUnsafe takes a bucket that can forget keys: fewer than three replicas,
	// memory storage.
	AllowUnsafe bool
	Logger      *slog.Logger // slog.Default when nil
}

// A Bucket is a token.Storage in a key-value bucket of NATS JetStream. It asks for
// server 2.11 or later.
//
// Each entry is a message that names the sequence which it replaces, 0 or that of a
// deletion, and of all with the same name the server takes one. A message that may have
// been stored although its answer was lost is known by its bytes: no two are alike.
//
// A key that an older seal has sealed is sealed anew when it is read.
type Bucket struct {
	client *natsbucket.Client
	opts   Options
	last   reading
	said   string // why a key could not be sealed anew, as the log has it
}

// A reading is what was in the bucket at a moment.
type reading struct {
	state   state
	entries []token.Entry
	at      time.Time
}

// A state tells two moments of a bucket apart. It changes with every message, and when
// messages are removed.
type state struct {
	created         int64  // in Unix nanoseconds
	first, last     uint64 // sequences
	messages, holes uint64
}

// Open connects to the servers of an URL like
//
//	nats://host:4222,host2:4222?bucket=writ-keys&replicas=3&timeout=1500ms
//
// and creates the bucket if there is none; see natskv.Open. Servers that do not answer
// are no error.
func Open(ctx context.Context, url string, opts Options) (*Bucket, error) {
	address, err := natsbucket.Parse(url, DefaultBucket)
	switch {
	case err != nil:
		return nil, fmt.Errorf("open key store: %w", err)
	case len(opts.Seals) == 0:
		return nil, errors.New("open key store: keys are not kept without a seal")
	case len(opts.Environment) > 255:
		return nil, errors.New("open key store: the environment has more than 255 bytes")
	}
	opts.Logger = cmp.Or(opts.Logger, slog.Default())
	client, err := natsbucket.Open(ctx, address, natsbucket.Options{
		Login: opts.Login, AllowUnsafe: opts.AllowUnsafe, Logger: opts.Logger,
		Noun: "key store", Description: "signing keys that several writd share, sealed", MaxMessage: int32(token.MaxEntry + overhead),
		Forgets: "a key that it forgets is withdrawn while its tokens are valid", Exposed: "who can change it can withdraw keys",
		Action: "see that the servers of --keys run, reach each other and take this client's login; writd connects by itself, and the last keys sign on: " + remedy.Runbooks + "store-down",
	})
	if err != nil {
		return nil, err
	}
	return &Bucket{client: client, opts: opts}, nil
}

// Close ends the connection.
func (b *Bucket) Close() error {
	b.client.Close()
	return nil
}

// String implements token.Storage.
func (b *Bucket) String() string { return b.client.String() }

// place is where an entry is sealed for.
func (b *Bucket) place(name string) place {
	return place{bucket: b.client.Bucket, environment: b.opts.Environment, name: name}
}

// call does the work of one method within the time that calls have.
func (b *Bucket) call(ctx context.Context, work func(ctx context.Context) error) error {
	return b.client.Call(ctx, func(err error) bool { return errors.Is(err, fs.ErrExist) }, work)
}

// Read implements token.Storage. While nothing changes it costs one small request.
func (b *Bucket) Read(ctx context.Context) (entries []token.Entry, err error) {
	err = b.call(ctx, func(ctx context.Context) error {
		entries, err = b.read(ctx)
		return err
	})
	return entries, err
}

// read reads the bucket as it is at one moment: it looks at the stream's state before and
// after, and starts again if something was written in between. If nothing was written since
// the last reading, that one is returned after a single request. A state that is older than
// what was read before comes from a server that lags, and is an error for a while.
func (b *Bucket) read(ctx context.Context) ([]token.Entry, error) {
	info, err := b.client.Info(ctx)
	if err != nil {
		return nil, err
	}
	for range readAttempts {
		before := stateOf(info)
		switch now := time.Now(); {
		case before == b.last.state:
			b.last.at = now
			return b.last.entries, nil
		case before.created == b.last.state.created && before.last < b.last.state.last && now.Sub(b.last.at) < maxBehind:
			return nil, errors.New("the server is behind what was read before, as one that no longer leads may be")
		}
		entries, old, err := b.readAll(ctx)
		if err != nil {
			return nil, err
		}
		after, err := b.client.Info(ctx)
		if err != nil {
			return nil, err
		}
		if info = after; stateOf(info) == before {
			b.last = reading{before, entries, time.Now()}
			b.sealAnew(ctx, old)
			return entries, nil
		}
	}
	return nil, errors.New("it changes faster than it can be read")
}

// stateOf returns the parts of a stream's state that change with every write or deletion.
func stateOf(info *jetstream.StreamInfo) state {
	s := info.State
	return state{info.Created.UnixNano(), s.FirstSeq, s.LastSeq, s.Msgs, uint64(s.NumDeleted)}
}

// An olderSeal is a key that was opened by another seal than the first.
type olderSeal struct {
	name     string
	sequence uint64
	content  []byte
}

// readAll reads every entry, and says which were not sealed by the first seal.
func (b *Bucket) readAll(ctx context.Context) (entries []token.Entry, old []olderSeal, err error) {
	subjects, err := b.client.Subjects(ctx)
	if err != nil {
		return nil, nil, err
	}
	if len(subjects) > maxEntries {
		return nil, nil, b.client.Unfit("holds %d entries: it is not for signing keys alone", len(subjects))
	}
	type message struct {
		sequence uint64
		data     []byte
		err      error
	}
	messages := make([]message, len(subjects))
	var readers sync.WaitGroup
	free := make(chan struct{}, requests)
	for i, subject := range subjects {
		free <- struct{}{}
		readers.Go(func() {
			m := &messages[i]
			m.sequence, m.data, m.err = b.client.Last(ctx, subject)
			<-free
		})
	}
	readers.Wait()
	for i, subject := range subjects {
		name, m := strings.TrimPrefix(subject, b.client.Subject("")), messages[i]
		switch {
		case m.err != nil:
			return nil, nil, m.err
		case len(m.data) == 0:
			continue // it was deleted
		}
		content, by, err := open(b.opts.Seals, b.place(name), m.data)
		entry := token.Entry{Name: name, Content: content, Err: err}
		if failed, ok := errors.AsType[*sealedError](err); ok {
			entry.Blocks = failed.blocks
		}
		entries = append(entries, entry)
		if by > 0 {
			old = append(old, olderSeal{name, m.sequence, content})
		}
	}
	slices.SortFunc(entries, func(a, b token.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, old, nil
}

// sealAnew replaces what an older seal has sealed. Another process may be doing the
// same: of all, the server takes one. What does not succeed is tried again when the
// bucket is read next.
func (b *Bucket) sealAnew(ctx context.Context, old []olderSeal) {
	for _, key := range old {
		message, err := b.opts.Seals[0].seal(b.place(key.name), key.content)
		if err == nil {
			err = b.client.Once(ctx, func(ctx context.Context) error { return b.publish(ctx, key.name, message, key.sequence) })
		}
		switch {
		case err == nil:
			b.opts.Logger.Info("key sealed anew", "file", key.name, "seal", b.opts.Seals[0].String())
		case !errors.Is(err, natsbucket.ErrSequence):
			b.last = reading{}
			if b.said != err.Error() {
				b.said = err.Error()
				b.opts.Logger.Warn("key not sealed anew: keep the older --keys-seal", "file", key.name, "reason", b.said)
			}
		}
	}
}

// publish stores a message in the place of the one with that sequence.
func (b *Bucket) publish(ctx context.Context, name string, message []byte, replaced uint64) error {
	msg := nats.NewMsg(b.client.Subject(name))
	msg.Data = message
	_, err := b.client.Publish(ctx, msg, 0, jetstream.WithExpectLastSequencePerSubject(replaced))
	return err
}

// Create implements token.Storage.
func (b *Bucket) Create(ctx context.Context, name string, content []byte) error {
	message, err := b.opts.Seals[0].seal(b.place(name), content)
	if err != nil {
		return err
	}
	return b.call(ctx, func(ctx context.Context) error { return b.create(ctx, name, message) })
}

// create writes an entry unless there is one. Each attempt looks first: if the message is there
// already, an earlier attempt succeeded and only its answer was lost.
func (b *Bucket) create(ctx context.Context, name string, message []byte) error {
	for {
		sequence, found, err := b.client.Last(ctx, b.client.Subject(name))
		switch {
		case err != nil:
			return err
		case bytes.Equal(found, message):
			return nil // an answer was lost
		case len(found) > 0:
			return fs.ErrExist
		}
		err = b.client.Once(ctx, func(ctx context.Context) error { return b.publish(ctx, name, message, sequence) })
		if err == nil || natsbucket.Final(err) {
			return err
		}
		if err := b.client.Pause(ctx, err); err != nil {
			return err
		}
	}
}

// Remove implements token.Storage. Where another process was first it writes nothing.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	return b.call(ctx, func(ctx context.Context) error {
		_, found, err := b.client.Last(ctx, b.client.Subject(name))
		if err != nil || len(found) == 0 {
			return err
		}
		return b.client.Delete(ctx, b.client.Subject(name))
	})
}
