package snapshot

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/testenv"
)

// No bit is without a guard, signed or not.
func TestEveryFlippedBitIsRefused(t *testing.T) {
	testenv.OneByOne(t)
	for name, file := range map[string][]byte{"unsigned": smallFile(t), "signed": smallFile(t, testKey(1))} {
		for i := range len(file) * 8 {
			file[i/8] ^= 1 << (i % 8)
			if _, err := Open(file); err == nil {
				t.Fatalf("%s: bit %d of byte %d flipped: accepted", name, i%8, i/8)
			}
			if _, err := Check(file); err == nil {
				t.Fatalf("%s: bit %d of byte %d flipped: Check accepts", name, i%8, i/8)
			}
			file[i/8] ^= 1 << (i % 8)
		}
		if _, err := Open(file); err != nil {
			t.Fatalf("%s: the file itself is refused: %v", name, err)
		}
	}
}

func TestEveryTruncationIsRefused(t *testing.T) {
	file := smallFile(t, testKey(1))
	for n := range file {
		if _, err := Open(slices.Clone(file[:n])); err == nil {
			t.Fatalf("the first %d of %d bytes: accepted", n, len(file))
		}
		if _, err := Check(file[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes: Check accepts", n, len(file))
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	file := smallFile(t)
	for _, test := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "not a writ snapshot"},
		{"another format", []byte("{\"digest\":\"sha256:\"}"), "not a writ snapshot"},
		{"magic only", []byte(magic), "truncated: it has 8 bytes"},
		{"header cut", file[:40], "truncated: it has 40 bytes"},
		{"body cut", file[:len(file)-100], "truncated: 100 bytes are missing"},
		{"longer", append(slices.Clone(file), '\n'), "1 bytes after the end"},
		{"twice", append(slices.Clone(file), file...), "after the end"},
		{"huge lengths", patched(file, headerBody, 0xff, 8), "truncated"},
		{"huge envelope", patched(file, headerEnvelope, 0xff, 4), "envelope has 4294967295 bytes"},
		{"newer", patched(file, headerVersion, FormatVersion+1, 1), "snapshot format 4 is newer than 3"},
		{"a member of a later format", patchedVersion(file, 1), "members that format 1 does not know"},
		{"older", patched(file, headerVersion, 0, 1), "snapshot format 0 is older than 1"},
	} {
		_, err := Open(slices.Clone(test.file))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
		_, isVersion := errors.AsType[*VersionError](err)
		if isVersion != strings.HasPrefix(test.want, "snapshot format") {
			t.Errorf("%s: is a version error: %v", test.name, isVersion)
		}
	}
}

// patched returns a copy in which n bytes at off have the value b.
func patched(file []byte, off int, b byte, n int) []byte {
	file = slices.Clone(file)
	copy(file[off:], bytes.Repeat([]byte{b}, n))
	return file
}

// patchedVersion says another format version, with a checksum that fits.
func patchedVersion(file []byte, version uint32) []byte {
	file = patched(file, headerVersion, byte(version), 1)
	return reseal(file, file[headerSize:][:u32(file, headerEnvelope)])
}

// A rollback takes a body from an older file and writes a new one around it.
func TestBodyKeepsItsVersion(t *testing.T) {
	old, err := os.ReadFile("testdata/v1/small.writ")
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(old)
	if err != nil {
		t.Fatal(err)
	}
	file, err := Marshal(testEnvelope(), s.Body(), s.Sources())
	if err != nil {
		t.Fatal(err)
	}
	again, err := Open(file)
	if err != nil || again.Digest() != s.Digest() {
		t.Errorf("%v", err)
	}
}

// Every version that this build reads is in testdata, and there are at most three.
func TestFormats(t *testing.T) {
	if n := len(formats); n == 0 || n > 3 || formats[n-1].version != FormatVersion {
		t.Errorf("formats read: %d, the newest must be %d", n, FormatVersion)
	}
	for i, f := range formats {
		if f.version != FormatVersion-uint32(len(formats)-1-i) {
			t.Errorf("formats[%d] is version %d", i, f.version)
		}
	}
}

// reseal puts other envelope bytes into a file, with a checksum that fits.
func reseal(file, envelope []byte) []byte {
	old := u32(file, headerEnvelope)
	out := slices.Concat(file[:headerSize], envelope, file[headerSize+old:])
	binary.LittleEndian.PutUint32(out[headerEnvelope:], uint32(len(envelope)))
	sum := headerDigest(out, envelope)
	copy(out[headerSum:], sum[:])
	return out
}

func TestEnvelopeIsCanonical(t *testing.T) {
	file := smallFile(t)
	envelope := string(file[headerSize:][:u32(file, headerEnvelope)])
	if _, err := Open(reseal(file, []byte(envelope))); err != nil {
		t.Fatalf("resealed as it was: %v", err)
	}
	for name, other := range map[string]string{
		"unknown member":   strings.Replace(envelope, `"serial":7`, `"serial":7,"extra":1`, 1),
		"repeated member":  strings.Replace(envelope, `"serial":7`, `"serial":7,"serial":7`, 1),
		"folded case":      strings.Replace(envelope, `"serial":7`, `"Serial":7`, 1),
		"another order":    strings.Replace(envelope, `"serial":7,"previous":"sha256:00"`, `"previous":"sha256:00","serial":7`, 1),
		"white space":      envelope + "\n",
		"a second value":   envelope + "{}",
		"an empty member":  strings.Replace(envelope, `"serial":7`, `"serial":7,"environment":""`, 1),
		"a null":           strings.Replace(envelope, `"serial":7`, `"serial":null`, 1),
		"escaped":          strings.Replace(envelope, `"revision":"4f2d1c0"`, `"revision":"\u0034f2d1c0"`, 1),
		"another zone":     strings.Replace(envelope, `2026-11-01T12:00:00Z`, `2026-11-01T13:00:00+01:00`, 1),
		"parts of seconds": strings.Replace(envelope, `2026-11-01T12:00:00Z`, `2026-11-01T12:00:00.5Z`, 1),
		"invalid UTF-8":    strings.Replace(envelope, `4f2d1c0`, "4f2d\xff", 1),
		"no lifetime":      strings.Replace(envelope, `"lifetime":86400`, `"lifetime":0`, 1),
		"a long lifetime":  strings.Replace(envelope, `"lifetime":86400`, `"lifetime":9223372036854775807`, 1),
		"a broken value":   strings.Replace(envelope, `"serial":7`, `"serial":-7`, 1),
		"nothing":          "",
		"another digest":   strings.Replace(envelope, `"digest":"sha256:`, `"digest":"sha256:0`, 1),
		"no sources":       envelope[:strings.Index(envelope, `,"sources_digest"`)] + "}",
	} {
		if other == envelope {
			t.Errorf("%s: the envelope was not changed", name)
		}
		if _, err := Open(reseal(file, []byte(other))); err == nil {
			t.Errorf("%s: accepted", name)
		} else if name == "unknown member" && !strings.Contains(err.Error(), `unknown field "extra"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEnvelopeRoundTrip(t *testing.T) {
	s, err := Open(smallFile(t, testKey(1)))
	if err != nil {
		t.Fatal(err)
	}
	want := testEnvelope()
	want.Bind(s.Body(), s.Sources())
	Sign(&want, testKey(1))
	if diff := gocmp.Diff(want, s.Envelope()); diff != "" {
		t.Errorf("the envelope changed (-written +read):\n%s", diff)
	}
	if s.Digest() != Digest(s.Body()) || s.Digest() != want.Digest {
		t.Errorf("digest %q, want %q", s.Digest(), want.Digest)
	}
	s.Envelope().Signatures[0].KeyID = "changed"
	if s.Envelope().Signatures[0].KeyID == "changed" {
		t.Error("a caller can change the snapshot's envelope")
	}
	s.Envelope().PastLifetimes[0].Lifetime = 1
	if s.Envelope().PastLifetimes[0].Lifetime == 1 {
		t.Error("a caller can change what the snapshot remembers")
	}
}

func TestMarshalRefuses(t *testing.T) {
	s, err := Open(smallFile(t))
	if err != nil {
		t.Fatal(err)
	}
	signed := testEnvelope()
	signed.Bind(s.Body(), s.Sources())
	Sign(&signed, testKey(1))
	long := testEnvelope()
	long.Revision = strings.Repeat("x", maxEnvelope)
	for _, test := range []struct {
		name    string
		env     Envelope
		body    []byte
		sources *Sources
		want    string
	}{
		{"signed for a file with sources", signed, s.Body(), nil, "signed for another body"},
		{"signed for another body", signed, append(slices.Clone(s.Body()), 0), s.Sources(), "signed for another body"},
		{"no body", testEnvelope(), nil, nil, "does not come from Encode"},
		{"long revision", long, s.Body(), nil, "more than 65536"},
	} {
		if _, err := Marshal(test.env, test.body, test.sources); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestSignatures(t *testing.T) {
	one, two, three := testKey(1), testKey(2), testKey(3)
	public := func(keys ...ed25519.PrivateKey) (list []ed25519.PublicKey) {
		for _, k := range keys {
			list = append(list, k.Public().(ed25519.PublicKey))
		}
		return list
	}
	for _, test := range []struct {
		name    string
		file    []byte
		trusted []ed25519.PublicKey
		want    error
	}{
		{"unsigned", smallFile(t), public(one), ErrUnsigned},
		{"trusted", smallFile(t, one), public(one), nil},
		{"one of two signatures", smallFile(t, one, two), public(two), nil},
		{"one of two keys", smallFile(t, two), public(one, two), nil},
		{"signed twice by one key", smallFile(t, one, one), public(one), nil},
		{"another key", smallFile(t, one), public(three), ErrUntrusted},
		{"nobody trusted", smallFile(t, one), nil, ErrUntrusted},
		{"a key of the wrong size", smallFile(t, one), []ed25519.PublicKey{public(one)[0][:31]}, ErrUntrusted},
	} {
		s, err := Open(test.file)
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if err := s.VerifySignatures(test.trusted); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
		if n := len(s.Envelope().Signatures); test.name == "signed twice by one key" && n != 1 {
			t.Errorf("%s: %d signatures", test.name, n)
		}
	}
}

// A signature that names a trusted key of the wrong size, which Ed25519 itself
// would panic on.
func TestSignatureByMalformedKey(t *testing.T) {
	s, err := Open(smallFile(t, testKey(1)))
	if err != nil {
		t.Fatal(err)
	}
	short := ed25519.PublicKey("short")
	env := s.Envelope()
	env.Signatures[0].KeyID = KeyID(short)
	file, err := Marshal(env, s.Body(), s.Sources())
	if err != nil {
		t.Fatal(err)
	}
	if s, err = Open(file); err != nil {
		t.Fatal(err)
	}
	if err := s.VerifySignatures([]ed25519.PublicKey{short}); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a key of five bytes: %v", err)
	}
}

// A signature covers every member of the envelope and nothing else's signature.
func TestSignatureCoversEnvelope(t *testing.T) {
	key := testKey(1)
	s, err := Open(smallFile(t, key))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Envelope){
		"serial":      func(e *Envelope) { e.Serial++ },
		"previous":    func(e *Envelope) { e.Previous = "" },
		"revision":    func(e *Envelope) { e.Revision += "0" },
		"created":     func(e *Envelope) { e.Created = e.Created.AddDate(0, 0, 1) },
		"not_after":   func(e *Envelope) { e.NotAfter = e.NotAfter.AddDate(0, 0, 1) },
		"environment": func(e *Envelope) { e.Environment = "dev" },
		"lock":        func(e *Envelope) { e.LockDigest = "" },
		"version":     func(e *Envelope) { e.WritVersion = "2.0.0" },
		"signature":   func(e *Envelope) { e.Signatures[0].Signature[5] ^= 1 },
		"key id":      func(e *Envelope) { e.Signatures[0].KeyID = KeyID(testKey(2).Public().(ed25519.PublicKey)) },
		"empty":       func(e *Envelope) { e.Signatures[0].Signature = nil },
	} {
		env := s.Envelope()
		env.Signatures[0].Signature = slices.Clone(env.Signatures[0].Signature)
		change(&env)
		file, err := Marshal(env, s.Body(), s.Sources())
		if err != nil {
			t.Fatal(err)
		}
		forged, err := Open(file)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := forged.VerifySignatures([]ed25519.PublicKey{key.Public().(ed25519.PublicKey)}); !errors.Is(err, ErrUntrusted) {
			t.Errorf("%s changed: %v", name, err)
		}
	}
}

// A serial above 2^53 is neither written nor read, though everything else about the
// file is right: a server that took it would refuse all later ones.
func TestSerialIsBounded(t *testing.T) {
	body, err := Encode(&schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/"}})
	if err != nil {
		t.Fatal(err)
	}
	file, err := Marshal(Envelope{Serial: MaxSerial}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := Open(file); err != nil || s.Envelope().Serial != MaxSerial {
		t.Fatalf("the highest: %v", err)
	}
	for _, serial := range []uint64{MaxSerial + 1, math.MaxUint64} {
		if _, err := Marshal(Envelope{Serial: serial}, body, nil); err == nil || !strings.Contains(err.Error(), "above 9007199254740992") {
			t.Errorf("%d was written: %v", serial, err)
		}
		envelope := strings.Replace(string(file[headerSize:len(file)-len(body)]), "9007199254740992", strconv.FormatUint(serial, 10), 1)
		forged := append([]byte(nil), file[:headerSize]...)
		binary.LittleEndian.PutUint32(forged[headerEnvelope:], uint32(len(envelope)))
		sum := headerDigest(forged, []byte(envelope))
		copy(forged[headerSum:], sum[:])
		forged = append(append(forged, envelope...), body...)
		if _, err := Open(forged); err == nil || !strings.Contains(err.Error(), "above 9007199254740992") {
			t.Errorf("%d was read: %v", serial, err)
		}
	}
}
