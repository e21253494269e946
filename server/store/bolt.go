package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

const (
	boltVersion = "writ state 1"
	lockTimeout = time.Second
)

// BoltOptions configure a Bolt. The zero value works.
type BoltOptions struct {
	Now func() time.Time // time.Now when nil
}

// Bolt is a Store in one file of one machine. A call that succeeded is on the
// disk when it returns: it survives a killed process and a lost power supply.
// Calls that arrive while a commit is running share the next one.
type Bolt struct {
	db  *bbolt.DB
	now func() time.Time

	mu    sync.Mutex // guards queue
	queue []*boltCall

	commit sync.Mutex // held by the one who commits

	damaged atomic.Pointer[damage] // set once and for all
	fault   atomic.Pointer[error]  // of the last write
}

// A damage is what bbolt panicked with at a page that it did not write. Its locks may
// be left held, so that nothing may call it again.
type damage struct{ cause any }

func (d *damage) Error() string { return fmt.Sprintf("state file is damaged: %v; %s", d.cause, repair) }

// repair is the way out of a damaged file.
const repair = "restore it, or move it away: then what was used before may be used again, and refresh tokens are lost"

// A boltCall waits for the commit that carries it. apply answers before it
// writes; an answer other than ErrExists and ErrConflict undoes the commit.
type boltCall struct {
	apply func(tx boltTx) error
	done  bool
	err   error
}

// OpenBolt opens the state file, or creates it for its owner only. It refuses
// a file that another process holds, that is damaged, or that a newer writ
// made.
func OpenBolt(path string, opts BoltOptions) (b *Bolt, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			b, err = nil, fmt.Errorf("open state file %q: %w", path, &damage{r})
		}
	}()
	if err := checkStateFile(path); err != nil {
		return nil, fmt.Errorf("open state file %q: %w", path, err)
	}
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout:      lockTimeout,
		FreelistType: bbolt.FreelistMapType,
		NoStatistics: true,
	})
	switch {
	case errors.Is(err, berrors.ErrTimeout):
		return nil, fmt.Errorf("open state file %q: in use by another process", path)
	case err != nil:
		if _, system := errors.AsType[*os.PathError](err); !system {
			err = fmt.Errorf("%w; %s", err, repair)
		}
		return nil, fmt.Errorf("open state file %q: %w", path, err)
	}
	if err := db.Update(prepareBuckets); err != nil {
		return nil, errors.Join(fmt.Errorf("open state file %q: %w", path, err), db.Close())
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	return &Bolt{db: db, now: opts.Now}, nil
}

// checkStateFile refuses what opening would hang on or overwrite.
func checkStateFile(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	return err
}

// prepareBuckets makes the buckets of a new file, and refuses a file of another version: it
// could forget which assertions were used.
func prepareBuckets(tx *bbolt.Tx) error {
	for _, name := range []string{bucketEntries, bucketExpiry, bucketMeta} {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return err
		}
	}
	meta := tx.Bucket([]byte(bucketMeta))
	switch version := meta.Get([]byte("version")); {
	case version == nil:
		return meta.Put([]byte("version"), []byte(boltVersion))
	case string(version) != boltVersion:
		return fmt.Errorf("its format is %q and this server reads %q", version, boltVersion)
	}
	return nil
}

// Close waits for the commit that is running and closes the file; every later
// call answers ErrClosed.
func (b *Bolt) Close() error {
	b.commit.Lock()
	defer b.commit.Unlock()
	if d := b.damaged.Load(); d != nil {
		return d
	}
	return b.db.Close()
}

// Fault is what the last write failed with, nil when it did not.
func (b *Bolt) Fault() error {
	if d := b.damaged.Load(); d != nil {
		return d
	}
	if fault := b.fault.Load(); fault != nil {
		return *fault
	}
	return nil
}

