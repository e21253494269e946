package location

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/schema/natsbucket"
)

// MaxInstance is how long the name of an instance may be, in bytes.
const MaxInstance = 128

// ValidInstance reports whether a text may name an instance: it becomes a part of a key in
// a bucket.
func ValidInstance(name string) bool { return len(name) <= MaxInstance && entryName.MatchString(name) }

// How long an instance's record is kept, and how often the instance writes it. Two writes in
// a row may be lost before the instance is off the roster.
const (
	RecordLifetime = 90 * time.Second
	RecordEvery    = 30 * time.Second
)

// maxRecord bounds one record, in bytes.
const maxRecord = 64 << 10

// A Roster holds one record for each instance of a fleet, which expires unless it is written
// again. A fleet is the instances that follow one location, or that share one store. The
// roster is a NATS bucket of its own, named like the one of the snapshots or the store with
// "-fleet" appended, so that an instance needs no right to write where snapshots are. The
// content of a record is the caller's.
//
// The bucket is in memory: what it loses in a restart is written again within RecordEvery.
// Expiry is set for the bucket and not for each entry, as all entries live equally long.
type Roster struct {
	location *bucketLocation                    // for its connection and address
	kv       atomic.Pointer[jetstream.KeyValue] // the bucket, once it was found; nil before
}

// RosterOf returns the roster of a location, nil where the location can have none. It
// uses the location's connection.
func RosterOf(l Location) *Roster {
	if bucket, ok := l.(*bucketLocation); ok {
		return &Roster{location: bucket}
	}
	return nil
}

// OpenRoster returns the roster of the instances that share the store in a bucket,
// wherever their snapshot comes from. It has a connection of its own, which Close ends.
// Only the NATS options and Program are used.
func OpenRoster(store natsbucket.Address, opts Options) (*Roster, error) {
	l, err := openBucket(Address{scheme: schemeNATS, servers: store.Servers, bucket: store.Bucket, replicas: store.Replicas}, opts)
	if err != nil {
		return nil, err
	}
	return &Roster{location: l}, nil
}

// Close ends the connection. It is for a roster of OpenRoster: one of RosterOf has its
// location's connection, and is closed with the location.
func (r *Roster) Close() error { return r.location.Close() }

// String names the roster as a log may have it.
func (r *Roster) String() string {
	return r.location.address.servers.String() + "/" + r.bucketName()
}

func (r *Roster) bucketName() string { return r.location.address.bucket + "-fleet" }

// key returns the key of an instance's record: the location's name, "=." and the instance.
// Names may contain dots, but no "=", so that no two pairs have the same key. For a store
// the name is "", so that a bucket of snapshots and a store may share one roster's bucket.
func (r *Roster) key(instance string) string { return r.location.address.name + "=." + instance }

// call runs the work of one method within natsLook. After an error it forgets the bucket, so
// that the next call looks for it again: it may have been deleted, or lost in a restart.
func (r *Roster) call(ctx context.Context, operation string, work func(ctx context.Context) error) error {
	err := r.location.call(ctx, fmt.Sprintf("%s bucket %q beside", operation, r.bucketName()), natsLook, work)
	if err != nil {
		r.kv.Store(nil)
	}
	return err
}

// Keep writes the record of an instance, for RecordLifetime from now. It makes the bucket
// if there is none. Records of more than 64 KiB are an error.
func (r *Roster) Keep(ctx context.Context, instance string, record []byte) error {
	if len(record) > maxRecord {
		return fmt.Errorf("keep the record of %q: it has %d bytes, more than %d", instance, len(record), maxRecord)
	}
	return r.call(ctx, "keep a record in", func(ctx context.Context) error {
		kv, err := r.records(ctx, true)
		if err == nil {
			_, err = begin(ctx, func(ctx context.Context) (uint64, error) { return kv.Put(ctx, r.key(instance), record) })
		}
		return err
	})
}

// Remove deletes the record of an instance before it expires.
func (r *Roster) Remove(ctx context.Context, instance string) error {
	return r.call(ctx, "remove a record from", func(ctx context.Context) error {
		kv, err := r.records(ctx, false)
		if err != nil {
			return err
		}
		return kv.Purge(ctx, r.key(instance))
	})
}

// Records yields the record of each instance, in no order, and ends with the first error. A
// bucket that nobody has made yet is an empty roster and no error.
func (r *Roster) Records(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		var found [][]byte
		err := r.call(ctx, "read the records in", func(ctx context.Context) error {
			kv, err := r.records(ctx, false)
			if err != nil {
				return err
			}
			watcher, err := begin(ctx, func(ctx context.Context) (jetstream.KeyWatcher, error) {
				return kv.Watch(ctx, r.key(">"), jetstream.IgnoreDeletes())
			})
			if err != nil {
				return err
			}
			defer watcher.Stop()
			for {
				select {
				case entry, open := <-watcher.Updates():
					if entry == nil || !open {
						return nil // the end of what was there
					}
					found = append(found, entry.Value())
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		})
		if errors.Is(err, ErrAbsent) {
			return
		}
		for _, record := range found {
			if !yield(record, nil) {
				return
			}
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// records returns the bucket, and makes it first if create is set and there is none.
func (r *Roster) records(ctx context.Context, create bool) (jetstream.KeyValue, error) {
	if kv := r.kv.Load(); kv != nil {
		return *kv, nil
	}
	js := r.location.js
	kv, err := ask(ctx, func(ctx context.Context) (jetstream.KeyValue, error) { return js.KeyValue(ctx, r.bucketName()) })
	if errors.Is(err, jetstream.ErrBucketNotFound) && create {
		kv, err = ask(ctx, func(ctx context.Context) (jetstream.KeyValue, error) {
			return js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
				Bucket: r.bucketName(), Description: "what the instances that follow snapshots of writ serve",
				TTL: RecordLifetime, MaxValueSize: maxRecord, Storage: jetstream.MemoryStorage, Replicas: r.location.replicas(ctx),
			})
		})
		if errors.Is(err, jetstream.ErrBucketExists) {
			kv, err = ask(ctx, func(ctx context.Context) (jetstream.KeyValue, error) { return js.KeyValue(ctx, r.bucketName()) })
		}
	}
	if err == nil {
		r.kv.Store(&kv)
	}
	return kv, err
}

// replicas returns how many servers hold the snapshots, or the number in the address when
// that cannot be found out. The roster gets as many.
func (l *bucketLocation) replicas(ctx context.Context) int {
	if stream, err := l.js.Stream(ctx, "KV_"+l.address.bucket); err == nil {
		return stream.CachedInfo().Config.Replicas
	}
	return l.address.replicas
}
