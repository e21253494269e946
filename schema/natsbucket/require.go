package natsbucket

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nats-io/nats.go/jetstream"
)

// safeReplicas is how many servers must hold a bucket, so that one may be lost
// and the others still know which of two histories is the acknowledged one.
const safeReplicas = 3

// AllowFlag is the flag that takes buckets that can forget.
const AllowFlag = "--store-allow-unsafe"

// An UnfitError says why a bucket or its servers may not be used. Only their owner can
// mend it.
type UnfitError struct {
	Bucket string
	Reason string
}

// Error implements error.
func (e *UnfitError) Error() string { return fmt.Sprintf("bucket %q %s", e.Bucket, e.Reason) }

// Unfit makes the error of a bucket of which something else is wrong.
func (c *Client) Unfit(format string, args ...any) error {
	return &UnfitError{c.Bucket, fmt.Sprintf(format, args...)}
}

// ready looks at the bucket before the first use, and creates it if there is
// none. It never creates it again: who deletes a bucket under a running program
// makes it forget, and that program refuses until it is started anew.
func (c *Client) ready(ctx context.Context) error {
	if c.checked.Load() {
		return nil
	}
	select {
	case c.checking <- struct{}{}:
		defer func() { <-c.checking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.checked.Load() {
		return nil
	}
	if err := CheckVersion(c.conn.ConnectedServerVersion()); err != nil {
		return c.Unfit("cannot be used: %s", err)
	}
	config, err := c.find(ctx)
	if err == nil {
		err = c.judge(config)
	}
	c.checked.Store(err == nil)
	return err
}

// find returns the configuration of the bucket's stream.
func (c *Client) find(ctx context.Context) (config jetstream.StreamConfig, err error) {
	err = c.Again(ctx, func(ctx context.Context) error {
		stream, err := c.js.Stream(ctx, c.Stream())
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return c.create(ctx)
		}
		if err == nil {
			config = stream.CachedInfo().Config
		}
		return err
	})
	return config, err
}

// errCreated makes Again look at what was created, here or by another process.
var errCreated = errors.New("the bucket was created")

// create makes the bucket, by its stream: the library's CreateKeyValue would allow direct
// reads, which any server answers from what it has. It returns errCreated when it is there.
func (c *Client) create(ctx context.Context) error {
	if c.Replicas < safeReplicas && !c.opts.AllowUnsafe {
		return c.unsafe([]string{plural(c.Replicas) + " asked for instead of 3"})
	}
	_, err := c.js.CreateStream(ctx, jetstream.StreamConfig{
		Name:              c.Stream(),
		Description:       c.opts.Description,
		Subjects:          []string{c.Subject(">")},
		Storage:           jetstream.FileStorage,
		Replicas:          c.Replicas,
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew,
		DenyDelete:        true,
		AllowRollup:       true, // as tools expect of a bucket
		AllowMsgTTL:       true,
		AllowDirect:       false, // a follower may be behind
	})
	if apiErr, ok := errors.AsType[*jetstream.APIError](err); ok && apiErr.ErrorCode == errCodeReplicas {
		return c.Unfit("cannot be created with %s: %s", plural(c.Replicas), apiErr.Description)
	}
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return errCreated
	}
	return err
}

// judge refuses a bucket that cannot do the work, and one that can forget
// unless that was asked for.
func (c *Client) judge(config jetstream.StreamConfig) error {
	if reasons := c.unfit(config); len(reasons) > 0 {
		return c.Unfit("cannot be used: %s", strings.Join(reasons, "; "))
	}
	reasons := Forgetful(config, c.Replicas)
	if len(reasons) == 0 {
		return nil
	}
	err := c.unsafe(reasons)
	if !c.opts.AllowUnsafe {
		return err
	}
	c.opts.Logger.Warn("UNSAFE "+strings.ToUpper(c.opts.Noun)+": "+err.Error(), "store", c.String())
	return nil
}

// unsafe returns the error about a bucket that can forget, with what that would cause and the
// flag that accepts it.
func (c *Client) unsafe(reasons []string) error {
	return c.Unfit("is unsafe: %s; %s, and %s accepts that", strings.Join(reasons, "; "), c.opts.Forgets, AllowFlag)
}

// unfit lists why the bucket cannot do the work at all. No flag accepts these.
func (c *Client) unfit(config jetstream.StreamConfig) (reasons []string) {
	add := func(wrong bool, reason string, args ...any) {
		if wrong {
			reasons = append(reasons, fmt.Sprintf(reason, args...))
		}
	}
	add(!config.AllowMsgTTL, "per-message TTL is off, which takes nats-server 2.11 and \"nats stream edit %s --allow-msg-ttl\"", c.Stream())
	add(config.MaxMsgsPerSubject != 1, "it keeps a history of %d revisions: older ones would come back", config.MaxMsgsPerSubject)
	add(config.MaxMsgSize > 0 && config.MaxMsgSize < c.opts.MaxMessage, "its messages are limited to %d bytes, and %d are needed", config.MaxMsgSize, c.opts.MaxMessage)
	add(config.Sealed || config.NoAck || config.Mirror != nil, "it is sealed, a mirror or without acknowledgements")
	add(!slices.Contains(config.Subjects, c.Subject(">")) && config.Mirror == nil, "its stream does not take %s", c.Subject(">"))
	return reasons
}

// Forgetful lists how a stream can lose what it has acknowledged. replicas is how many
// were asked for; three are the least that are safe.
func Forgetful(c jetstream.StreamConfig, replicas int) (reasons []string) {
	if replicas = max(safeReplicas, replicas); c.Replicas < replicas {
		reasons = append(reasons, fmt.Sprintf("%s instead of %d", plural(c.Replicas), replicas))
	}
	if c.Storage != jetstream.FileStorage {
		reasons = append(reasons, "memory storage")
	}
	if c.PersistMode != jetstream.DefaultPersistMode {
		reasons = append(reasons, "it acknowledges what is not stored yet")
	}
	if c.MaxAge > 0 {
		reasons = append(reasons, fmt.Sprintf("it drops what is older than %s", c.MaxAge))
	}
	if c.Discard == jetstream.DiscardOld && (c.MaxMsgs > 0 || c.MaxBytes > 0) {
		reasons = append(reasons, "it makes room by dropping what is oldest")
	}
	return reasons
}

// plural writes a number of replicas.
func plural(replicas int) string {
	if replicas == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", replicas)
}
