package natskeys

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

// Whatever stands in a bucket, opening it ends with the content that was sealed for that
// place or with a reason, and the reason alone decides whether it blocks.
func FuzzOpen(f *testing.F) {
	first, err := ParseSeal([]byte("the first seal, for tests alone."))
	if err != nil {
		f.Fatal(err)
	}
	second, err := ParseSeal([]byte("another seal, for tests alone..."))
	if err != nil {
		f.Fatal(err)
	}
	at := place{bucket: "writ-keys", environment: "prod", name: "managed-ES256-000001.lifetime-60"}
	sealed, err := first.seal(at, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, message := range [][]byte{sealed, nil, []byte("writ"), []byte("writ\x01"), sealed[:len(sealed)-1], append([]byte("writ\x02"), sealed[5:]...), sealed[:20], bytes.Repeat(sealed, 3)} {
		f.Add(message)
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		before := slices.Clone(message)
		content, by, err := open([]Seal{second, first}, at, message)
		if !bytes.Equal(before, message) {
			t.Error("the message was changed")
		}
		if err == nil {
			if len(content) > 0 || by != 1 {
				t.Errorf("opened by %d: %q", by, content)
			}
			return
		}
		if _, ok := errors.AsType[*sealedError](err); !ok || content != nil {
			t.Errorf("%v, %q", err, content)
		}
	})
}
