package clientauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/writ-auth/writ/schema"
)

// fastPrefix introduces the hash of a machine-made secret, whose 256 random
// bits need no slow hash.
const fastPrefix = "sha256:"

// maxBcryptSecret is how much of a secret bcrypt compares, in bytes: a longer
// one would match by its beginning.
const maxBcryptSecret = 72

// checkHash reports why a hash cannot be compared with: what the language
// refuses, and a reference, because a reference holds a hash and no other
// reference. The error does not repeat the value.
func checkHash(hash string) error {
	if _, ok := fastSum(hash); !ok && !isSlow(hash) {
		return errHash
	}
	return schema.CheckSecretHash(hash)
}

var errHash = errors.New("not the hash of a secret: \"sha256:...\", argon2id or bcrypt")

// fastSum decodes "sha256:" and unpadded base64url of 32 bytes.
func fastSum(hash string) (sum [sha256.Size]byte, ok bool) {
	encoded, ok := strings.CutPrefix(hash, fastPrefix)
	if !ok || len(encoded) != base64.RawURLEncoding.EncodedLen(len(sum)) {
		return sum, false
	}
	n, err := base64.RawURLEncoding.Strict().Decode(sum[:], []byte(encoded))
	return sum, err == nil && n == len(sum)
}

func isSlow(hash string) bool { return strings.HasPrefix(hash, "$") }

// compareSlow reports whether a secret has an argon2id or bcrypt hash.
func compareSlow(hash, secret string) bool {
	compare, err := slowHash(hash)
	return err == nil && compare(secret)
}

// slowKind is what the work of computing a slow hash depends on: the scheme and its
// parameters, without the salt and the key.
func slowKind(hash string) string {
	if rest, ok := strings.CutPrefix(hash, "$argon2id$"); ok {
		fields := strings.Split(rest, "$") // version, parameters, salt, key
		return "argon2id " + fields[1]
	}
	return "bcrypt " + hash[len("$2b$"):][:2] // the prefixes of bcrypt compute alike
}

// slowHash makes the comparison with an argon2id or bcrypt hash. It refuses
// parameters that would burden the server.
func slowHash(hash string) (func(secret string) bool, error) {
	if err := checkHash(hash); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(hash, "$argon2id$") {
		return func(secret string) bool {
			return len(secret) <= maxBcryptSecret && bcrypt.CompareHashAndPassword([]byte(hash), []byte(secret)) == nil
		}, nil
	}
	return parseArgon2id(hash)
}

// parseArgon2id reads a PHC string: $argon2id$v=19$m=<KiB>,t=<passes>,p=<threads>$<salt>$<key>.
func parseArgon2id(hash string) (func(secret string) bool, error) {
	var memory, passes uint32
	var threads uint8
	fields := strings.Split(hash, "$")
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &memory, &passes, &threads); err != nil {
		return nil, fmt.Errorf("argon2id parameters: %w", err)
	}
	salt, err := base64.RawStdEncoding.DecodeString(fields[4])
	if err != nil {
		return nil, fmt.Errorf("argon2id salt: %w", err)
	}
	want, err := base64.RawStdEncoding.DecodeString(fields[5])
	if err != nil {
		return nil, fmt.Errorf("argon2id key: %w", err)
	}
	return func(secret string) bool {
		key := argon2.IDKey([]byte(secret), salt, passes, memory, threads, uint32(len(want)))
		return subtle.ConstantTimeCompare(key, want) == 1
	}, nil
}
