// Package natskv keeps the state of package store in a bucket of NATS JetStream,
// which any number of servers share.
//
// It owns the form of an entry in the bucket, what a bucket must be like to be
// trusted, and what becomes of a write whose answer is lost; see Store.
package natskv
