//go:build nats

package store

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

// A bucketError says why a bucket may not be used. Only its owner can mend it.
type bucketError struct {
	bucket string
	reason string
}

// Error implements error.
func (e *bucketError) Error() string {
	return fmt.Sprintf("bucket %q of the store %s", e.bucket, e.reason)
}

// ready looks at the bucket before the first use, and creates it if there is
// none. It never creates it again: who deletes a bucket under a running server
// makes it forget, and that server refuses until it is started anew.
func (n *NATS) ready(ctx context.Context) error {
	if n.checked.Load() {
		return nil
	}
	select {
	case n.checking <- struct{}{}:
		defer func() { <-n.checking }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if n.checked.Load() {
		return nil
	}
	config, err := n.bucket(ctx)
	if err == nil {
		err = n.judge(config)
	}
	n.checked.Store(err == nil)
	return err
}

// bucket returns the configuration of the bucket's stream.
func (n *NATS) bucket(ctx context.Context) (config jetstream.StreamConfig, err error) {
	err = n.again(ctx, func(ctx context.Context) error {
		stream, err := n.js.Stream(ctx, n.address.stream())
		if errors.Is(err, jetstream.ErrStreamNotFound) {
			return n.create(ctx)
		}
		if err == nil {
			config = stream.CachedInfo().Config
		}
		return err
	})
	return config, err
}

// errCreated makes again look at what was created, here or by another process.
var errCreated = errors.New("the bucket was created")

func (n *NATS) create(ctx context.Context) error {
	if n.address.replicas < safeReplicas && !n.opts.AllowUnsafe {
		return n.unsafe([]string{plural(n.address.replicas) + " asked for instead of 3"})
	}
	_, err := n.js.CreateStream(ctx, jetstream.StreamConfig{
		Name:              n.address.stream(),
		Description:       "what several writd remember together",
		Subjects:          []string{"$KV." + n.address.bucket + ".>"},
		Storage:           jetstream.FileStorage,
		Replicas:          n.address.replicas,
		MaxMsgsPerSubject: 1,
		Discard:           jetstream.DiscardNew,
		DenyDelete:        true,
		AllowRollup:       true, // as tools expect of a bucket
		AllowMsgTTL:       true,
		AllowDirect:       false, // a follower may be behind
	})
	if apiErr, ok := errors.AsType[*jetstream.APIError](err); ok && apiErr.ErrorCode == errCodeReplicas {
		return &bucketError{n.address.bucket, fmt.Sprintf("cannot be created with %s: %s", plural(n.address.replicas), apiErr.Description)}
	}
	if err == nil || errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
		return errCreated
	}
	return err
}

// judge refuses a bucket that cannot do the work, and one that can forget
// unless that was asked for.
func (n *NATS) judge(config jetstream.StreamConfig) error {
	if reasons := n.unfit(config); len(reasons) > 0 {
		return &bucketError{n.address.bucket, "cannot be used: " + strings.Join(reasons, "; ")}
	}
	reasons := n.forgetful(config)
	if len(reasons) == 0 {
		return nil
	}
	err := n.unsafe(reasons)
	if !n.opts.AllowUnsafe {
		return err
	}
	n.opts.Logger.Warn("UNSAFE STORE: "+err.Error(), "store", n.address.String())
	return nil
}

func (n *NATS) unsafe(reasons []string) error {
	return &bucketError{n.address.bucket, "is unsafe: " + strings.Join(reasons, "; ") +
		"; what it forgets can be used again, and --store-allow-unsafe accepts that"}
}

func (n *NATS) unfit(c jetstream.StreamConfig) (reasons []string) {
	add := func(wrong bool, reason string, args ...any) {
		if wrong {
			reasons = append(reasons, fmt.Sprintf(reason, args...))
		}
	}
	add(!c.AllowMsgTTL, "per-message TTL is off, which takes nats-server 2.11 and \"nats stream edit %s --allow-msg-ttl\"", n.address.stream())
	add(c.MaxMsgsPerSubject != 1, "it keeps a history of %d revisions: older ones would come back", c.MaxMsgsPerSubject)
	add(c.MaxMsgSize > 0 && c.MaxMsgSize < maxMessage, "its messages are limited to %d bytes, and %d are needed", c.MaxMsgSize, maxMessage)
	add(c.Sealed || c.NoAck || c.Mirror != nil, "it is sealed, a mirror or without acknowledgements")
	add(!slices.Contains(c.Subjects, "$KV."+n.address.bucket+".>") && c.Mirror == nil, "its stream does not take $KV.%s.>", n.address.bucket)
	return reasons
}

// forgetful lists how the bucket can lose what it has acknowledged.
func (n *NATS) forgetful(c jetstream.StreamConfig) (reasons []string) {
	if c.Replicas < max(safeReplicas, n.address.replicas) {
		reasons = append(reasons, fmt.Sprintf("%s instead of %d", plural(c.Replicas), max(safeReplicas, n.address.replicas)))
	}
	if c.Storage != jetstream.FileStorage {
		reasons = append(reasons, "memory storage")
	}
	if c.PersistMode != jetstream.DefaultPersistMode {
		reasons = append(reasons, "it acknowledges what is not stored yet")
	}
	if c.MaxAge > 0 {
		reasons = append(reasons, fmt.Sprintf("it drops every key after %s", c.MaxAge))
	}
	if c.Discard == jetstream.DiscardOld && (c.MaxMsgs > 0 || c.MaxBytes > 0) {
		reasons = append(reasons, "it makes room by dropping the oldest keys")
	}
	return reasons
}

func plural(replicas int) string {
	if replicas == 1 {
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", replicas)
}