// PutOnce implements Store.
func (b *Bolt) PutOnce(ctx context.Context, key Key, ttl time.Duration) error {
	if err := CheckWrite(ctx, ttl, nil); err != nil {
		return err
	}
	return b.update(func(tx boltTx) error {
		if _, ok := tx.live(key); ok {
			return ErrExists
		}
		_, err := tx.write(key, nil, ttl)
		return err
	})
}

// Get implements Store.
func (b *Bolt) Get(ctx context.Context, key Key) (entry Entry, err error) {
	if err := ctx.Err(); err != nil {
		return Entry{}, err
	}
	err = b.guard(func() error {
		return b.db.View(func(tx *bbolt.Tx) error {
			found, ok := boltTx{tx, b.now()}.live(key)
			if !ok {
				return ErrNotFound
			}
			entry = Entry{Value: bytes.Clone(found.Value), Revision: found.Revision}
			return nil
		})
	})
	return entry, err
}

// CompareAndSwap implements Store.
func (b *Bolt) CompareAndSwap(ctx context.Context, key Key, revision uint64, value []byte, ttl time.Duration) (uint64, error) {
	if err := CheckWrite(ctx, ttl, value); err != nil {
		return 0, err
	}
	var next uint64
	err := b.update(func(tx boltTx) (err error) {
		// A key that does not live reads as revision 0, as the caller must say.
		if found, _ := tx.live(key); found.Revision != revision {
			return ErrConflict
		}
		next, err = tx.write(key, value, ttl)
		return err
	})
	if err != nil {
		return 0, err
	}
	return next, nil
}

// Delete implements Store.
func (b *Bolt) Delete(ctx context.Context, key Key) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return b.update(func(tx boltTx) error { return tx.remove(key) })
}

// update queues the call and waits for the commit lock. When it has
// the lock, either an earlier holder has carried the call along or it commits
// the whole queue itself: one fsync for all who waited.
//
// bbolt.DB.Batch would make a single caller wait for its delay, or with no delay
// commit each call by itself, and it runs in a goroutine of its own, in which a fault at
// a damaged page would end the process: guard works in the caller's.
func (b *Bolt) update(apply func(tx boltTx) error) error {
	call := &boltCall{apply: apply}
	b.mu.Lock()
	b.queue = append(b.queue, call)
	b.mu.Unlock()

	b.commit.Lock()
	defer b.commit.Unlock()
	if !call.done {
		b.flush()
	}
	return call.err
}

// flush commits all calls that wait in one transaction, and so with one fsync. The caller holds
// b.commit. A call counts as done only when the transaction is on the disk.
func (b *Bolt) flush() {
	b.mu.Lock()
	calls := b.queue
	b.queue = nil
	b.mu.Unlock()

	err := b.apply(calls)
	b.fault.Store(&err)
	for _, call := range calls {
		call.done = true
		if err != nil {
			call.err = err // whatever its own answer was, it is not on the disk
		}
	}
}

func (b *Bolt) apply(calls []*boltCall) error {
	return b.guard(func() error {
		return b.db.Update(func(tx *bbolt.Tx) error { return applyAll(boltTx{tx, b.now()}, calls) })
	})
}

// applyAll applies calls in the order in which they came. A call that loses, by ErrExists or
// ErrConflict, has its answer and changes nothing; any other error ends the transaction.
func applyAll(tx boltTx, calls []*boltCall) error {
	if err := tx.sweep(max(sweepAtOnce, 2*len(calls))); err != nil {
		return err
	}
	for _, call := range calls {
		call.err = call.apply(tx)
		if call.err != nil && !errors.Is(call.err, ErrExists) && !errors.Is(call.err, ErrConflict) {
			return call.err
		}
	}
	return nil
}

// guard runs one transaction. bbolt trusts its pages: a damaged one makes it
// panic or reach outside the file. That ends this store and not the process.
func (b *Bolt) guard(transaction func() error) (err error) {
	if d := b.damaged.Load(); d != nil {
		return d
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			d := &damage{r}
			b.damaged.Store(d)
			err = d
		}
	}()
	err = transaction()
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}
