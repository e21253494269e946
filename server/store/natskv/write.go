package natskv

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server/store"
)

// An entry's message is a version, the mark of the write, the end in Unix
// nanoseconds and the value. A message without a body is a marker that the key
// was deleted or has expired.
const (
	version    = 1
	headerSize = 1 + 16 + 8
	maxMessage = headerSize + store.MaxValue + 256 // with the headers of the server
)

var (
	errBehind  = errors.New("the server is behind the revision named, as one that no longer leads may be")
	errOutcome = errors.New("the answer was lost and the key has changed: whether the write came before is not known")
)

// A mark is random and tells one write from all others: by it a writer whose answer was lost
// recognizes its own write.
type mark [16]byte

// A write is one call of PutOnce or CompareAndSwap, and the same bytes
// however often it is sent.
type write struct {
	subject  string
	revision uint64 // that the caller named
	once     bool   // for PutOnce
	data     []byte
	mark     mark
	ttl      time.Duration
}

// A entry is what a subject's last message says now.
type entry struct {
	sequence uint64 // 0 when there is no message
	live     bool
	value    []byte
	mark     mark
}

// newWrite makes the message of a write. Its end is stored in it as well as in the server's
// TTL, which is longer by a margin: until the server removes it, the message itself says that
// it has expired.
func (n *Store) newWrite(key store.Key, revision uint64, value []byte, ttl time.Duration) (write, error) {
	w := write{subject: n.client.Subject(key.String()), revision: revision, ttl: ttl + n.margin}
	if _, err := io.ReadFull(n.rand, w.mark[:]); err != nil {
		return write{}, fmt.Errorf("random source: %w", err)
	}
	w.data = make([]byte, 0, headerSize+len(value))
	w.data = append(append(w.data, version), w.mark[:]...)
	w.data = binary.BigEndian.AppendUint64(w.data, uint64(n.now().Add(ttl).UnixNano()))
	w.data = append(w.data, value...)
	return w, nil
}

// replaces returns the sequence that the write may replace, given what is there.
func (w write) replaces(found entry) (sequence uint64, err error) {
	current := uint64(0)
	if found.live {
		current = found.sequence
	}
	switch {
	case found.sequence != 0 && found.sequence < w.revision:
		return 0, errBehind
	case current != w.revision:
		return 0, store.ErrConflict
	}
	return found.sequence, nil
}

// write sends w until it is known what became of it, or the time is up: see
// NATS for why that is safe. A write of a new key is sent before anything is
// read, since there mostly is none.
func (n *Store) write(ctx context.Context, w write) (sequence uint64, err error) {
	var found entry
	lost, refused := false, false // an answer to an earlier attempt; the attempt before
	for first := true; ; first = false {
		if !first || w.revision != 0 {
			if found, err = n.read(ctx, w.subject); err != nil {
				return 0, err
			}
		}
		if found.sequence != 0 && found.mark == w.mark {
			return found.sequence, nil
		}
		replaced, err := w.replaces(found)
		if errors.Is(err, store.ErrConflict) && lost && !w.once {
			err = errOutcome
		}
		if err != nil {
			return 0, err
		}
		sequence, err = n.send(ctx, w, replaced)
		if err == nil || natsbucket.Final(err) {
			return sequence, err
		}
		again := refused // though nothing had changed: another write is on its way
		refused = errors.Is(err, natsbucket.ErrSequence)
		lost = lost || !refused
		if refused && !again {
			continue
		}
		if err := n.client.Pause(ctx, err); err != nil {
			return 0, err
		}
	}
}

// send publishes a write once, on the condition that the subject's last message has the
// sequence replaced.
func (n *Store) send(ctx context.Context, w write, replaced uint64) (sequence uint64, err error) {
	err = n.client.Once(ctx, func(ctx context.Context) error {
		msg := nats.NewMsg(w.subject)
		msg.Data = w.data
		sequence, err = n.client.Publish(ctx, msg, w.ttl, jetstream.WithExpectLastSequencePerSubject(replaced))
		return err
	})
	return sequence, err
}

// read returns what the subject's last message says now.
func (n *Store) read(ctx context.Context, subject string) (entry, error) {
	sequence, data, err := n.client.Last(ctx, subject)
	found := entry{sequence: sequence}
	switch {
	case err != nil:
		return entry{}, err
	case len(data) == 0:
		return found, nil
	case len(data) < headerSize || data[0] != version:
		return entry{}, n.client.Unfit("holds a message that this version of writd did not write")
	}
	copy(found.mark[:], data[1:])
	found.live = n.now().UnixNano() < int64(binary.BigEndian.Uint64(data[17:]))
	found.value = data[headerSize:]
	return found, nil
}
