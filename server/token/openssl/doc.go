// Package openssl signs with RSA keys through libcrypto, which takes about a third
// of the time of pure Go. It exists with the build tag openssl, which needs cgo and
// libcrypto 3 (on Debian: libssl-dev to build, libssl3 to run); without the tag
// nothing of it is linked and the standard library signs.
//
// It owns one crypto.Signer and knows nothing of tokens: package server/token
// checks the key first and wraps it. It refuses every hash but SHA-256.
package openssl
