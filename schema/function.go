package schema

// A Function is a function that an expression may call.
type Function struct {
	Name      string `json:"name"`
	Signature string `json:"signature"` // "join(separator, lists...)"
	Doc       string `json:"doc"`       // one line
}
