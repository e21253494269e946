package natsbucket

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// How a connection notices that a server is gone and looks for the next.
const (
	dialTimeout   = time.Second
	pingInterval  = 2 * time.Second
	lostPings     = 2
	reconnectWait = 250 * time.Millisecond
)

const (
	maxTroubles = 16                    // in the log until the bucket works again
	attempts    = 3                     // of one call that may wait for an answer in vain
	pause       = 20 * time.Millisecond // between two attempts
)

// Codes of the server that the client library has no name for, or two for one
// thing.
const (
	errCodeReplicas    = 10074 // more replicas than servers
	errCodeStoreFailed = 10077 // such as a full stream
)

// ErrClosed is the error of a Client that was closed.
var ErrClosed = errors.New("the connection was closed")

// ErrSequence is the error of a message that names another sequence to replace than
// its subject has.
var ErrSequence = errors.New("another sequence than the one named")

// Options say what a bucket is to its user.
type Options struct {
	Login
	// AllowUnsafe takes a bucket that can forget what was acknowledged: fewer
	// than three replicas, memory storage, limits that drop keys early.
	AllowUnsafe bool

	Noun        string // what log lines call the bucket, such as "store"
	Description string // of a bucket that is made
	Forgets     string // what follows when the bucket forgets, as the end of a sentence
	Exposed     string // what who can change an unencrypted connection can do, likewise
	Action      string // what to do when the bucket does not work, for the log
	MaxMessage  int32  // bytes of the longest message
	Logger      *slog.Logger
}

// A Client works on one key-value bucket. Its methods may be called concurrently.
type Client struct {
	Address
	opts Options
	conn *nats.Conn
	js   jetstream.JetStream

	closed   atomic.Bool
	fault    atomic.Pointer[error] // of the last call, or of the connection since
	absent   atomic.Bool           // longer than one call waits
	checking chan struct{}
	checked  atomic.Bool

	mu   sync.Mutex
	told map[string]bool // troubles that are in the log since it last worked
}

