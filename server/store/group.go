package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Group bounds how many keys that belong together live: beyond that the oldest is
// deleted. It keeps a list of them in the store, under a key of its own.
type Group struct {
	Store Store
	Most  int // keys that live at once, at least 1
	// Over reports whether a value says that its key is not needed any more. It is the
	// first to go, whatever its age. Nil: none is.
	Over func(value []byte) bool
}

// joinAttempts is how often Join begins anew when somebody else has changed the list
// meanwhile.
const joinAttempts = 64

// ErrContended is the error of Join when others kept changing the list.
var ErrContended = errors.New("too many keys of a group are written at once")

// Join takes a member, which the caller has just written to live for ttl, into the
// list that is kept under group, and deletes what is then too much. When it fails the
// caller deletes the member, or it lives beyond the bound.
//
// Members are deleted before the list is written: those that two callers find too
// much are the same, and a process that ends between the two leaves nothing
// that no list holds.
func (g Group) Join(ctx context.Context, group, member Key, ttl time.Duration) error {
	for range joinAttempts {
		entry, err := g.Store.Get(ctx, group)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		members, err := readMembers(entry.Value)
		if err != nil {
			return err
		}
		for len(members) >= g.Most {
			if members, err = g.makeRoom(ctx, members); err != nil {
				return err
			}
		}
		_, err = g.Store.CompareAndSwap(ctx, group, entry.Revision, appendMembers(members, member), ttl)
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return ErrContended
}

// makeRoom takes one off the list: the first that is gone or over, else the oldest.
func (g Group) makeRoom(ctx context.Context, members []Key) ([]Key, error) {
	victim := 0
	for i, member := range members {
		entry, err := g.Store.Get(ctx, member)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		if err != nil || g.Over != nil && g.Over(entry.Value) {
			victim = i
			break
		}
	}
	if err := g.Store.Delete(ctx, members[victim]); err != nil {
		return nil, err
	}
	return append(members[:victim:victim], members[victim+1:]...), nil
}

// membersVersion begins a list: the sums of its keys follow, the oldest first.
const membersVersion = 1

func appendMembers(members []Key, last Key) []byte {
	list := append(make([]byte, 0, 1+len(last.sum)*(len(members)+1)), membersVersion)
	for _, member := range append(members[:len(members):len(members)], last) {
		list = append(list, member.sum[:]...)
	}
	return list
}

func readMembers(list []byte) (members []Key, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	if list[0] != membersVersion || (len(list)-1)%len(Key{}.sum) != 0 {
		return nil, fmt.Errorf("a list of %d bytes is damaged or of a newer version", len(list))
	}
	for rest := list[1:]; len(rest) > 0; rest = rest[len(Key{}.sum):] {
		members = append(members, Key{sum: [len(Key{}.sum)]byte(rest)})
	}
	return members, nil
}
