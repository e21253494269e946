package token

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// The files of a folder of managed keys:
//
//	managed-RS256-000003.pem              a private key, its times before the PEM block
//	managed-RS256-000003.lifetime-86400   empty: it may sign tokens that live so many seconds
//	.managed-RS256-1795435200-*           a key that is being written since then
//
// Each is created once and never changed. Every other file is somebody else's.
const (
	keyPrefix     = "managed-"
	keySuffix     = ".pem"
	lifetimeInfix = ".lifetime-"
)

func managedName(alg schema.SigningAlg, generation int) string {
	return fmt.Sprintf("%s%s-%06d", keyPrefix, alg, generation)
}

// A fileName is what the name of a key's file, or of its marker, says.
type fileName struct {
	alg        schema.SigningAlg
	generation int
	digits     string // of the generation, as they stand
	lifetime   int64  // seconds; 0 for the key itself
}

// key is the name of the key's file.
func (n fileName) key() string { return keyPrefix + string(n.alg) + "-" + n.digits + keySuffix }

// parseName reads managed-ALG-GENERATION.pem and its markers. The generation has
// six to nine digits, a lifetime one to ten without a zero before them.
func parseName(name string) (n fileName, ok bool) {
	rest, ours := strings.CutPrefix(name, keyPrefix)
	alg, rest, _ := strings.Cut(rest, "-")
	digits, lifetime, marker := strings.Cut(rest, lifetimeInfix)
	if !marker {
		digits, ours = strings.TrimSuffix(rest, keySuffix), ours && strings.HasSuffix(rest, keySuffix)
	}
	if !ours || !alphanumeric(alg) || !decimal(digits, 6, 9) {
		return fileName{}, false
	}
	n = fileName{alg: schema.SigningAlg(alg), digits: digits}
	n.generation, _ = strconv.Atoi(digits) // at most nine digits
	if marker {
		n.lifetime, _ = strconv.ParseInt(lifetime, 10, 64) // at most ten digits
		return n, decimal(lifetime, 1, 10) && lifetime[0] != '0'
	}
	return n, true
}

// parseStaged reads .managed-ALG-SINCE-RANDOM.
func parseStaged(name string) (since int64, ok bool) {
	parts := strings.Split(name, "-")
	if len(parts) != 4 || parts[0]+"-" != "."+keyPrefix || !alphanumeric(parts[1]) || !decimal(parts[2], 1, 12) || !decimal(parts[3], 1, len(name)) {
		return 0, false
	}
	since, err := strconv.ParseInt(parts[2], 10, 64)
	return since, err == nil
}

// decimal reports whether s is least to most digits.
func decimal(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

func alphanumeric(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return s != ""
}
