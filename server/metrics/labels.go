package metrics

// A GrantType is a value of the label grant_type.
type GrantType uint8

// The grant types.
const (
	OtherGrantType GrantType = iota
	ClientCredentials
	RefreshToken
	TokenExchange
	JWTBearer
	numGrantTypes
)

// grantTypes are the values of the label, by GrantType.
var grantTypes = [numGrantTypes]string{"(other)", "client_credentials", "refresh_token", "token-exchange", "jwt-bearer"}

// GrantTypeOf is the label value of a grant_type parameter, whatever it holds.
func GrantTypeOf(parameter string) GrantType {
	switch parameter {
	case "client_credentials":
		return ClientCredentials
	case "refresh_token":
		return RefreshToken
	case "urn:ietf:params:oauth:grant-type:token-exchange":
		return TokenExchange
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		return JWTBearer
	}
	return OtherGrantType
}

// String is the value of the label.
func (g GrantType) String() string { return grantTypes[g] }

// A Result is a value of the label result: what came of a request.
type Result uint8

// The results that are not error codes.
const (
	OtherResult Result = iota
	Issued
	Active
	Inactive
	NothingToDo
	firstCode
)

// results are the values of the label, the error codes from firstCode on.
var results = [...]string{
	"(other)", "issued", "active", "inactive", "nothing_to_do",
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"invalid_target", "access_denied", "too_many_requests", "temporarily_unavailable", "unsupported_token_type",
	"invalid_dpop_proof", "use_dpop_nonce",
}

// ResultOf is the label value of an OAuth error code.
func ResultOf(code string) Result {
	for i := firstCode; int(i) < len(results); i++ {
		if results[i] == code {
			return i
		}
	}
	return OtherResult
}
