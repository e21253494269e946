//go:build nats

package store

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An entry's message is a version, the mark of the write, the end in Unix
// nanoseconds and the value. A message without a body is a marker that the key
// was deleted or has expired.
const (
	natsVersion = 1
	natsHeader  = 1 + 16 + 8
	maxMessage  = natsHeader + MaxValue + 256 // with the headers of the server
)

// Codes of the server that the client library has no name for, or two for one
// thing.
const (
	errCodeReplicas    = 10074 // more replicas than servers
	errCodeStoreFailed = 10077 // such as a full stream
)

const natsPause = 20 * time.Millisecond // between two attempts

var (
	errRefused = errors.New("another sequence than the one named")
	errBehind  = errors.New("the server is behind the revision named, as one that no longer leads may be")
	errOutcome = errors.New("the answer was lost and the key has changed: whether the write came before is not known")
)

type mark [16]byte

// A natsWrite is one call of PutOnce or CompareAndSwap, and the same bytes
// however often it is sent.
type natsWrite struct {
	subject  string
	revision uint64 // that the caller named
	once     bool   // for PutOnce
	data     []byte
	mark     mark
	ttl      time.Duration
}

// A natsEntry is what a subject's last message says now.
type natsEntry struct {
	sequence uint64 // 0 when there is no message
	live     bool
	value    []byte
	mark     mark
}

func (n *NATS) newWrite(key Key, revision uint64, value []byte, ttl time.Duration) (natsWrite, error) {
	w := natsWrite{subject: n.address.subject(key), revision: revision, ttl: ttl + n.margin}
	if _, err := io.ReadFull(n.opts.Rand, w.mark[:]); err != nil {
		return natsWrite{}, fmt.Errorf("random source: %w", err)
	}
	w.data = make([]byte, 0, natsHeader+len(value))
	w.data = append(append(w.data, natsVersion), w.mark[:]...)
	w.data = binary.BigEndian.AppendUint64(w.data, uint64(n.opts.Now().Add(ttl).UnixNano()))
	w.data = append(w.data, value...)
	return w, nil
}

// replaces returns the sequence that the write may replace, given what is there.
func (w natsWrite) replaces(found natsEntry) (sequence uint64, err error) {
	current := uint64(0)
	if found.live {
		current = found.sequence
	}
	switch {
	case found.sequence != 0 && found.sequence < w.revision:
		return 0, errBehind
	case current != w.revision:
		return 0, ErrConflict
	}
	return found.sequence, nil
}

// write sends w until it is known what became of it, or the time is up: see
// NATS for why that is safe. A write of a new key is sent before anything is
// read, since there mostly is none.
func (n *NATS) write(ctx context.Context, w natsWrite) (sequence uint64, err error) {
	var found natsEntry
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
		if errors.Is(err, ErrConflict) && lost && !w.once {
			err = errOutcome
		}
		if err != nil {
			return 0, err
		}
		sequence, err = n.send(ctx, w, replaced)
		if err == nil || final(err) {
			return sequence, err
		}
		again := refused // though nothing had changed: another write is on its way
		refused = errors.Is(err, errRefused)
		lost = lost || !refused
		if refused && !again {
			continue
		}
		if err := n.pause(ctx, err); err != nil {
			return 0, err
		}
	}
}

func (n *NATS) send(ctx context.Context, w natsWrite, replaced uint64) (sequence uint64, err error) {
	err = n.once(ctx, func(ctx context.Context) error {
		msg := nats.NewMsg(w.subject)
		msg.Data = w.data
		sequence, err = n.publish(ctx, msg, w.ttl, jetstream.WithExpectLastSequencePerSubject(replaced))
		return err
	})
	return sequence, err
}

// publish stores one message and returns its sequence, errRefused if it named
// another sequence than the key has.
func (n *NATS) publish(ctx context.Context, msg *nats.Msg, ttl time.Duration, opts ...jetstream.PublishOpt) (sequence uint64, err error) {
	seconds := (ttl + time.Second - 1).Truncate(time.Second) // the server counts in those
	ack, err := n.js.PublishMsg(ctx, msg, append(opts, jetstream.WithMsgTTL(seconds), jetstream.WithExpectStream(n.address.stream()), jetstream.WithRetryAttempts(0))...)
	if apiErr, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch apiErr.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return 0, errRefused
		}
	}
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// read asks the leader for the subject's last message. The library's own Get
// would ask any server if the bucket allows it.
func (n *NATS) read(ctx context.Context, subject string) (found natsEntry, err error) {
	request, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return natsEntry{}, err
	}
	err = n.again(ctx, func(ctx context.Context) error {
		answer, err := n.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+n.address.stream(), request)
		if err == nil {
			found, err = n.decode(answer.Data)
		}
		return err
	})
	return found, err
}

func (n *NATS) decode(answer []byte) (natsEntry, error) {
	var got struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return natsEntry{}, fmt.Errorf("answer of the server: %w", err)
	}
	switch {
	case got.Error != nil && got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return natsEntry{}, nil
	case got.Error != nil:
		return natsEntry{}, got.Error
	case got.Message == nil || got.Message.Sequence == 0:
		return natsEntry{}, errors.New("answer of the server holds neither message nor error")
	}
	found := natsEntry{sequence: got.Message.Sequence}
	data := got.Message.Data
	if len(data) == 0 {
		return found, nil
	}
	if len(data) < natsHeader || data[0] != natsVersion {
		return natsEntry{}, &bucketError{n.address.bucket, "holds a message that this version of writd did not write"}
	}
	copy(found.mark[:], data[1:])
	found.live = n.opts.Now().UnixNano() < int64(binary.BigEndian.Uint64(data[17:]))
	found.value = data[natsHeader:]
	return found, nil
}
