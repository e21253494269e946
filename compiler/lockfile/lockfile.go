// Package lockfile reads and writes writ.lock.hcl, the committed record of the
// identifiers and client ids that may never change.
//
// The file exists because a configuration cannot remember: that api.orders was
// called https://api.example.com/orders a month ago is nowhere in the tree that
// calls it something else today. The record stands beside the configuration,
// in git, so that the change that breaks it is seen in the same review.
//
// It is canonical or refused. There is one way to write a set of records:
// sorted, one line per record, no counters and no dates. Two branches that
// record different objects merge cleanly, or in a conflict that is resolved by
// keeping the lines of both; "writ lock" sorts them. Two that disagree end in a conflict or
// a duplicate. What is not canonical is refused, so nothing is merged wrongly
// without being seen.
//
// The package owns the bytes. What may be recorded, and what a difference
// between record and configuration means, belongs to package compiler.
package lockfile

import "github.com/hashicorp/hcl/v2"

// DefaultName is the lockfile's name in the root of a configuration.
const DefaultName = "writ.lock.hcl"

// Version is the format that this package writes, and the newest it reads.
const Version = 1

// A File is the records of one lockfile. Each list is sorted by label, then by
// value. APIs and Clients hold no label twice, and no value stands twice in a
// list and its retired twin. The zero File is a lockfile that does not exist yet.
type File struct {
	APIs           []Entry // labels and identifiers in use
	Clients        []Entry // labels and client ids in use
	RetiredAPIs    []Entry // of objects that were removed or replaced
	RetiredClients []Entry

	// Name and Source are what the file was read from, for snippets; empty for
	// a File made in memory. Bytes does not look at them.
	Name   string
	Source []byte
}

// An Entry is one record. Its ranges are zero in a File made in memory.
type Entry struct {
	Label      string    // the block label; with for_each, worker["eu"]
	Value      string    // the identifier or client id, byte for byte
	Range      hcl.Range // the block's header
	ValueRange hcl.Range // the value
}
