package schema

import (
	"errors"
	"strings"
	"testing"
)

const thumbprint = "tpy1Xw_SDXS9OKrc2XOsG2I1-LbsbomBG9xU24fj1_8"

func TestCheckSecretHash(t *testing.T) {
	const salt, hash = "c29tZXNhbHQ", "RdescudvJCsgt3ub+b4dWRWJTmaaJObG"
	argon := func(params string) string { return "$argon2id$v=19$" + params + "$" + salt + "$" + hash }
	bcrypt := "abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234"
	for _, s := range []string{
		"sha256:" + thumbprint, argon("m=65536,t=3,p=4"), argon("m=19456,t=2,p=1"), argon("m=7168,t=5,p=1"),
		"$2b$12$" + bcrypt, "$2a$10$" + bcrypt, "$2y$14$" + bcrypt, "env:BILLING_HASH", "file:billing.hash", "file:a/b",
	} {
		if err := CheckSecretHash(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{
		"", "sha256:", "sha256:" + thumbprint[:42], "sha256:" + thumbprint + "=", "sha256:" + thumbprint[:42] + "9", "sha256:" + strings.Replace(thumbprint, "_", "/", 1),
		"sha256:" + thumbprint[:20] + "\n" + thumbprint[20:],
		argon("m=1024,t=3,p=4"), argon("m=1048576,t=3,p=4"), argon("m=7168,t=1,p=1"), argon("m=65536,t=0,p=1"), argon("m=65536,t=3"), argon("t=3,m=65536,p=4"), argon("m=065536,t=3,p=4"),
		"$argon2id$m=65536,t=3,p=4$" + salt + "$" + hash, "$argon2id$v=19$m=65536,t=3,p=4$" + salt + "$", "$argon2id$v=19$m=65536,t=3,p=4$$" + hash,
		"$2b$04$" + bcrypt, "$2b$31$" + bcrypt, "$2b$12$short", "$2x$12$" + bcrypt, "$2b$1x$" + bcrypt,
		"sha265:" + thumbprint, "SHA256:" + thumbprint, "sha-256:" + thumbprint,
		"md5:5f4dcc3b5aa765d61d8327deb882cf99", "sha1:x", "SHA512:x", "$1$a$b", "$6$salt$hash", "{SSHA}x", "pbkdf2_sha256$1000$a$b", "env:", "env:1A", "env:A-B", "file:", "file:/etc/passwd", "file:../x", "file:a/../b", "file:a//b", "file:./a",
	} {
		if err := CheckSecretHash(s); err == nil || errors.Is(err, ErrPlaintext) {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"hunter2", "correct horse battery staple", "p4$$w0rd", thumbprint, "https://example.com"} {
		err := CheckSecretHash(s)
		if !errors.Is(err, ErrPlaintext) {
			t.Errorf("%q: %v", s, err)
		}
		if s != "" && strings.Contains(err.Error(), s) {
			t.Errorf("the error repeats %q", s)
		}
	}
}

func TestCheckSecretRef(t *testing.T) {
	for _, s := range []string{"env:A", "env:_a1", "file:a", "file:a.b/c-d_e"} {
		if err := CheckSecretRef(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", "env:", "env:A B", "env:" + strings.Repeat("A", 129), "file:", "file:..", "file:a b", "file:/a", "file:a/"} {
		if err := CheckSecretRef(s); err == nil || errors.Is(err, ErrPlaintext) {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"hunter2", "ENV:A", "vault:a", "sha256:" + thumbprint} {
		if err := CheckSecretRef(s); !errors.Is(err, ErrPlaintext) {
			t.Errorf("%q: %v", s, err)
		}
	}
}
