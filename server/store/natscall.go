//go:build nats

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// attempts is how often one call may wait for an answer in vain.
const attempts = 3

// call does the work of one method within the time that calls have.
func (n *NATS) call(ctx context.Context, work func(ctx context.Context) error) error {
	if n.closed.Load() {
		return ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := n.away(); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, n.address.timeout)
	defer cancel()
	err := n.ready(limited)
	if err == nil {
		err = work(limited)
	}
	switch {
	case err == nil, errors.Is(err, ErrConflict), errors.Is(err, ErrNotFound):
		n.recovered()
		return err
	case n.closed.Load():
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		// The caller's context is well: it must not take this for its end.
		err = fmt.Errorf("no answer within %s", n.address.timeout)
	}
	n.troubled(n.conn, err)
	return fmt.Errorf("store %s: %w", n.address, err)
}

// again repeats an attempt that may be made any number of times.
func (n *NATS) again(ctx context.Context, attempt func(ctx context.Context) error) error {
	for {
		err := n.once(ctx, attempt)
		if err == nil || final(err) {
			return err
		}
		if err := n.pause(ctx, err); err != nil {
			return err
		}
	}
}

// once gives an attempt its part of the time.
func (n *NATS) once(ctx context.Context, attempt func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, n.address.timeout/attempts)
	defer cancel()
	return attempt(ctx)
}

// final reports whether time does not mend an error: the server has looked at
// the request and will not do it, or nobody waits for it.
func final(err error) bool {
	if _, unfit := errors.AsType[*bucketError](err); unfit {
		return true
	}
	if apiErr, ok := errors.AsType[*jetstream.APIError](err); ok {
		return apiErr.Code != 503 || apiErr.ErrorCode == errCodeStoreFailed
	}
	return errors.Is(err, context.Canceled) || errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrMaxPayload)
}

// pause waits before the next attempt. Its error, when there is no time for
// one, holds why the last one failed.
func (n *NATS) pause(ctx context.Context, last error) error {
	if err := n.away(); err != nil {
		return err
	}
	timer := time.NewTimer(natsPause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("no answer in time: %w", last)
	}
}
