package server

// Paths lists the table of routes, for the test that holds it against the
// metadata.
func (a *Active) Paths() []string {
	var paths []string
	for path := range a.routes {
		paths = append(paths, path)
	}
	return paths
}
