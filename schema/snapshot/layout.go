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
	secScopes                           // those of one list side by side
	secMetadata                         // pairs, sorted by key within a range
	secStrings                          // lists of strings
	secAuthRecords                      // sorted by client, API, subject type
	secClientIndex                      // client_id -> client
	secIdentifierIndex                  // identifier -> API
	secNearIndex                        // folded identifier -> API
	secAuthKeys                         // parallel to secAuthRecords
	secScopeLists                       // scopes of APIs, end to end in secScopes, interned
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
	trustedFlags      = 56
	trustedSize       = 64

	signingLabel     = 0
	signingKeyRef    = 8
	signingActivates = 16
	signingRetires   = 24
	signingAlg       = 32
	signingSize      = 40

	apiExtraSecret   = 0
	apiExtraDistinct = 8  // range of secIndexes
	apiExtraMetadata = 16 // range of secMetadata
	apiExtraReuse    = 24
	apiExtraSize     = 32

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
	termsCopyClaims    = 32 // range of secStrings
	termsSize          = 40

	scopeSetJoined      = 0
	scopeSetPermissions = 8
	scopeSetBits        = 16
	scopeSetSize        = 24

	scopeListEnd  = 0 // in secScopes; the record before says where it begins
	scopeListSize = 4

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

	indexHash   = 0
	indexObject = 4
	indexSize   = 8

	authKeySize = 4 // API index << 1, plus 1 for the subject type "user"
	listedSize  = 4 // an API index
	bucketSize  = 4
	orderSize   = 2 // the scope list's positions, sorted by scope name
)

// A check is what has to hold for one field of every record of a section
// before an accessor may follow it.
type check uint8

const (
	text     check = iota // a reference into secHeap
	span                  // a range of the target section
	index                 // a record of the target section
	optional              // the same, or none
	below                 // a byte less than limit
	starts                // first record of the target section: from 0, never falling
	ends                  // end in the target section: never falling, the last one its length
)

// A field is one field of a record.
type field struct {
	check  check
	offset int
	target section
	limit  int // for below
}

