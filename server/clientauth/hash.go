package clientauth

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// fastPrefix introduces the hash of a machine-made secret, whose 256 random
// bits need no slow hash.
const fastPrefix = "sha256:"

// Bounds of the slow hashes that are accepted: what an import brings, and
// nothing that ties the server down. bcrypt cost 12 takes some 0.3 s.
const (
	maxBcryptCost   = 14
	maxBcryptSecret = 72 // bcrypt compares no further: a longer secret would match its own beginning
	maxArgonMemory  = 256 << 10
	maxArgonTime    = 16
	maxArgonThreads = 16
	maxArgonKey     = 64
)

var errHash = errors.New("not a hash that writ accepts")

// CheckHash reports why a hash cannot be used: an unknown scheme, a malformed
// value or parameters beyond the bounds.
func CheckHash(hash string) error {
	if _, ok := fastSum(hash); ok {
		return nil
	}
	if !isSlow(hash) {
		return errHash
	}
	_, err := slowHash(hash)
	return err
}

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

// slowHash parses an argon2id or bcrypt hash into its comparison.
func slowHash(hash string) (func(secret string) bool, error) {
	if strings.HasPrefix(hash, "$argon2id$") {
		a, err := parseArgon2id(hash)
		if err != nil {
			return nil, err
		}
		return a.matches, nil
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil || cost > maxBcryptCost {
		return nil, fmt.Errorf("%w: bcrypt", errHash)
	}
	return func(secret string) bool {
		return len(secret) <= maxBcryptSecret && bcrypt.CompareHashAndPassword([]byte(hash), []byte(secret)) == nil
	}, nil
}

// An argon2id is a parsed PHC string:
// $argon2id$v=19$m=<KiB>,t=<passes>,p=<threads>$<salt>$<key>.
type argon2id struct {
	memory, time uint32
	threads      uint8
	salt, key    []byte
}

func parseArgon2id(hash string) (argon2id, error) {
	fields := strings.Split(hash, "$")
	if len(fields) != 6 || fields[2] != "v=19" {
		return argon2id{}, fmt.Errorf("%w: argon2id", errHash)
	}
	params := strings.Split(fields[3], ",")
	if len(params) != 3 {
		return argon2id{}, fmt.Errorf("%w: argon2id", errHash)
	}
	memory, ok1 := parameter(params[0], "m=", maxArgonMemory)
	passes, ok2 := parameter(params[1], "t=", maxArgonTime)
	threads, ok3 := parameter(params[2], "p=", maxArgonThreads)
	salt, err1 := base64.RawStdEncoding.DecodeString(fields[4])
	key, err2 := base64.RawStdEncoding.DecodeString(fields[5])
	if !ok1 || !ok2 || !ok3 || err1 != nil || err2 != nil || len(salt) < 8 || len(key) < 16 || len(key) > maxArgonKey {
		return argon2id{}, fmt.Errorf("%w: argon2id", errHash)
	}
	return argon2id{memory: memory, time: passes, threads: uint8(threads), salt: salt, key: key}, nil
}

// parameter parses "name=value" with a value from 1 to limit.
func parameter(s, name string, limit uint32) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, name)
	value, err := strconv.ParseUint(digits, 10, 32)
	return uint32(value), ok && err == nil && value >= 1 && value <= uint64(limit)
}

func (a argon2id) matches(secret string) bool {
	key := argon2.IDKey([]byte(secret), a.salt, a.time, a.memory, a.threads, uint32(len(a.key)))
	return subtle.ConstantTimeCompare(key, a.key) == 1
}
