package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Group bounds the number of live keys that belong together, and deletes the
// oldest beyond that. It keeps the list of members in the store, under a key of
// its own.
type Group struct {
	Store Store
	Most  int // live keys, at least 1
	// Over reports from its value whether a key is no longer needed. Such a key is
	// deleted first, whatever its age. Nil: every key is needed.
	Over func(value []byte) bool
}

// joinAttempts is how often Join tries to write the list while others change it.
const joinAttempts = 64

// ErrContended is the error of Join when others kept changing the list.
var ErrContended = errors.New("too many keys of a group are written at once")

// Join adds a member to the list under group and deletes the members beyond Most.
// The caller has just written the member with that ttl. If Join fails, the caller
// must delete the member, which otherwise lives outside the bound.
//
// Members are deleted before the list is written. A process that ends in between
// then leaves a list with members that are gone, and no live key outside of every
// list. Two callers that race select the same members to delete.
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

// makeRoom deletes one member: the first that has expired or is over, else the
// oldest.
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

// membersVersion is the first byte of a list. The hashes of its keys follow, the
// oldest first.
const membersVersion = 1

// appendMembers encodes a list with one more member. It shares no memory with members.
func appendMembers(members []Key, last Key) []byte {
	list := append(make([]byte, 0, 1+len(last.sum)*(len(members)+1)), membersVersion)
	for _, member := range append(members[:len(members):len(members)], last) {
		list = append(list, member.sum[:]...)
	}
	return list
}

// readMembers decodes a list. A list of a newer version is an error: taking it for empty would
// lift the bound.
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
