package clientauth

// A Work is the list of what was done to check credentials: look-ups, comparisons,
// slow hashes and signatures. It is for tests, which hold each kind of refusal to the
// same work, one request after the other. A nil *Work is what a server has: it costs
// a branch.
type Work struct{ Done []string }

// Did appends one thing.
func (w *Work) Did(what string) {
	if w != nil {
		w.Done = append(w.Done, what)
	}
}
