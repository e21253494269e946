// Package snapshot owns the snapshot format: the one file that writ compiles
// a configuration into and that writd serves from. Writer and reader stand
// side by side here and nothing else knows an offset. This comment specifies
// the newest version of the format.
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
//	 0  issuer                 32  0 text url; 8 text environment; 16 enum error style; 17 enum sub style; 24 range of text lists: accept
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
//	 7  trusted issuers        72  0 text label; 8 text issuer; 16 text JWKS; 24 text jwks_uri;
//	                               32, 40, 48 ranges of text lists: algorithms, audiences, vouches_for; 56 bits: 1 caps lifetime;
//	                               64 range of text lists: accept
//	 8  signing keys           48  0 text label; 8 text private key reference; 16 i64 activates; 24 i64 retires; 32 enum algorithm;
//	                               40 range of text lists: accept
//	 9  api extras             40  0 text signing secret reference; 8 range of api lists: distinct_from; 16 range of metadata;
//	                               24 u32 reuse window; 32 range of text lists: accept
//	10  client extras          80  0 range of text lists: grant types; 8 range of metadata; 16 range of api lists: introspects;
//	                               24 range of public keys; 32 range of certificates; 40 range of federated credentials;
//	                               48 f64 rate limit; 56 i64 revoked before; 64 index of apis, or 2^32-1: default API;
//	                               68 index of refresh tokens, or 2^32-1; 72 range of text lists: accept
//	11  refresh tokens         32  0 i64 lifetime; 8 i64 idle lifetime; 16 i64 leeway; 24 enum rotation
//	12  windows                16  0 i64 not before; 8 i64 expires at
//	13  terms                  48  0 index of scope sets; 4 u32 lifetime, 0 for the API's; 8 i64 expires at; 16 text claims; 24 text subject claims;
//	                               32, 40 ranges of text lists: copy_claims, accept
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
//	   3     2  a scope has bits, other objects have accept
//
// # Adding a field
//
// A field is two lines in format.go: one in the struct of the record, at its end
// and with the tag since:"2" for version 2 of the body, and one in the function
// that declares the fields, for example
//
//	accept span `of:"text lists" since:"2"`
//	texts(p, "accept", &r.accept, &i.Accept)
//
// Layout, checks, encoder and decoder come from these; the JSON of "writ show
// --json" comes from the attribute's row in the language. A record of an older
// body has zero bytes there, which have to mean what held before. Records keep a
// multiple of eight bytes, or of four where they have that now: a blank field
// fills up. The first field of a release raises
// bodyVersion and FormatVersion and adds a row to formats; "go test -update"
// writes the testdata of the new version, and snapshot.schema.json describes the
// member. An accessor is for the token path alone.
package snapshot

import "github.com/writ-auth/writ/schema"

// The records of the objects, and what they hold. Each fields method names every
// field once, with its place in the record and in the schema's struct; encoder and
// decoder both run it. Texts enter the heap in the order of the calls, so that
// their order must not change within a version.

type issuerRecord struct {
	url         text
	environment text
	errorStyle  errorStyle
	subStyle    subStyle
	_           [6]byte
	accept      span `of:"text lists" since:"2"`
}

type trustedIssuerRecord struct {
	label      text
	issuer     text
	jwks       text
	jwksURI    text
	algorithms span `of:"text lists"`
	audiences  span `of:"text lists"`
	vouchesFor span `of:"text lists"`
	flags      flags
	_          [7]byte
	accept     span `of:"text lists" since:"2"`
}

type signingKeyRecord struct {
	label      text
	privateKey text
	activates  le64
	retires    le64
	alg        alg
	_          [7]byte
	accept     span `of:"text lists" since:"2"`
}

func (r *issuerRecord) fields(p *pass, i *schema.Issuer) {
	p.text("url", &r.url, &i.URL)
	oneOf(p, "error_style", &r.errorStyle, errorStyles, &i.ErrorStyle)
	oneOf(p, "sub_style", &r.subStyle, subStyles, &i.SubStyle)
	p.text("environment", &r.environment, &i.Environment)
	texts(p, "accept", &r.accept, &i.Accept)
}

func (r *trustedIssuerRecord) fields(p *pass, t *schema.TrustedIssuer) {
	p.text("label", &r.label, &t.Label)
	p.text("issuer", &r.issuer, &t.Issuer)
	p.text("jwks", &r.jwks, &t.JWKS)
	p.text("jwks_uri", &r.jwksURI, &t.JWKSURI)
	texts(p, "algorithms", &r.algorithms, &t.Algorithms)
	texts(p, "audiences", &r.audiences, &t.Audiences)
	texts(p, "vouches_for", &r.vouchesFor, &t.VouchesFor)
	p.flag("caps_lifetime", &r.flags, 0, &t.CapsLifetime)
	texts(p, "accept", &r.accept, &t.Accept)
}

