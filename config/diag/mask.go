package diag

import (
	"bytes"
	"maps"
	"regexp"
)

// masked returns the sources with every secret of the list made unreadable, so
// that no snippet shows one, whichever diagnostic it is cut for. What is not a
// secret stays where it was.
func masked(l List, sources map[string][]byte) map[string][]byte {
	out := sources
	copied := map[string]bool{}
	for _, d := range l {
		src, ok := out[d.Range.Filename]
		if !d.Secret || !ok {
			continue
		}
		if !copied[d.Range.Filename] {
			if len(copied) == 0 {
				out = maps.Clone(sources)
			}
			copied[d.Range.Filename] = true
			src = bytes.Clone(src)
			out[d.Range.Filename] = src
		}
		start := clamp(d.Range.Start.Byte, 0, len(src))
		mask(src[start:clamp(d.Range.End.Byte, start, len(src))])
	}
	return out
}

func mask(secret []byte) {
	for i, c := range secret {
		if c != '\n' && c != '\r' && c != '"' {
			secret[i] = '*'
		}
	}
}

// secretValue finds what is written where only a secret is, under the names that
// writ and others have for it, in HCL and in JSON.
var secretValue = regexp.MustCompile(`\b(?:hash|value|secret|client_secret|client_secret_hash|signing_secret|private_key|password|api_key)"?[ \t]*[=:][ \t]*"((?:[^"\\]|\\.)*)`)

// harmless is how a value begins that is no secret: a reference or a hash.
var harmless = regexp.MustCompile(`^(?:env:|file:|pkcs11:|sha256:|\$argon2|\$2[aby]\$|\$\{|-?[0-9.]*$)`)

// maxMaskedLine is the longest line that is searched for secrets, in bytes.
const maxMaskedLine = 4096

// withoutSecrets returns a line whose secrets are unreadable. A diagnostic may be
// about anything in it, so it does not go by what the diagnostic says.
func withoutSecrets(line []byte) []byte {
	if len(line) > maxMaskedLine {
		return line
	}
	out := line
	for _, m := range secretValue.FindAllSubmatchIndex(line, -1) {
		if start, end := m[2], m[3]; start < end && !harmless.Match(line[start:end]) {
			if &out[0] == &line[0] {
				out = bytes.Clone(line)
			}
			mask(out[start:end])
		}
	}
	return out
}
