// Package snapshot owns the snapshot format: the one file that writ compiles
// a configuration into and that writd serves from. Writer and reader stand
// side by side here and nothing else knows an offset. This comment specifies
// the format, version 2.
//
// The package refuses every file in which a byte is not what was written, and
// every format version that it does not know. It does not read files, does
// not decide whom to trust (a caller passes keys to
// Snapshot.VerifySignatures) and does not judge serials, environments or
// times: package server does.
//
// A snapshot is a compile target. Opening one parses nothing, builds no index
// and allocates nothing per object: the file stays one byte slice, every
// accessor reads from it, and strings are views of it.
//
// # File
//
// All integers are little endian and unsigned unless said otherwise.
//
//	at  size
//	 0     8  "WRITSNAP"
//	 8     4  format version
//	12     4  length of the envelope, at most 65536
//	16     8  length of the body
//	24     8  length of the sources, 0 without them
//	32    32  SHA-256 of bytes 0 to 31 and the envelope
//	64        envelope, body, sources, end of file
//
// Each byte is covered by exactly one hash, so that a flipped bit, a missing
// tail and an added one are refused whether or not the file is signed.
//
// The envelope is the JSON of Envelope, written canonically: as encoding/json
// marshals the struct, times in UTC and whole seconds. Other bytes with the
// same meaning are refused. It holds the digest of the body, which names the
// snapshot, and the digest of the sources, both "sha256:" and lower-case hex.
// What it remembers of lifetimes that are in force no longer stands here, since
// it comes from earlier snapshots and the body from the configuration alone.
//
// A signature is Ed25519 over the DSSE pre-authentication encoding
//
//	"DSSEv1" SP LEN(type) SP type SP LEN(payload) SP payload
//
// where the type is application/vnd.writ.snapshot.v1+json, the payload is the
// canonical envelope without its signatures, and LEN is in decimal. Body and
// sources are signed through their digests. The key id is the first eight
// bytes of the SHA-256 of the public key, in hex.
//
// # Body
//
// The body depends on the document alone. It is a header and 31 sections
// without gaps; a section is an array of records of one size.
//
//	at  size
//	 0     4  version of the body: 2
//	 4     4  number of sections
//	 8  31*4  number of records of each section
//	132     4  zero
//
// A *text* is where it starts in the strings heap and its length, two u32. A
// *range* is the first record and the number of records in the section it
// refers to, two u32. Empty ones are 0, 0. An *index* is the number of a
// record, u32. A *window* is an index of windows. An *enum* is one byte: 0 for
// the empty value, then the values in the order of field.go. Times are i64 Unix
// seconds, 0 for an open end; durations are in seconds. Bytes not mentioned
// are zero and not looked at.
//
//	 #  section              size  fields, by offset
//	 0  issuer                 24  0 text url; 8 text environment; 16 enum error style; 17 enum sub style
//	 1  apis                   40  0 text identifier; 8 text label; 16 text name; 24 index of scope lists; 28 u32 lifetime;
//	                               32 index of api extras; 36 enum profile; 37 enum algorithm; 38 enum scope mode;
//	                               39 bits: 1 offline access, 2 include permissions, 4 prevent destroy
//	 2  clients                40  0 index of the first authorization; 4 index of the first secret; 8 text client_id; 16 text label;
//	                               24 text name; 32 index of client extras; 36 bits: 1 sender constrained, 2 prevent destroy
//	 3  secrets                48  0 text label; 8 window; 12 u8 kind: 0 SHA-256, 1 PHC, 2 reference;
//	                               16 the 32 bytes of the SHA-256, or text of another kind
//	 4  public keys            24  0 text label; 8 text JWKS; 16 window
//	 5  certificates           24  0 text label; 8 text value; 16 window; 20 u8 selector: 0 subject_dn, 1 san_dns, 2 san_uri, 3 sha256
//	 6  federated credentials  40  0 text label; 8 text subject; 16 text pattern; 24 text claims; 32 index of trusted issuers; 36 window
//	 7  trusted issuers        64  0 text label; 8 text issuer; 16 text JWKS; 24 text jwks_uri;
//	                               32, 40, 48 ranges of text lists: algorithms, audiences, vouches_for; 56 bits: 1 caps lifetime
//	 8  signing keys           40  0 text label; 8 text private key reference; 16 i64 activates; 24 i64 retires; 32 enum algorithm
//	 9  api extras             32  0 text signing secret reference; 8 range of api lists: distinct_from; 16 range of metadata;
//	                               24 u32 reuse window
//	10  client extras          72  0 range of text lists: grant types; 8 range of metadata; 16 range of api lists: introspects;
//	                               24 range of public keys; 32 range of certificates; 40 range of federated credentials;
//	                               48 f64 rate limit; 56 i64 revoked before; 64 index of apis, or 2^32-1: default API;
//	                               68 index of refresh tokens, or 2^32-1
//	11  refresh tokens         32  0 i64 lifetime; 8 i64 idle lifetime; 16 i64 leeway; 24 enum rotation
//	12  windows                16  0 i64 not before; 8 i64 expires at
//	13  terms                  40  0 index of scope sets; 4 u32 lifetime, 0 for the API's; 8 i64 expires at; 16 text claims; 24 text subject claims;
//	                               32 range of text lists: copy_claims
//	14  scope sets             24  0 text names, joined by spaces; 8 text names as a JSON array; 16 text bits: bit i%8 of byte i/8
//	                               is set if the API's i-th scope is granted, zero bytes at the end left out
//	15  scopes                 20  0 text name; 8 text description; 16 bits: 1 sensitive
//	16  metadata               16  0 text key; 8 text value
//	17  text lists              8  0 text
//	18  authorizations          8  0 index of terms; 4 u32 end in authorization labels
//	19  client index            8  0 u32 hash of the client_id; 4 index of clients
//	20  identifier index        8  0 u32 hash of the identifier; 4 index of apis
//	21  near index              8  0 u32 hash of the identifier folded by schema.NearKey; 4 index of apis
//	22  authorization keys      4  0 u32 index of apis * 2, plus 1 for the subject type "user"
//	23  scope lists             4  0 u32 end in scopes
//	24  api lists               4  0 index of apis
//	25  client buckets          4  0 index of client index
//	26  identifier buckets      4  0 index of identifier index
//	27  near buckets            4  0 index of near index
//	28  scope order             2  0 u16 position in the scope list
//	29  authorization labels    1  labels, end to end
//	30  strings heap            1  UTF-8, no terminators
//
// APIs, clients, trusted issuers and signing keys are sorted by label, byte
// by byte. Authorizations are sorted by client, then key: those of client i
// begin at its first authorization and end where those of client i+1 begin,
// or at the end of the section; secrets likewise. Authorization keys,
// authorizations and their labels run in parallel: label i begins where label
// i-1 ends. Scope list i is likewise the scopes between two ends; scope order
// runs parallel to scopes and holds, for each list, the positions in it
// sorted by scope name.
//
// Extras, refresh tokens, windows, terms, scope sets, scope lists, ranges and
// heap texts are interned: equal ones are stored once, in the order of first
// use. Encode adds, in this order: the issuer, trusted issuers, signing keys,
// all identifiers, the APIs, all client ids, the clients, the authorizations.
//
// An index holds one entry per object, sorted by hash, then by key. With n
// buckets, hash h belongs to bucket h*n>>32; entry b of the buckets says
// where bucket b begins, and one more entry where the last one ends. n is an
// eighth of the objects, at least 1. The hash is defined by hash32 in
// index.go.
//
// # Sources
//
//	at  size
//	 0     4  number of files
//	 4     4  number of places
//	 8        files: where the name starts in the names, its length, two u32
//	          places: index of files (2^32-1 when unknown), line, two u32
//	          names, end to end
//
// There is one place for the issuer, then one for each API, client,
// authorization, trusted issuer and signing key, in the order of the body.
//
// # Why this way
//
// The budgets are those of 100,000 APIs with ten scopes, 100,000 clients and
// 1,000,000 authorizations: a body of at most 64 MB, opened in at most 1.5
// times the time of hashing it and 1 MiB of heap, an authorization found cold
// in under a microsecond without allocating. Measured: 59.3 MB, 1.2 times, 3
// KiB, 0.7 microseconds; the same document as JSON is 382 MB and takes 6
// seconds to decode. So a lookup of a client or an API reads a bucket, a
// record and a key; an authorization is one binary search among those of its
// client in an array of four bytes each. The file is read into memory, never
// mapped: a file truncated in place would end the process.
//
// # Compatibility
//
// A build reads the current format version and the two before it. A body that
// is laid out differently, or a byte that means something else, is a new
// version; testdata keeps files of every version, and TestReplay opens them.
// The body has a version of its own, so that one that says the same keeps its
// bytes and its digest:
//
//	file  body
//	   1     1  the first
//	   2     1  the envelope may hold past_lifetimes
//	   3     2  a scope has bits
//
// # Adding a field
//
// A field is two lines in the file of its object: one in the struct of the
// record, at its end and with the tag since:"2" for version 2 of the body, and
// one in the function that declares the fields, for example
//
//	accept span `of:"text lists" since:"2"`
//	texts(p, "accept", &r.accept, &a.Accept)
//
// Layout, checks, encoder and decoder come from these; the JSON of "writ show
// --json" comes from the attribute's row in the language. A record of an older body has zero bytes there, which have to mean what
// held before. Records keep a multiple of eight bytes, or of four where they have
// that now: a blank field fills up. The first field of a release raises
// bodyVersion and FormatVersion and adds a row to formats; "go test -update"
// writes the testdata of the new version, and snapshot.schema.json describes the
// member. An accessor is for the token path alone.
package snapshot
