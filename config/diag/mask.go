package diag

import (
	"bytes"
	"maps"
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
