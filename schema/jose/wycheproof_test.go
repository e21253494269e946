package jose

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"
)

// A wycheproofGroup is one key of Project Wycheproof's vectors and the tokens
// to check with it.
type wycheproofGroup struct {
	Comment string          `json:"comment"`
	Public  json.RawMessage `json:"public"`
	Private json.RawMessage `json:"private"`
	Tests   []struct {
		ID      int             `json:"tcId"`
		Comment string          `json:"comment"`
		JWS     json.RawMessage `json:"jws"`
		Result  string          `json:"result"`
	} `json:"tests"`
}

func wycheproofGroups(t *testing.T, name string) []wycheproofGroup {
	t.Helper()
	content, err := fs.ReadFile(wycheproof.TestVectors, name)
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []wycheproofGroup `json:"testGroups"`
	}
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	return file.TestGroups
}

// key returns the public key, or the symmetric one, as a member list.
func (g wycheproofGroup) key(t *testing.T) map[string]any {
	t.Helper()
	raw := g.Public
	if raw == nil {
		raw = g.Private
	}
	var key map[string]any
	if err := json.Unmarshal(raw, &key); err != nil {
		t.Fatal(err)
	}
	return key
}

// token returns the vector's token: compact ones are strings, one in JSON
// serialization is an object.
func wycheproofToken(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return string(raw)
	}
	return text
}

// mislabelled are vectors whose label is wrong: both are, byte for byte, the
// token of the valid vector 357, so that no reader can refuse one and take the
// other.
var mislabelled = map[int]string{
	367: "the token is that of vector 357, no padding is in it",
	370: "the token is that of vector 357, no padding is in it",
}

// refusedOnPurpose are valid vectors that are refused, each with its reason.
// Beside them those of algorithms that writ does not verify are refused.
var refusedOnPurpose = map[int]string{
	346: "the key is for PS256, the header says PS384",
	347: "the key is for ES521, which is no algorithm",
	350: "the key is for PS256, the header says PS384",
	351: "the key is for ES521, which is no algorithm",
	372: "the header's base64url holds a question mark",
	373: "the payload's base64url holds a question mark",
}

// Zero false accepts, and no false reject without a reason.
func TestWycheproofSignatures(t *testing.T) {
	accepted, refused, waived := 0, 0, map[int]bool{}
	for _, group := range wycheproofGroups(t, "json_web_signature_test.json") {
		verify := wycheproofVerifier(t, group)
		for _, test := range group.Tests {
			token := wycheproofToken(test.JWS)
			err := verify(token)
			name := fmt.Sprintf("%d %s %s", test.ID, group.Comment, test.Comment)
			switch {
			case test.Result == "valid" && err == nil:
				accepted++
			case test.Result != "valid" && err != nil:
				refused++
			case test.Result != "valid" && mislabelled[test.ID] == "":
				t.Errorf("false accept: %s", name)
			case test.Result == "valid" && refusedOnPurpose[test.ID] == "" && codeOf(err) != UnsupportedAlgorithm:
				t.Errorf("false reject: %s: %v", name, err)
			default:
				waived[test.ID] = true
			}
		}
	}
	for id := range maps.Keys(mislabelled) {
		if !waived[id] {
			t.Errorf("vector %d needs no waiver", id)
		}
	}
	for id := range maps.Keys(refusedOnPurpose) {
		if !waived[id] {
			t.Errorf("vector %d is not refused", id)
		}
	}
	t.Logf("%d accepted, %d refused, %d refused or accepted against their label", accepted, refused, len(waived))
	if accepted < 20 || refused != 353 {
		t.Errorf("%d accepted, %d refused: the vectors have changed", accepted, refused)
	}
}

// wycheproofVerifier verifies with the group's key, a symmetric one as well: the
// vectors of HS256 are about the encoding of tokens more than about HMAC. Where
// tokens are read for any other use, the reader must refuse HS256.
func wycheproofVerifier(t *testing.T, group wycheproofGroup) func(token string) error {
	t.Helper()
	key := group.key(t)
	if key["kty"] != "oct" {
		keys, keyErr := ParseKeys(jwkSet(key), Algs(Assertions)...)
		return func(token string) error {
			c, err := Parse(token, maxToken, Assertions)
			if err = errors.Join(err, keyErr); err != nil {
				return err
			}
			return verifyWith(c, keys)
		}
	}
	secret, ok := Base64URL(key["k"].(string))
	if !ok {
		t.Fatalf("%s: key", group.Comment)
	}
	return func(token string) error {
		if _, err := Parse(token, maxToken, Assertions); err == nil {
			t.Errorf("%s: HS256 was read", token)
		}
		c, err := Parse(token, maxToken, APITokens)
		switch {
		case err != nil:
			return err
		case c.Alg != HS256:
			return errUnverified
		}
		return verifyWith(c, []PublicKey{{Alg: HS256, Key: secret}})
	}
}

const maxToken = 8 << 10

var errUnverified = errors.New("the signature does not verify")

func verifyWith(c *JWS, keys []PublicKey) error {
	if slices.ContainsFunc(keys, func(k PublicKey) bool { return k.Verify(c) }) {
		return nil
	}
	return errUnverified
}

// The vectors of key sets: writ takes no symmetric key, so that the valid ones
// among those are refused, too.
func TestWycheproofKeys(t *testing.T) {
	accepted, refused := 0, 0
	for _, group := range wycheproofGroups(t, "json_web_key_test.json") {
		set := group.Public
		if set == nil {
			set = group.Private
		}
		keys, keyErr := ParseKeys(string(set), Algs(Assertions)...)
		symmetric := strings.Contains(string(set), `"oct"`)
		if symmetric && keyErr == nil {
			t.Errorf("%s: a set with a symmetric key was taken", group.Comment)
		}
		for _, test := range group.Tests {
			err := keyErr
			if err == nil {
				var c *JWS
				if c, err = Parse(wycheproofToken(test.JWS), maxToken, Assertions); err == nil {
					err = verifyWith(c, keys)
				}
			}
			switch {
			case test.Result != "valid" && err == nil:
				t.Errorf("false accept: %d %s %s", test.ID, group.Comment, test.Comment)
			case test.Result == "valid" && err != nil && !symmetric:
				t.Errorf("false reject: %d %s %s: %v", test.ID, group.Comment, test.Comment, err)
			case err == nil:
				accepted++
			default:
				refused++
			}
			// A private key set is refused as such, whatever is in it.
			if group.Public != nil {
				if _, err := ParseKeys(string(group.Private), Algs(Assertions)...); err == nil {
					t.Errorf("%d %s: the private keys were taken", test.ID, group.Comment)
				}
			}
		}
	}
	t.Logf("%d accepted, %d refused", accepted, refused)
	if accepted == 0 || accepted+refused != 26 {
		t.Errorf("%d accepted, %d refused: the vectors have changed", accepted, refused)
	}
}
