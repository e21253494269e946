package refresh

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/decide"
	"github.com/writ-auth/writ/server/token"
)

// A refresh token has one spelling, and everything else is none.
func FuzzRefreshToken(f *testing.F) {
	good := Token{id: [familyIDSize]byte{1, 2, 3}, secret: [secretSize]byte{250, 251}}.String()
	for _, seed := range []string{good, good[:63], good + "A", good + "=", strings.Repeat("A", 64), strings.Repeat("_-", 32), strings.Repeat("+/", 32), "\n" + good[1:], "", "a.b.c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, compact string) {
		read, ok := ReadToken(compact)
		if ok != (read.String() == compact) {
			t.Errorf("%q is read as %q: %v", compact, read, ok)
		}
		if !ok && read != (Token{}) {
			t.Errorf("%q is no token and left %q", compact, read)
		}
		next := read.successor([]byte(compact))
		if next.id != read.id || next.secret == read.secret || next != read.successor([]byte(compact)) {
			t.Errorf("%q: successor %q", compact, next)
		}
	})
}

// A record that is read makes well-formed tokens and writes itself again; nothing
// else does more than fail.
func FuzzRecord(f *testing.F) {
	good := record{
		Version: recordVersion,
		Family: decide.Family{
			Client: "web", API: "https://api.example.com/", Issuer: "corp", IssuerURL: "https://login.example", Subject: `corp|"\` + "\u00e9",
			Act: `{"sub":"corp|a"}`, Claims: []decide.CopiedClaim{{Name: "email", Value: `"a@b.example"`}, {Name: "groups", Value: `[ 1.0 ]`}},
			Scope: "read write", Started: 1, Used: 3, NotAfter: 9,
		},
		Rotated: 2, Current: make([]byte, 32), Previous: make([]byte, 32), Salt: make([]byte, 32),
	}
	f.Add(good.encode())
	ended := good
	ended.Revoked, ended.Claims, ended.Act, ended.Previous, ended.Salt, ended.Rotated = true, nil, "", nil, nil, 0
	f.Add(ended.encode())
	for _, seed := range []string{"", "null", "{}", `{"v":1}`, `{"v":2}`, `{"v":1,"claims":[{"name":"a","value":"{"}]}`, string(good.encode()[:100]), `{"V":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		read, err := readRecord(encoded)
		if err != nil {
			return
		}
		again, err := readRecord(read.encode())
		if err != nil || !bytes.Equal(again.encode(), read.encode()) {
			t.Fatalf("%q is written as %q: %v", encoded, read.encode(), err)
		}
		claims := token.AppendClaims(nil, &token.Grant{
			Subject: read.Subject, ClientID: read.Client, Audience: read.API, Scope: read.Scope, Act: read.Act, Claims: decide.JoinClaims("", read.Claims), Profile: schema.ProfileRFC9068,
		}, nil)
		if !json.Valid(claims) {
			t.Fatalf("%q makes the claims %q", encoded, claims)
		}
		now := time.UnixMilli(read.Used)
		_ = read.End(schema.RefreshToken{Lifetime: 1, IdleLifetime: 1})
		if read.use([secretSize]byte{}, schema.RefreshToken{Leeway: 60}, now) != Reused {
			t.Fatalf("%q takes a secret of zeroes", encoded) // the hash of which the seeds do not have
		}
	})
}
