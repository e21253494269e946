package natskeys

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/token"
)

// What is sealed begins with a header that can be read without the seal:
//
//	"writ" and the version, 1
//	the seal's id, 8 bytes
//	the environment and the key's RFC 7638 thumbprint, each after its length in a byte
//
// Then come nonce, ciphertext and tag of AES-256-GCM (NIST SP 800-38D), with a random
// nonce of 96 bits. The header, the bucket's name and the entry's, which has algorithm
// and generation, are its additional data: none of them can be changed, and what is
// sealed for one place opens in no other.
const (
	magic   = "writ"
	version = 1
	sealID  = 8
)

// sealSize is how long a seal is, in bytes.
const sealSize = 32

// overhead is how much longer than its content an entry is at most, in bytes.
const overhead = len(magic) + 1 + sealID + 2*(1+255) + 12 + 16

// A Seal encrypts what is kept elsewhere. It is safe for concurrent use.
type Seal struct {
	id   [sealID]byte // names the seal and says nothing of it
	aead cipher.AEAD
}

// String is the seal's id, in hexadecimal.
func (s Seal) String() string { return fmt.Sprintf("%x", s.id) }

// ReadSeal reads a seal from a file of 32 random bytes, as they are or in base64. Its
// errors hold nothing of the content.
func ReadSeal(path string) (Seal, error) {
	f, err := os.Open(path)
	if err != nil {
		return Seal{}, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, 1<<10))
	if err != nil {
		return Seal{}, err
	}
	s, err := ParseSeal(content)
	if err != nil {
		return Seal{}, fmt.Errorf("seal %q %w", path, err)
	}
	return s, nil
}

// ParseSeal makes a seal of 32 bytes, as they are or in base64 with white space around.
func ParseSeal(content []byte) (Seal, error) {
	secret := content
	if len(content) != sealSize {
		text := strings.TrimRight(strings.TrimSpace(string(content)), "=")
		decoded, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/").Replace(text))
		if err != nil || len(decoded) != sealSize {
			return Seal{}, errors.New("is not 32 bytes, as they are or in base64: openssl rand -base64 32 makes one")
		}
		secret = decoded
	}
	if bytes.Count(secret, secret[:1]) == sealSize {
		return Seal{}, errors.New("has one byte 32 times, which is not random: openssl rand -base64 32 makes one")
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return Seal{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Seal{}, err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("the id of a seal of writ"))
	return Seal{id: [sealID]byte(mac.Sum(nil)), aead: aead}, nil
}

// A place is where something is sealed for.
type place struct {
	bucket, environment string
	name                string // of the entry
}

// seal encrypts the content of an entry. A marker has none.
func (s Seal) seal(at place, content []byte) ([]byte, error) {
	kid := ""
	if len(content) > 0 {
		private, err := jose.ParsePrivateKey(content)
		if err != nil {
			return nil, err
		}
		kid = jose.Thumbprint(private.Public())
	}
	message := append([]byte(magic), version)
	message = append(message, s.id[:]...)
	message = appendShort(appendShort(message, at.environment), kid)
	return s.aead.Seal(message, nil, content, at.additional(message)), nil
}

// additional is the additional data for a header.
func (p place) additional(header []byte) []byte {
	return appendShort(appendShort(bytes.Clone(header), p.bucket), p.name)
}

// A sealedError says why something cannot be opened.
type sealedError struct {
	reason string
	blocks bool // it may be a key with which others sign
}

func (e *sealedError) Error() string { return e.reason }

// open decrypts an entry with the seal that it names, and reports which that is.
func open(seals []Seal, at place, message []byte) (content []byte, by int, err error) {
	rest, ours := bytes.CutPrefix(message, []byte(magic))
	if !ours || len(rest) < 1+sealID || len(message) > token.MaxEntry+overhead {
		return nil, 0, &sealedError{reason: "is no sealed key: somebody else has written it"}
	}
	if rest[0] != version {
		return nil, 0, &sealedError{fmt.Sprintf("is sealed in version %d, and this writd reads %d: start a newer one", rest[0], version), true}
	}
	id := [sealID]byte(rest[1:])
	environment, rest, ok := cutShort(rest[1+sealID:])
	_, rest, kid := cutShort(rest)
	if !ok || !kid {
		return nil, 0, errDamaged
	}
	for by, s := range seals {
		switch {
		case s.id != id:
			continue
		case environment != at.environment:
			return nil, 0, &sealedError{fmt.Sprintf("is sealed for environment %q, and this server is for %q: give each its own bucket, "+
				"and --environment to all that share one", environment, at.environment), true}
		}
		content, err = s.aead.Open(nil, nil, rest, at.additional(message[:len(message)-len(rest)]))
		if err != nil {
			return nil, 0, errDamaged
		}
		return content, by, nil
	}
	return nil, 0, &sealedError{fmt.Sprintf("is sealed with %x, and --keys-seal has %s: give the file of that seal too", id, names(seals)), true}
}

// errDamaged is about an entry that does not block the making of another key.
var errDamaged = &sealedError{reason: "does not open with the seal that it names: it was changed, or sealed for another generation or bucket"}

// names lists seals by their ids, which are no secret.
func names(seals []Seal) string {
	var all []string
	for _, s := range seals {
		all = append(all, s.String())
	}
	return strings.Join(all, ", ")
}

// appendShort appends a text of at most 255 bytes after its length.
func appendShort(dst []byte, text string) []byte {
	return append(append(dst, byte(len(text))), text...)
}

// cutShort returns the text that appendShort has put first.
func cutShort(message []byte) (text string, rest []byte, ok bool) {
	if len(message) == 0 || len(message) < 1+int(message[0]) {
		return "", message, false
	}
	end := 1 + int(message[0])
	return string(message[1:end]), message[end:], true
}
