package compiler

// A Rename is an object that changed its label and kept its identifier or
// client id: nothing in tokens changes.
type Rename struct {
	Kind     Kind   // KindAPI or KindClient
	From, To string // labels
}
