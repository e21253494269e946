// Package schema is writ's vocabulary: what an API, a client, an authorization,
// a scope and an identifier are, and the rules they obey as pure functions.
//
// The compiler decodes HCL into these types and the sidecar reads them back
// out of a snapshot, so the two programs meet here and nowhere else. The
// package imports the standard library only, does no I/O, reads no clock and
// knows neither HCL (package config) nor the snapshot's bytes (package
// schema/snapshot).
package schema
