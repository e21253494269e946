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

// MaxInstance is how long the name of an instance may be.
const MaxInstance = 128

// ValidInstance reports whether a text may name an instance.
func ValidInstance(name string) bool { return len(name) <= MaxInstance && entryName.MatchString(name) }

// How long a record of an instance is kept, and how often the instance writes it, so
// that one or two that are lost take nobody off the roster.
const (
	RecordLifetime = 90 * time.Second
	RecordEvery    = 30 * time.Second
)

// maxRecord bounds one record, in bytes.
const maxRecord = 64 << 10

// A Roster is where the instances of a fleet keep a record each, which expires unless it
// is written again: those that follow a location, or that share a store. It is a bucket of
// NATS beside the snapshots' or the store's, named after theirs with "-fleet" behind it, so
// that an instance needs no right to write where snapshots are. What a record says is for
// others to know.
//
// The bucket is in memory: what it loses in a restart is written again within
// RecordEvery. All of its entries live equally long, and so the bucket says how long
// instead of each entry.
type Roster struct {
	location *bucketLocation
	kv       atomic.Pointer[jetstream.KeyValue] // once it was there
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
// Of the options those for NATS count.
func OpenRoster(store natsbucket.Address, opts Options) (*Roster, error) {
	l, err := openBucket(Address{scheme: schemeNATS, servers: store.Servers, bucket: store.Bucket, replicas: store.Replicas}, opts)
	if err != nil {
		return nil, err
	}
	return &Roster{location: l}, nil
}

// Close ends the connection. A roster of a location is closed with that instead.
func (r *Roster) Close() error { return r.location.Close() }

// String names the roster as a log may have it.
func (r *Roster) String() string {
	return r.location.address.servers.String() + "/" + r.bucketName()
}

func (r *Roster) bucketName() string { return r.location.address.bucket + "-fleet" }

// key is that of an instance's record. Names of locations may have dots, and so the
// instance is behind a character that they have not. Those of a store have no name, so
// that a bucket of snapshots and a store may be called the same.
func (r *Roster) key(instance string) string { return r.location.address.name + "=." + instance }

// call does the work of one method within its time. After an error the bucket is looked
// for again: it may have been deleted.
func (r *Roster) call(ctx context.Context, operation string, work func(ctx context.Context) error) error {
	err := r.location.call(ctx, fmt.Sprintf("%s bucket %q beside", operation, r.bucketName()), natsLook, work)
	if err != nil {
		r.kv.Store(nil)
	}
	return err
}

// Keep writes the record of an instance, for RecordLifetime from now. It makes the
// bucket where there is none.
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

// Remove takes the record of an instance away before it expires.
func (r *Roster) Remove(ctx context.Context, instance string) error {
	return r.call(ctx, "remove a record from", func(ctx context.Context) error {
		kv, err := r.records(ctx, false)
		if err != nil {
			return err
		}
		return kv.Purge(ctx, r.key(instance))
	})
}

// Records gives the record of each instance, in no order, and ends with the first
// error. That nobody ever kept one is none.
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

// records returns the bucket, made if it is missing and that is asked for.
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

// replicas is how many servers hold the snapshots, or are to.
func (l *bucketLocation) replicas(ctx context.Context) int {
	if stream, err := l.js.Stream(ctx, "KV_"+l.address.bucket); err == nil {
		return stream.CachedInfo().Config.Replicas
	}
	return l.address.replicas
}