// Open connects to the servers and creates the bucket if there is none. Servers that
// do not answer are no error: they are tried for ever, and calls answer errors until
// then. A bucket that is unfit or unsafe is an error.
func Open(ctx context.Context, a Address, opts Options) (*Client, error) {
	c := &Client{Address: a, opts: opts, checking: make(chan struct{}, 1), told: map[string]bool{}}
	if err := c.connect(); err != nil {
		return nil, fmt.Errorf("open %s %s: %w", opts.Noun, a, err)
	}
	if err := c.firstLook(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// connect starts the connection, and returns before there is one. Callbacks keep absent and
// fault up to date from then on.
func (c *Client) connect() (err error) {
	c.conn, err = c.Servers.Connect(c.opts.Login,
		nats.Name("writd"),
		nats.Timeout(dialTimeout),
		nats.FlusherTimeout(c.Timeout), // else a stalled socket holds every call for a minute
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(lostPings),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ConnectHandler(c.connected),
		nats.ReconnectHandler(c.connected),
		nats.DisconnectErrHandler(c.disconnected),
		nats.ReconnectErrHandler(c.troubled),
		nats.ErrorHandler(func(conn *nats.Conn, _ *nats.Subscription, err error) { c.troubled(conn, err) }),
	)
	if err != nil {
		return err
	}
	c.js, err = jetstream.New(c.conn)
	return err
}

// firstLook tries the bucket at the start. Servers that are away are logged and no error: they
// may come back. A bucket that is unfit is an error, since only an operator can mend it.
func (c *Client) firstLook(ctx context.Context) error {
	if !c.conn.IsConnected() {
		c.absent.Store(true)
		c.opts.Logger.Error(c.opts.Noun+" is not reachable: what needs it is refused until it is",
			"store", c.String(), "reason", fmt.Sprint(cmp.Or(c.conn.LastError(), nats.ErrNoServers)), "action", c.opts.Action)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 3*c.Timeout) // it may have to create the bucket
	defer cancel()
	err := c.ready(ctx)
	if _, unfit := errors.AsType[*UnfitError](err); unfit {
		return fmt.Errorf("open %s %s: %w", c.opts.Noun, c.Address, err)
	}
	c.troubled(c.conn, err)
	return nil
}

// Close ends the connection; every later call answers ErrClosed.
func (c *Client) Close() {
	c.closed.Store(true)
	c.conn.Close()
}

// Fault says why the bucket does not work at the moment, as far as calls and the
// connection have shown. nil: nothing is known to be wrong.
func (c *Client) Fault() error {
	if err := c.away(); err != nil {
		return err
	}
	if fault := c.fault.Load(); fault != nil {
		return fmt.Errorf("%s %s: %w", c.opts.Noun, c.Address, *fault)
	}
	return nil
}

// connected notes a connection, the first or a new one. It warns of one that others on the
// network can read.
func (c *Client) connected(conn *nats.Conn) {
	c.absent.Store(false)
	c.fault.Store(nil)
	encrypted := conn.Opts.Secure || conn.TLSRequired() // TLSConnectionState would race with a loss of the connection
	c.opts.Logger.Info(c.opts.Noun+" connected", "server", conn.ConnectedUrlRedacted(), "tls", encrypted)
	if host, _, err := net.SplitHostPort(conn.ConnectedAddr()); !encrypted && err == nil && !net.ParseIP(host).IsLoopback() {
		c.opts.Logger.Warn("the connection to the "+c.opts.Noun+" is not encrypted: "+c.opts.Exposed, "server", conn.ConnectedUrlRedacted())
	}
}

// disconnected notes the loss of the connection. For the time of one call, calls still wait
// for the next server, which a cluster has at once. After that they fail at once, so that
// requests do not pile up behind an outage.
func (c *Client) disconnected(conn *nats.Conn, err error) {
	if c.closed.Load() {
		return
	}
	c.opts.Logger.Warn(c.opts.Noun+" disconnected", "store", c.String(), "reason", fmt.Sprint(err))
	time.AfterFunc(c.Timeout, func() { c.absent.Store(!conn.IsConnected()) })
}

// troubled logs what keeps the bucket from working, each reason once until it
// works again.
func (c *Client) troubled(_ *nats.Conn, err error) {
	if err == nil || c.closed.Load() {
		return
	}
	c.fault.Store(&err)
	text := err.Error()
	c.mu.Lock()
	known := c.told[text] || len(c.told) >= maxTroubles
	if !known {
		c.told[text] = true
	}
	c.mu.Unlock()
	if !known {
		c.opts.Logger.Error(c.opts.Noun+" does not work", "store", c.String(), "reason", text, "action", c.opts.Action)
	}
}

// recovered notes that a call has succeeded: the next failure is logged again.
func (c *Client) recovered() {
	c.fault.Store(nil)
	c.mu.Lock()
	was := len(c.told) > 0
	clear(c.told)
	c.mu.Unlock()
	if was {
		c.opts.Logger.Info(c.opts.Noun+" works again", "store", c.String())
	}
}

// away is the error of servers that were not there for some time.
func (c *Client) away() error {
	if c.absent.Load() && !c.conn.IsConnected() {
		return fmt.Errorf("%s %s: %w", c.opts.Noun, c.Address, nats.ErrDisconnected)
	}
	return nil
}

// Call runs the work of one method within Timeout. An error for which answered returns true,
// such as a conflict, is the bucket's answer and no fault of it. Any other error is logged,
// and is what Fault returns until a call succeeds.
func (c *Client) Call(ctx context.Context, answered func(error) bool, work func(ctx context.Context) error) error {
	if c.closed.Load() {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := c.away(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	err := c.ready(limited)
	if err == nil {
		err = work(limited)
	}
	switch {
	case err == nil, answered(err):
		c.recovered()
		return err
	case c.closed.Load():
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// The caller's context is well: it must not take this for its end.
		err = fmt.Errorf("no answer within %s", c.Timeout)
	}
	c.troubled(c.conn, err)
	return fmt.Errorf("%s %s: %w", c.opts.Noun, c.Address, err)
}

// Again repeats an attempt until it succeeds, its error is Final, or ctx ends. Each may have
// been carried out although no answer came, so it must be safe to repeat.
func (c *Client) Again(ctx context.Context, attempt func(ctx context.Context) error) error {
	for {
		err := c.Once(ctx, attempt)
		if err == nil || Final(err) {
			return err
		}
		if err := c.Pause(ctx, err); err != nil {
			return err
		}
	}
}

// Once makes one attempt, within a part of Timeout: a lost answer leaves time for others.
func (c *Client) Once(ctx context.Context, attempt func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout/attempts)
	defer cancel()
	return attempt(ctx)
}

// Final reports whether time does not mend an error: the server has looked at
// the request and will not do it, or nobody waits for it.
func Final(err error) bool {
	if _, unfit := errors.AsType[*UnfitError](err); unfit {
		return true
	}
	if apiErr, ok := errors.AsType[*jetstream.APIError](err); ok {
		return apiErr.Code != 503 || apiErr.ErrorCode == errCodeStoreFailed
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload)
}

// Pause waits before the next attempt. Its error, when there is no time for
// one, holds why the last one failed.
func (c *Client) Pause(ctx context.Context, last error) error {
	if err := c.away(); err != nil {
		return err
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no answer in time: %w", last)
	}
}

// Publish stores one message and returns its sequence. ttl is for how long the server
// keeps it, 0 for ever. It fails with ErrSequence if the message names another sequence
// than its subject has.
func (c *Client) Publish(ctx context.Context, msg *nats.Msg, ttl time.Duration, opts ...jetstream.PublishOpt) (sequence uint64, err error) {
	opts = append(opts, jetstream.WithExpectStream(c.Stream()), jetstream.WithRetryAttempts(0))
	if ttl > 0 {
		opts = append(opts, jetstream.WithMsgTTL((ttl + time.Second - 1).Truncate(time.Second))) // the server counts in seconds
	}
	ack, err := c.js.PublishMsg(ctx, msg, opts...)
	if apiErr, ok := errors.AsType[*jetstream.APIError](err); ok {
		switch apiErr.ErrorCode {
		case jetstream.JSErrCodeStreamWrongLastSequence, jetstream.JSErrCodeStreamWrongLastSequenceConstant:
			return 0, ErrSequence
		}
	}
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// markerTTL is how long a marker stays that a key was deleted: as long as a write that
// was sent before it may come after it.
const markerTTL = 10 * time.Minute

// Delete replaces the last message of a subject by a marker, which has no body.
func (c *Client) Delete(ctx context.Context, subject string) error {
	return c.Again(ctx, func(ctx context.Context) error {
		msg := nats.NewMsg(subject)
		msg.Header.Set("KV-Operation", "DEL") // as every client of a bucket knows it
		_, err := c.Publish(ctx, msg, markerTTL)
		return err
	})
}

// Info asks the leader what the bucket's stream is like at the moment.
func (c *Client) Info(ctx context.Context) (info *jetstream.StreamInfo, err error) {
	err = c.Again(ctx, func(ctx context.Context) error {
		stream, err := c.js.Stream(ctx, c.Stream())
		if err == nil {
			info = stream.CachedInfo()
		}
		return err
	})
	return info, err
}

// Subjects asks the leader for the subjects of all messages, markers included.
func (c *Client) Subjects(ctx context.Context) (subjects []string, err error) {
	err = c.Again(ctx, func(ctx context.Context) error {
		stream, err := c.js.Stream(ctx, c.Stream())
		if err != nil {
			return err
		}
		info, err := stream.Info(ctx, jetstream.WithSubjectFilter(c.Subject(">")))
		if err == nil {
			subjects = slices.Sorted(maps.Keys(info.State.Subjects))
		}
		return err
	})
	return subjects, err
}

// Last asks the leader for the subject's last message; its sequence is 0 when there is
// none. A message without a body is a marker that the key was deleted or has expired.
// The library's own Get would ask any server if the bucket allows it.
func (c *Client) Last(ctx context.Context, subject string) (sequence uint64, data []byte, err error) {
	request, err := json.Marshal(map[string]string{"last_by_subj": subject})
	if err != nil {
		return 0, nil, err
	}
	err = c.Again(ctx, func(ctx context.Context) error {
		answer, err := c.conn.RequestWithContext(ctx, "$JS.API.STREAM.MSG.GET."+c.Stream(), request)
		if err == nil {
			sequence, data, err = decode(answer.Data)
		}
		return err
	})
	return sequence, data, err
}

// decode reads the server's answer about a message. Sequence 0 says that there is none.
func decode(answer []byte) (sequence uint64, data []byte, err error) {
	var got struct {
		Error   *jetstream.APIError `json:"error"`
		Message *struct {
			Sequence uint64 `json:"seq"`
			Data     []byte `json:"data"`
		} `json:"message"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return 0, nil, fmt.Errorf("answer of the server: %w", err)
	}
	switch {
	case got.Error != nil && got.Error.ErrorCode == jetstream.JSErrCodeMessageNotFound:
		return 0, nil, nil
	case got.Error != nil:
		return 0, nil, got.Error
	case got.Message == nil || got.Message.Sequence == 0:
		return 0, nil, errors.New("answer of the server holds neither message nor error")
	}
	return got.Message.Sequence, got.Message.Data, nil
}