func (r *signingKeyRecord) fields(p *pass, k *schema.SigningKey) {
	p.text("label", &r.label, &k.Label)
	oneOf(p, "algorithm", &r.alg, algs, &k.Alg)
	p.text("private_key", &r.privateKey, (*string)(&k.PrivateKey))
	p.time("activates_at", &r.activates, &k.ActivatesAt)
	p.time("retires_at", &r.retires, &k.RetiresAt)
	texts(p, "accept", &r.accept, &k.Accept)
}

type apiRecord struct {
	identifier text
	label      text
	name       text
	scopes     ref `of:"scope lists"`
	lifetime   le32
	extra      ref `of:"api extras"`
	profile    profile
	alg        alg
	scopeMode  scopeMode
	flags      flags
}

// An apiExtraRecord holds what most APIs have alike.
type apiExtraRecord struct {
	signingSecret text
	distinctFrom  span `of:"api lists"`
	metadata      span `of:"metadata"`
	reuseWindow   le32
	_             [4]byte
	accept        span `of:"text lists" since:"2"`
}

type scopeRecord struct {
	name        text
	description text
	flags       flags `since:"2"`
	_           [3]byte
}

// A scopeListRecord ends a list of scopes, which begins where the one before ends.
type scopeListRecord struct {
	end end `of:"scopes"`
}

// The bits of apiRecord.flags.
const (
	apiOfflineAccess = iota
	apiIncludePermissions
	apiPreventDestroy
)

func apiFields(p *pass, r *apiRecord, x *apiExtraRecord, a *schema.API) {
	p.text("identifier", &r.identifier, &a.Identifier)
	oneOf(p, "token_profile", &r.profile, profiles, &a.Profile)
	oneOf(p, "signing_alg", &r.alg, algs, &a.Alg)
	p.text("signing_secret", &x.signingSecret, (*string)(&a.SigningSecret))
	p.seconds("token_lifetime", &r.lifetime, &a.TokenLifetime)
	p.flag("allow_offline_access", &r.flags, apiOfflineAccess, &a.AllowOfflineAccess)
	p.flag("include_permissions", &r.flags, apiIncludePermissions, &a.IncludePermissions)
	oneOf(p, "scope_mode", &r.scopeMode, scopeModes, &a.ScopeMode)
	p.seconds("reuse_window", &x.reuseWindow, &a.ReuseWindow)
	p.flag("prevent_destroy", &r.flags, apiPreventDestroy, &a.PreventDestroy)
	p.apis("distinct_from", &x.distinctFrom, &a.DistinctFrom)
	p.metadata("metadata", &x.metadata, &a.Metadata)
	p.scopes(&r.scopes, &a.Scopes)
	p.text("label", &r.label, &a.Label)
	p.text("name", &r.name, &a.Name)
	texts(p, "accept", &x.accept, &a.Accept)
}

func (r *scopeRecord) fields(p *pass, s *schema.Scope) {
	p.text("name", &r.name, &s.Name)
	p.text("description", &r.description, &s.Description)
	p.flag("sensitive", &r.flags, 0, &s.Sensitive)
}

// The authorizations and secrets of a client end where the next client's begin.
type clientRecord struct {
	firstAuthorization start `of:"authorization keys"`
	firstSecret        start `of:"secrets"`
	clientID           text
	label              text
	name               text
	extra              ref `of:"client extras"`
	flags              flags
	_                  [3]byte
}

// A clientExtraRecord holds what most clients have alike.
type clientExtraRecord struct {
	grantTypes    span `of:"text lists"`
	metadata      span `of:"metadata"`
	introspects   span `of:"api lists"`
	publicKeys    span `of:"public keys"`
	certificates  span `of:"certificates"`
	federated     span `of:"federated credentials"`
	rateLimit     le64
	revokedBefore le64
	defaultAPI    optionalRef `of:"apis"`
	refreshToken  optionalRef `of:"refresh tokens"`
	accept        span        `of:"text lists" since:"2"`
}

type refreshTokenRecord struct {
	lifetime     le64
	idleLifetime le64
	leeway       le64
	rotation     rotation
	_            [7]byte
}

// The bits of clientRecord.flags.
const (
	clientSenderConstrained = iota
	clientPreventDestroy
)

