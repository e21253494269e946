package snapshot

// A section is one table of the body. The order of the constants is the order
// of the sections: records of a multiple of eight bytes first, then of four,
// two and one, so that every field is aligned without padding.
type section int

const (
	secIssuer            section = iota // exactly one record
	secAPIs                             // sorted by label
	secClients                          // sorted by label
	secSecrets                          // in the order of the clients
	secPublicKeys                       // those of one client side by side, as the two below
	secCertificates                     //
	secFederated                        //
	secTrustedIssuers                   // sorted by label
	secSigningKeys                      // sorted by label
	secAPIExtras                        // rare attributes of APIs, interned
	secClientExtras                     // rare attributes of clients, interned
	secRefreshTokens                    // interned
	secWindows                          // interned
	secTerms                            // what an authorization says, interned
	secScopeSets                        // scopes of authorizations, interned
	secScopeLists                       // scopes of APIs: ranges of secScopes, interned
	secScopes                           //
	secMetadata                         // pairs, sorted by key within a range
	secStrings                          // lists of strings
	secAuthRecords                      // sorted by client, API, subject type
	secClientIndex                      // client_id -> client
	secIdentifierIndex                  // identifier -> API
	secNearIndex                        // folded identifier -> API
	secAuthKeys                         // parallel to secAuthRecords
	secIndexes                          // lists of APIs
	secClientBuckets                    // bucket starts of secClientIndex
	secIdentifierBuckets                // bucket starts of secIdentifierIndex
	secNearBuckets                      // bucket starts of secNearIndex
	secScopeOrder                       // parallel to secScopes
	secAuthLabels                       // labels of secAuthRecords, end to end
	secHeap                             // every other string
	numSections
)

// none stands where an optional index refers to nothing.
const none = ^uint32(0)

// The body's header: format version, number of sections, records per section,
// and zero bytes up to a multiple of eight.
const bodyHeaderSize = (8 + 4*int(numSections) + 7) / 8 * 8

// Offsets of the fields inside a record, and the record's size. A reference to
// a string or a range of records is two u32: where it starts and how long it is.
const (
	issuerURL         = 0
	issuerEnvironment = 8
	issuerErrorStyle  = 16
	issuerSubStyle    = 17
	issuerSize        = 24

	apiIdentifier = 0
	apiLabel      = 8
	apiName       = 16
	apiScopes     = 24 // secScopeLists
	apiLifetime   = 28
	apiExtra      = 32 // secAPIExtras
	apiProfile    = 36
	apiAlg        = 37
	apiScopeMode  = 38
	apiFlags      = 39
	apiSize       = 40

	clientAuths   = 0 // first of secAuthKeys; the next client's is the end
	clientSecrets = 4 // first of secSecrets; likewise
	clientID      = 8
	clientLabel   = 16
	clientName    = 24
	clientExtra   = 32 // secClientExtras
	clientFlags   = 36
	clientSize    = 40

	secretLabel  = 0
	secretWindow = 8
	secretKind   = 12
	secretHash   = 16 // the raw SHA-256; or a string reference and zeros
	secretSize   = 48

	publicKeyLabel  = 0
	publicKeyJWKS   = 8
	publicKeyWindow = 16
	publicKeySize   = 24

	certificateLabel  = 0
	certificateValue  = 8
	certificateWindow = 16
	certificateKind   = 20
	certificateSize   = 24

	federatedLabel   = 0
	federatedSubject = 8
	federatedPattern = 16
	federatedClaims  = 24
	federatedIssuer  = 32 // secTrustedIssuers
	federatedWindow  = 36
	federatedSize    = 40

	trustedLabel      = 0
	trustedIssuer     = 8
	trustedJWKS       = 16
	trustedJWKSURI    = 24
	trustedAlgorithms = 32 // range of secStrings, as the two below
	trustedAudiences  = 40
	trustedVouchesFor = 48
	trustedSize       = 56

	signingLabel     = 0
	signingKeyRef    = 8
	signingActivates = 16
	signingRetires   = 24
	signingAlg       = 32
	signingSize      = 40

	apiExtraSecret   = 0
	apiExtraDistinct = 8  // range of secIndexes
	apiExtraMetadata = 16 // range of secMetadata
	apiExtraSize     = 24

	clientExtraGrants       = 0  // range of secStrings
	clientExtraMetadata     = 8  // range of secMetadata
	clientExtraIntrospects  = 16 // range of secIndexes
	clientExtraPublicKeys   = 24
	clientExtraCertificates = 32
	clientExtraFederated    = 40
	clientExtraRate         = 48
	clientExtraRevoked      = 56
	clientExtraDefaultAPI   = 64 // or none
	clientExtraRefresh      = 68 // or none
	clientExtraSize         = 72

	refreshLifetime = 0
	refreshIdle     = 8
	refreshLeeway   = 16
	refreshRotation = 24
	refreshSize     = 32

	windowNotBefore = 0
	windowExpiresAt = 8
	windowSize      = 16

	termsScopes        = 0 // secScopeSets
	termsLifetime      = 4 // 0: the API's
	termsExpiresAt     = 8
	termsClaims        = 16
	termsSubjectClaims = 24
	termsSize          = 32

	scopeSetJoined      = 0
	scopeSetPermissions = 8
	scopeSetBits        = 16
	scopeSetSize        = 24

	scopeListSize = 8

	scopeName        = 0
	scopeDescription = 8
	scopeSize        = 16

	metadataKey   = 0
	metadataValue = 8
	metadataSize  = 16

	stringSize = 8

	authTerms    = 0
	authLabelEnd = 4 // in secAuthLabels; the record before says where it begins
	authSize     = 8

	indexTag    = 0
	indexObject = 4
	indexSize   = 8
)

// The bits of apiFlags and clientFlags.
const (
	flagOfflineAccess      = 1 << 0
	flagIncludePermissions = 1 << 1
	flagAPIPreventDestroy  = 1 << 2

	flagSenderConstrained    = 1 << 0
	flagClientPreventDestroy = 1 << 1
)
