package snapshot

import (
	"encoding/binary"
	"reflect"
	"slices"
	"strconv"
	"unsafe"
)

// Records are Go structs that lie over the bytes of a section. Their fields are
// made of bytes alone, so that a record has no padding, needs no alignment, and
// means the same on every machine.
type (
	le16  [2]byte
	le32  [4]byte
	le64  [8]byte
	flags byte // bits, numbered from the lowest
)

// Fields of these types refer to something, which has to be there before an
// accessor may follow them. Where it is, the tag says: of:"name of a section".
type (
	text        struct{ start, length le32 } // a string in the heap
	span        struct{ first, count le32 }  // records that stand side by side
	ref         struct{ le32 }               // a record
	optionalRef struct{ le32 }               // the same, or none
	start       struct{ le32 }               // where records begin: from 0, never falling
	end         struct{ le32 }               // where records end: never falling, the last one where the section ends
)

// none stands in an optionalRef that refers to nothing.
const none = ^uint32(0)

func (n *le16) get() uint16  { return binary.LittleEndian.Uint16(n[:]) }
func (n *le32) get() uint32  { return binary.LittleEndian.Uint32(n[:]) }
func (n *le64) get() uint64  { return binary.LittleEndian.Uint64(n[:]) }
func (n *le32) set(v uint32) { binary.LittleEndian.PutUint32(n[:], v) }
func (n *le64) set(v uint64) { binary.LittleEndian.PutUint64(n[:], v) }

func le(v uint32) (n le32) {
	n.set(v)
	return n
}

func (f flags) has(bit int) bool { return f>>bit&1 != 0 }

// in returns the text as a view of the heap.
func (t *text) in(s *Snapshot) string {
	return view(s.sections[secHeap][t.start.get():][:t.length.get()])
}

// bounds are the index of the first record and the one after the last.
func (sp *span) bounds() (lo, hi uint32) {
	lo = sp.first.get()
	return lo, lo + sp.count.get()
}

// view returns b as a string without copying it. That is sound because the
// slice given to Open is private and nobody writes to it again.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf returns the bytes of a record.
func bytesOf[R any](r *R) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(r)), unsafe.Sizeof(*r)) }

// recordsOf returns the records that the bytes hold.
func recordsOf[R any](b []byte) []R {
	return unsafe.Slice((*R)(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b))/unsafe.Sizeof(*new(R)))
}

// sections holds the bytes of every section of a body.
type sections [numSections][]byte

// A section is the number of one section of a body.
type section int

// A table is a section together with the type of its records.
type table[R any] section

// The sections in the order of the body: records of a multiple of eight bytes
// first, then of four, two and one, so that every field is aligned.
const (
	secIssuer            table[issuerRecord]        = iota // exactly one record
	secAPIs              table[apiRecord]           = iota // sorted by label
	secClients           table[clientRecord]        = iota // sorted by label
	secSecrets           table[secretRecord]        = iota // in the order of the clients
	secPublicKeys        table[publicKeyRecord]     = iota // those of one client side by side, as in the next two
	secCertificates      table[certificateRecord]   = iota
	secFederated         table[federatedRecord]     = iota
	secTrustedIssuers    table[trustedIssuerRecord] = iota // sorted by label
	secSigningKeys       table[signingKeyRecord]    = iota // sorted by label
	secAPIExtras         table[apiExtraRecord]      = iota // rare attributes of APIs, interned
	secClientExtras      table[clientExtraRecord]   = iota // rare attributes of clients, interned
	secRefreshTokens     table[refreshTokenRecord]  = iota // interned
	secWindows           table[windowRecord]        = iota // interned
	secTerms             table[termsRecord]         = iota // what an authorization says, interned
	secScopeSets         table[scopeSetRecord]      = iota // scopes of authorizations, interned
	secScopes            table[scopeRecord]         = iota // those of one list side by side
	secMetadata          table[metadataRecord]      = iota // pairs, sorted by key within a span
	secStrings           table[text]                = iota // lists of strings
	secAuthRecords       table[authorizationRecord] = iota // sorted by client, API, subject type
	secClientIndex       table[indexEntry]          = iota // client_id -> client
	secIdentifierIndex   table[indexEntry]          = iota // identifier -> API
	secNearIndex         table[indexEntry]          = iota // folded identifier -> API
	secAuthKeys          table[le32]                = iota // parallel to secAuthRecords; see authKey
	secScopeLists        table[scopeListRecord]     = iota // where each list of secScopes ends, interned
	secAPILists          table[ref]                 = iota // lists of APIs
	secClientBuckets     table[start]               = iota // where each bucket of secClientIndex begins
	secIdentifierBuckets table[start]               = iota // the same of secIdentifierIndex
	secNearBuckets       table[start]               = iota // the same of secNearIndex
	secScopeOrder        table[le16]                = iota // parallel to secScopes: positions in the list, sorted by scope name
	secAuthLabels        table[byte]                = iota // labels of secAuthRecords, end to end
	secHeap              table[byte]                = iota // every other string
	numSections                                     = iota
)