// layout says of each section how it is called in errors, how long a record
// is, and which of its fields refer to something.
var layout = [numSections]struct {
	name   string
	size   int
	fields []field
}{
	secIssuer: {"issuer", issuerSize, []field{
		{check: text, offset: issuerURL},
		{check: text, offset: issuerEnvironment},
		{check: below, offset: issuerErrorStyle, limit: len(errorStyles)},
		{check: below, offset: issuerSubStyle, limit: len(subStyles)},
	}},
	secAPIs: {"apis", apiSize, []field{
		{check: text, offset: apiIdentifier},
		{check: text, offset: apiLabel},
		{check: text, offset: apiName},
		{check: index, offset: apiScopes, target: secScopeLists},
		{check: index, offset: apiExtra, target: secAPIExtras},
		{check: below, offset: apiProfile, limit: len(profiles)},
		{check: below, offset: apiAlg, limit: len(algs)},
		{check: below, offset: apiScopeMode, limit: len(scopeModes)},
	}},
	secClients: {"clients", clientSize, []field{
		{check: starts, offset: clientAuths, target: secAuthKeys},
		{check: starts, offset: clientSecrets, target: secSecrets},
		{check: text, offset: clientID},
		{check: text, offset: clientLabel},
		{check: text, offset: clientName},
		{check: index, offset: clientExtra, target: secClientExtras},
	}},
	secSecrets: {"secrets", secretSize, []field{
		{check: text, offset: secretLabel},
		{check: index, offset: secretWindow, target: secWindows},
		{check: below, offset: secretKind, limit: numSecretKinds},
	}},
	secPublicKeys: {"public keys", publicKeySize, []field{
		{check: text, offset: publicKeyLabel},
		{check: text, offset: publicKeyJWKS},
		{check: index, offset: publicKeyWindow, target: secWindows},
	}},
	secCertificates: {"certificates", certificateSize, []field{
		{check: text, offset: certificateLabel},
		{check: text, offset: certificateValue},
		{check: index, offset: certificateWindow, target: secWindows},
		{check: below, offset: certificateKind, limit: numCertificateKinds},
	}},
	secFederated: {"federated credentials", federatedSize, []field{
		{check: text, offset: federatedLabel},
		{check: text, offset: federatedSubject},
		{check: text, offset: federatedPattern},
		{check: text, offset: federatedClaims},
		{check: index, offset: federatedIssuer, target: secTrustedIssuers},
		{check: index, offset: federatedWindow, target: secWindows},
	}},
	secTrustedIssuers: {"trusted issuers", trustedSize, []field{
		{check: text, offset: trustedLabel},
		{check: text, offset: trustedIssuer},
		{check: text, offset: trustedJWKS},
		{check: text, offset: trustedJWKSURI},
		{check: span, offset: trustedAlgorithms, target: secStrings},
		{check: span, offset: trustedAudiences, target: secStrings},
		{check: span, offset: trustedVouchesFor, target: secStrings},
	}},
	secSigningKeys: {"signing keys", signingSize, []field{
		{check: text, offset: signingLabel},
		{check: text, offset: signingKeyRef},
		{check: below, offset: signingAlg, limit: len(algs)},
	}},
	secAPIExtras: {"api extras", apiExtraSize, []field{
		{check: text, offset: apiExtraSecret},
		{check: span, offset: apiExtraDistinct, target: secIndexes},
		{check: span, offset: apiExtraMetadata, target: secMetadata},
	}},
	secClientExtras: {"client extras", clientExtraSize, []field{
		{check: span, offset: clientExtraGrants, target: secStrings},
		{check: span, offset: clientExtraMetadata, target: secMetadata},
		{check: span, offset: clientExtraIntrospects, target: secIndexes},
		{check: span, offset: clientExtraPublicKeys, target: secPublicKeys},
		{check: span, offset: clientExtraCertificates, target: secCertificates},
		{check: span, offset: clientExtraFederated, target: secFederated},
		{check: optional, offset: clientExtraDefaultAPI, target: secAPIs},
		{check: optional, offset: clientExtraRefresh, target: secRefreshTokens},
	}},
	secRefreshTokens: {"refresh tokens", refreshSize, []field{
		{check: below, offset: refreshRotation, limit: len(rotations)},
	}},
	secWindows: {"windows", windowSize, nil},
	secTerms: {"terms", termsSize, []field{
		{check: index, offset: termsScopes, target: secScopeSets},
		{check: text, offset: termsClaims},
		{check: text, offset: termsSubjectClaims},
		{check: span, offset: termsCopyClaims, target: secStrings},
	}},
	secScopeSets: {"scope sets", scopeSetSize, []field{
		{check: text, offset: scopeSetJoined},
		{check: text, offset: scopeSetPermissions},
		{check: text, offset: scopeSetBits},
	}},
	secScopeLists: {"scope lists", scopeListSize, []field{
		{check: ends, offset: scopeListEnd, target: secScopes},
	}},
	secScopes: {"scopes", scopeSize, []field{
		{check: text, offset: scopeName},
		{check: text, offset: scopeDescription},
	}},
	secMetadata: {"metadata", metadataSize, []field{
		{check: text, offset: metadataKey},
		{check: text, offset: metadataValue},
	}},
	secStrings: {"text lists", stringSize, []field{{check: text}}},
	secAuthRecords: {"authorizations", authSize, []field{
		{check: index, offset: authTerms, target: secTerms},
		{check: ends, offset: authLabelEnd, target: secAuthLabels},
	}},
	secClientIndex:       {"client index", indexSize, []field{{check: index, offset: indexObject, target: secClients}}},
	secIdentifierIndex:   {"identifier index", indexSize, []field{{check: index, offset: indexObject, target: secAPIs}}},
	secNearIndex:         {"near index", indexSize, []field{{check: index, offset: indexObject, target: secAPIs}}},
	secAuthKeys:          {"authorization keys", authKeySize, nil},
	secIndexes:           {"api lists", listedSize, []field{{check: index, target: secAPIs}}},
	secClientBuckets:     {"client buckets", bucketSize, []field{{check: starts, target: secClientIndex}}},
	secIdentifierBuckets: {"identifier buckets", bucketSize, []field{{check: starts, target: secIdentifierIndex}}},
	secNearBuckets:       {"near buckets", bucketSize, []field{{check: starts, target: secNearIndex}}},
	secScopeOrder:        {"scope order", orderSize, nil},
	secAuthLabels:        {"authorization labels", 1, nil},
	secHeap:              {"strings heap", 1, nil},
}

// The bits of apiFlags, clientFlags and trustedFlags.
const (
	flagOfflineAccess      = 1 << 0
	flagIncludePermissions = 1 << 1
	flagAPIPreventDestroy  = 1 << 2

	flagSenderConstrained    = 1 << 0
	flagClientPreventDestroy = 1 << 1

	flagCapsLifetime = 1 << 0
)
