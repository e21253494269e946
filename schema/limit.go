package schema

// MaxKeysInAll is how many public keys all sets of a configuration have, equal sets
// counted once.
const MaxKeysInAll = 200_000

// A Limit is how much of something a configuration may have, for the reference:
// who holds it there also says so.
type Limit struct {
	Most int64  `json:"most"`
	What string `json:"what"` // a noun phrase that follows the number: "bytes in one file"
	Doc  string `json:"doc"`  // what to do instead, one sentence, or ""
}