// at returns the i-th record of the table. It panics if there is none.
func (t table[R]) at(s *sections, i uint32) *R {
	b, size := s[t], int(unsafe.Sizeof(*new(R)))
	_ = b[int(i)*size+size-1]
	return (*R)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), int(i)*size))
}

// all returns the records of the table.
func (t table[R]) all(s *sections) []R { return recordsOf[R](s[t]) }

// of returns the records of a span.
func (t table[R]) of(s *sections, list *span) []R {
	first, end := list.bounds()
	return t.all(s)[first:end]
}

// count is the number of records in the table.
func (t table[R]) count(s *sections) uint32 { return uint32(len(t.all(s))) }

// layout says of each section how it is called in errors and in the package
// comment, and how its records look. Where records of one type refer to several
// sections, the row says to which.
var layout = layOut([numSections]sectionRow{
	secIssuer:            secIssuer.row("issuer"),
	secAPIs:              secAPIs.row("apis"),
	secClients:           secClients.row("clients"),
	secSecrets:           secSecrets.row("secrets"),
	secPublicKeys:        secPublicKeys.row("public keys"),
	secCertificates:      secCertificates.row("certificates"),
	secFederated:         secFederated.row("federated credentials"),
	secTrustedIssuers:    secTrustedIssuers.row("trusted issuers"),
	secSigningKeys:       secSigningKeys.row("signing keys"),
	secAPIExtras:         secAPIExtras.row("api extras"),
	secClientExtras:      secClientExtras.row("client extras"),
	secRefreshTokens:     secRefreshTokens.row("refresh tokens"),
	secWindows:           secWindows.row("windows"),
	secTerms:             secTerms.row("terms"),
	secScopeSets:         secScopeSets.row("scope sets"),
	secScopes:            secScopes.row("scopes"),
	secMetadata:          secMetadata.row("metadata"),
	secStrings:           secStrings.row("text lists"),
	secAuthRecords:       secAuthRecords.row("authorizations"),
	secClientIndex:       secClientIndex.row("client index", section(secClients)),
	secIdentifierIndex:   secIdentifierIndex.row("identifier index", section(secAPIs)),
	secNearIndex:         secNearIndex.row("near index", section(secAPIs)),
	secAuthKeys:          secAuthKeys.row("authorization keys"),
	secScopeLists:        secScopeLists.row("scope lists"),
	secAPILists:          secAPILists.row("api lists", section(secAPIs)),
	secClientBuckets:     secClientBuckets.row("client buckets", section(secClientIndex)),
	secIdentifierBuckets: secIdentifierBuckets.row("identifier buckets", section(secIdentifierIndex)),
	secNearBuckets:       secNearBuckets.row("near buckets", section(secNearIndex)),
	secScopeOrder:        secScopeOrder.row("scope order"),
	secAuthLabels:        secAuthLabels.row("authorization labels"),
	secHeap:              secHeap.row("strings heap"),
})

type sectionRow struct {
	name    string
	record  reflect.Type
	targets []section
}

func (t table[R]) row(name string, targets ...section) sectionRow {
	return sectionRow{name, reflect.TypeFor[R](), targets}
}

// A recordLayout describes the records of one section.
type recordLayout struct {
	name   string
	size   [bodyVersion + 1]int // of a record, by the version of the body
	fields []recordField
}

// A recordField is one field of a record: where it is, of which type, and what
// is checked of it when a snapshot is opened.
type recordField struct {
	name   string
	offset int
	is     reflect.Type
	target section // what a reference refers to
	limit  int     // of the position in an enum; 0 for other types
}

// layOut finds the fields of all records. A field with the tag since:"2" came
// with version 2 of the body and stands at the end of its record, as all of its
// successors do. In an older body it reads as zero bytes, so zero has to mean what
// held when there was no such field.
func layOut(rows [numSections]sectionRow) (layout [numSections]recordLayout) {
	for i, row := range rows {
		l := &layout[i]
		l.name = row.name
		for version := range l.size {
			l.size[version] = int(row.record.Size())
		}
		fields := []reflect.StructField{{Type: row.record}}
		if row.record.Kind() == reflect.Struct && row.record.Name() != "text" && row.record.Name() != "ref" && row.record.Name() != "start" {
			fields = reflect.VisibleFields(row.record)
		}
		for _, f := range fields {
			field := recordField{name: f.Name, offset: int(f.Offset), is: f.Type}
			switch of := f.Tag.Get("of"); {
			case of != "":
				field.target = section(slices.IndexFunc(rows[:], func(r sectionRow) bool { return r.name == of }))
			case f.Type == reflect.TypeFor[text]():
				field.target = section(secHeap)
			case len(row.targets) > 0:
				field.target = row.targets[0]
			}
			if enum, ok := reflect.Zero(f.Type).Interface().(interface{ limit() int }); ok {
				field.limit = enum.limit()
			}
			if since, err := strconv.Atoi(f.Tag.Get("since")); err == nil {
				for version := range since {
					l.size[version] = min(l.size[version], field.offset)
				}
			}
			l.fields = append(l.fields, field)
		}
	}
	return layout
}

// count is the number of records in a section.
func (s *sections) count(sec section) uint32 {
	return uint32(len(s[sec]) / layout[sec].size[bodyVersion])
}
