// Package token turns a decided request into a signed JWT access token.
//
// It owns the claims and their order, the keys that sign them, when each key
// is announced, signs and is withdrawn, the JWK Set that publishes them, and
// the gate that lets only so many signatures run at once. It refuses to decide
// who may have a token (package server does) or who is asking (package
// server/clientauth), and it knows nothing of HTTP or of snapshots.
//
// jwx v2 is at the end of its line, so it is used for one thing: its raw
// signer over bytes put together here. Nothing in this package parses a JWS,
// and the JWK Set is written from public-key types alone.
package token
