package compiler

import "github.com/writ-auth/writ/schema"

// An AccessChange is what one client gains and loses on one API: the blast
// radius of a plan. It is computed from who can get which token before and
// after, so it shows what follows from the removal of an API or a client too.
type AccessChange struct {
	Client      string             `json:"client"` // label
	API         string             `json:"api"`    // label
	SubjectType schema.SubjectType `json:"subject_type"`
	Gained      []string           `json:"gained"` // scopes, sorted
	Lost        []string           `json:"lost"`   // scopes, sorted
	// ValidUntilMax is how long, in seconds, tokens issued before the change can
	// stay valid after it: the prior lifetime; 0 when there could be none.
	ValidUntilMax int64 `json:"valid_until_max"`
	// Token says whether the client may get a token at all where it could not
	// before, or no longer; "" when that did not change. An authorization may
	// have no scopes.
	Token AccessToken `json:"token,omitempty"`
}

// An AccessToken says what happened to the right to any token.
type AccessToken string

// The values of AccessToken beside "".
const (
	TokenGained AccessToken = "gained"
	TokenLost   AccessToken = "lost"
)
