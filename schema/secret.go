package schema

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrPlaintext says that a value stands in clear where only a hash of it or a
// reference to it may. No error here repeats the value.
var ErrPlaintext = errors.New("this is the secret itself")

// CheckSecretRef reports why s is not a SecretRef: "env:" and the name of an
// environment variable, or "file:" and a path below the server's secrets folder.
func CheckSecretRef(s string) error {
	if s == "" {
		return errors.New("reference to the secret is empty: write \"env:NAME\" or \"file:NAME\", which only the server reads")
	}
	if name, ok := strings.CutPrefix(s, "env:"); ok {
		if len(name) == 0 || len(name) > 128 || isDigit(name[0]) || !isWord(name, "_") {
			return errors.New("environment variable after \"env:\" must have 1 to 128 letters, digits and _, and not begin with a digit")
		}
		return nil
	}
	if path, ok := strings.CutPrefix(s, "file:"); ok {
		return checkSecretPath(path)
	}
	return fmt.Errorf("%w: write \"env:NAME\" or \"file:NAME\", which only the server reads, and replace the value that stood here, since it has been in a file", ErrPlaintext)
}

// checkSecretPath keeps a reference inside the server's secrets folder.
func checkSecretPath(path string) error {
	if len(path) == 0 || len(path) > 255 || !isWord(path, "._/-") {
		return errors.New("path after \"file:\" must have 1 to 255 letters, digits and . _ / -")
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return errors.New("path after \"file:\" must be relative to the secrets folder, without empty, \".\" and \"..\" parts")
		}
	}
	return nil
}

// CheckSecretHash reports why s cannot stand for a client secret: it is a
// SecretRef, or "sha256:" and a thumbprint, or an argon2id or bcrypt hash whose
// cost is neither trivial nor a burden to the server. The error is an
// ErrPlaintext where s looks like no hash at all.
func CheckSecretHash(s string) error {
	switch {
	case s == "":
		return errors.New("hash is empty: \"writ secret new\" makes a secret and prints its hash, or name where the server finds one with \"env:NAME\" or \"file:NAME\"")
	case strings.HasPrefix(s, "env:"), strings.HasPrefix(s, "file:"):
		return CheckSecretRef(s)
	case strings.HasPrefix(s, "sha256:"):
		if CheckThumbprint(s[len("sha256:"):]) != nil {
			return errors.New("hash after \"sha256:\" must be 43 characters, the unpadded base64url SHA-256 of the secret: \"writ secret new\" prints it")
		}
		return nil
	case strings.HasPrefix(s, "$argon2id$"):
		return checkArgon2id(s)
	case strings.HasPrefix(s, "$2"):
		return checkBcrypt(s)
	case strings.HasPrefix(s, "env.") && CheckSecretRef("env:"+s[4:]) == nil:
		return fmt.Errorf("hash that the server finds in the environment is written with a colon: %q", "env:"+s[4:])
	case isMisspeltThumbprint(s):
		return errors.New("hash must begin with \"sha256:\", in just these letters")
	case looksHashed(s):
		return errors.New("hash is of a scheme that writ does not accept: make a new secret with \"writ secret new\", or use argon2id or bcrypt")
	}
	if CheckThumbprint(s) == nil {
		return fmt.Errorf("%w, or its hash without what says so: write \"sha256:\" before a hash; a secret has been in a file now, so replace it with one from \"writ secret new\"", ErrPlaintext)
	}
	return fmt.Errorf("%w: put its hash here, made with \"writ secret new\", and replace the secret, since it has been in a file", ErrPlaintext)
}

// isMisspeltThumbprint recognises a misspelled "sha256:" before a thumbprint.
func isMisspeltThumbprint(s string) bool {
	scheme, rest, _ := strings.Cut(s, ":")
	return Suggest(scheme, []string{"sha256"}) != "" && CheckThumbprint(rest) == nil
}

// CheckThumbprint reports why s is not a SHA-256 as 43 characters of unpadded,
// canonical base64url.
func CheckThumbprint(s string) error {
	if b, err := base64.RawURLEncoding.Strict().DecodeString(s); err != nil || len(b) != 32 || len(s) != 43 {
		return errors.New("sha256 must be 43 characters: an unpadded base64url SHA-256")
	}
	return nil
}

// looksHashed recognises the hash schemes that writ refuses.
func looksHashed(s string) bool {
	if len(s) > 2 && (s[0] == '$' || s[0] == '{') {
		return strings.Count(s, "$") >= 3 || strings.Contains(s, "}")
	}
	scheme, _, found := strings.Cut(s, ":")
	if !found {
		scheme, _, found = strings.Cut(s, "$")
	}
	switch strings.ToLower(scheme) {
	case "md5", "sha1", "sha-1", "sha224", "sha256", "sha-256", "sha384", "sha512", "sha-512", "sha3",
		"hmac", "pbkdf2", "pbkdf2_sha256", "scrypt", "argon2i", "argon2d", "argon2", "bcrypt", "crypt":
		return found
	}
	return false
}

// checkArgon2id checks "$argon2id$v=19$m=65536,t=3,p=4$<salt>$<hash>" (RFC 9106,
// in the PHC string format).
func checkArgon2id(s string) error {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[2] != "v=19" {
		return errors.New("argon2id hash must be of the form \"$argon2id$v=19$m=65536,t=3,p=4$salt$hash\"")
	}
	var n [3]int
	params := strings.Split(parts[3], ",")
	for i, name := range []string{"m=", "t=", "p="} {
		if len(params) != 3 || !strings.HasPrefix(params[i], name) {
			return errors.New("argon2id hash must name its costs as m, t and p, in that order")
		}
		v, err := parseDigits(params[i][2:])
		if err != nil || v > 1<<30 || strconv.FormatInt(v, 10) != params[i][2:] {
			return errors.New("argon2id hash must have whole numbers as its costs")
		}
		n[i] = int(v)
	}
	if m, t, p := n[0], n[1], n[2]; m < 7168 || m > 262144 || t < 1 || t > 16 || p < 1 || p > 16 || m*t < 4*7168 {
		return errors.New("argon2id hash must cost m between 7168 and 262144 KiB, t and p between 1 and 16, and m times t at least 28672")
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	hash, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(salt) > 64 || len(hash) < 16 || len(hash) > 64 {
		return errors.New("argon2id hash must have a salt of 8 to 64 bytes and a hash of 16 to 64, in unpadded base64")
	}
	return nil
}

// checkBcrypt checks "$2b$12$" and 53 characters of salt and hash.
func checkBcrypt(s string) error {
	if len(s) != 60 || s[3] != '$' || s[6] != '$' || strings.IndexByte("aby", s[2]) < 0 || !isWord(s[7:], "./") || !isDigit(s[4]) || !isDigit(s[5]) {
		return errors.New("bcrypt hash must be 60 characters of the form \"$2b$12$...\"")
	}
	if cost := int(s[4]-'0')*10 + int(s[5]-'0'); cost < 10 || cost > 14 {
		return fmt.Errorf("bcrypt hash has cost %d: it must be 10 to 14, lower is guessed too fast and higher burdens the server", cost)
	}
	return nil
}
