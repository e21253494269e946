// Package jose reads and checks what JOSE is made of: JSON Web Signatures in
// compact form (RFC 7515), keys as JSON Web Keys (RFC 7517) and in PEM
// (RFC 7468), their thumbprints (RFC 7638), and the algorithms (RFC 7518), of
// which each is one row of one table.
//
// It is strict, because an attacker writes what it reads: JSON without a member
// that stands twice, one spelling of base64url, a bound on every size, no
// extension, and the algorithm taken from the key, never from the token alone. No
// error holds a key, a signature or more than the beginning of a foreign string.
//
// It imports the standard library only. It signs nothing: jwx's raw signer does,
// in package server/token.
package jose
