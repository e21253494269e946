// Package clientauth finds out which client sent a request.
//
// It owns reading the credential (RFC 6749 section 2.3), one and one only per
// request, and checking it against the snapshot: secrets, assertions, tokens of
// other issuers and the keys to verify them with, certificates, DPoP proofs. It refuses to decide what the
// client may have: package server does. An unknown client and a wrong
// credential end the same way, after the same work.
package clientauth