func clientFields(p *pass, r *clientRecord, x *clientExtraRecord, c *schema.Client) {
	records(p, secCertificates, &x.certificates, &c.Certificates, (*certificateRecord).fields)
	records(p, secFederated, &x.federated, &c.Federated, (*federatedRecord).fields)
	texts(p, "grant_types", &x.grantTypes, &c.GrantTypes)
	record(p, secRefreshTokens, &x.refreshToken, &c.RefreshToken, (*refreshTokenRecord).fields)
	p.api("default_api", &x.defaultAPI, &c.DefaultAPI)
	p.rate("rate_limit", &x.rateLimit, &c.RateLimit)
	p.apis("introspects", &x.introspects, &c.Introspects)
	p.time("revoked_before", &x.revokedBefore, &c.RevokedBefore)
	p.flag("require_sender_constrained", &r.flags, clientSenderConstrained, &c.RequireSenderConstrained)
	p.flag("prevent_destroy", &r.flags, clientPreventDestroy, &c.PreventDestroy)
	p.metadata("metadata", &x.metadata, &c.Metadata)
	records(p, secPublicKeys, &x.publicKeys, &c.PublicKeys, (*publicKeyRecord).fields)
	p.text("label", &r.label, &c.Label)
	p.text("name", &r.name, &c.Name)
	p.text("client_id", &r.clientID, &c.ClientID)
	texts(p, "accept", &x.accept, &c.Accept)
}

func (r *refreshTokenRecord) fields(p *pass, t *schema.RefreshToken) {
	oneOf(p, "rotation", &r.rotation, rotations, &t.Rotation)
	p.number("lifetime", &r.lifetime, &t.Lifetime)
	p.number("idle_lifetime", &r.idleLifetime, &t.IdleLifetime)
	p.number("leeway", &r.leeway, &t.Leeway)
}

type secretRecord struct {
	label  text
	window ref `of:"windows"`
	kind   SecretKind
	_      [3]byte
	hash   [32]byte // the SHA-256 itself, or a text and zeros
}

type publicKeyRecord struct {
	label  text
	jwks   text
	window ref `of:"windows"`
	_      [4]byte
}

type certificateRecord struct {
	label    text
	value    text
	window   ref `of:"windows"`
	selector selector
	_        [3]byte
}

type federatedRecord struct {
	label          text
	subject        text
	subjectPattern text
	claims         text
	trustedIssuer  ref `of:"trusted issuers"`
	window         ref `of:"windows"`
}

func (r *secretRecord) fields(p *pass, s *schema.Secret) {
	p.credential("secret", s.Label)
	p.text("label", &r.label, &s.Label)
	p.window(&r.window, &s.Window)
	p.hash(r, &s.Hash)
}

func (r *publicKeyRecord) fields(p *pass, k *schema.PublicKey) {
	p.credential("public_key", k.Label)
	p.text("label", &r.label, &k.Label)
	p.text("jwks", &r.jwks, &k.JWKS)
	p.window(&r.window, &k.Window)
}

func (r *certificateRecord) fields(p *pass, c *schema.Certificate) {
	p.credential("certificate", c.Label)
	p.text("label", &r.label, &c.Label)
	p.selector(r, c)
	p.window(&r.window, &c.Window)
}

// The claims stand before the rest because that is the order of the texts in the heap.
func (r *federatedRecord) fields(p *pass, f *schema.Federated) {
	p.credential("federated", f.Label)
	p.object("claims", &r.claims, &f.Claims)
	p.text("label", &r.label, &f.Label)
	p.text("subject", &r.subject, &f.Subject)
	p.text("subject_pattern", &r.subjectPattern, &f.SubjectPattern)
	p.trustedIssuer("trusted_issuer", &r.trustedIssuer, &f.TrustedIssuer)
	p.window(&r.window, &f.Window)
}

type authorizationRecord struct {
	terms    ref `of:"terms"`
	labelEnd end `of:"authorization labels"` // the label begins where the one before ends
}

// A termsRecord is what an authorization says beyond who and for what.
type termsRecord struct {
	scopes        ref `of:"scope sets"`
	lifetime      le32
	expiresAt     le64
	claims        text
	subjectClaims text
	copyClaims    span `of:"text lists"`
	accept        span `of:"text lists" since:"2"`
}

// A scopeSetRecord is some scopes of a scope list.
type scopeSetRecord struct {
	joined      text
	permissions text
	bits        text // bit i%8 of byte i/8 says whether the i-th scope of the list is in the set
}

// The encoder puts the claims into the heap before the subject's.
func (r *termsRecord) fields(p *pass, a *schema.Authorization) {
	p.scopeSet(&r.scopes, &a.Scopes)
	p.seconds("token_lifetime", &r.lifetime, &a.TokenLifetime)
	p.time("expires_at", &r.expiresAt, &a.ExpiresAt)
	p.object("subject_claims", &r.subjectClaims, &a.SubjectClaims)
	texts(p, "copy_claims", &r.copyClaims, &a.CopyClaims)
	p.object("claims", &r.claims, &a.Claims)
	texts(p, "accept", &r.accept, &a.Accept)
}
