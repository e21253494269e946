package console

import (
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// keysPage is the signing keys over time.
type keysPage struct {
	Keys     []keyRow
	Timeline timeline
	Next     []nextKey // what comes next, but for keys that have a row
	JWKSURI  string    // "" without a snapshot
	Shared   []string  // labels of APIs whose tokens are signed with a shared secret
}

// A keyRow is one key with its bar. Only public halves are ever here: the console has no
// private key.
type keyRow struct {
	Key
	Words    string // what it does, and until when
	Declared bool   // a signing_key block names it; otherwise the server made it
	Bar      template.HTML
	Next     *nextKey // after the last key of its algorithm, one that is not made yet
	JWK, PEM string   // the public key as text, "" for one that is not published
}

// A nextKey is what comes after the keys of an algorithm.
type nextKey struct {
	Alg      string
	At       time.Time // zero: nothing is known to come
	KID      string    // "" for one that is not made yet
	Declared bool
	Bar      template.HTML // of one that is not made yet
}

// keys shows the keys. It is the one page that a server without a snapshot has.
func (p *page) keys() {
	var body keysPage
	// The server makes keys only of algorithms for which no signing_key is declared. So the
	// algorithm says of a key who made it, which neither /status nor a JWK Set does.
	declared := map[string]bool{} // algorithms; the server makes the keys of the others
	if snap := p.state.Snapshot; snap != nil {
		body.JWKSURI = strings.TrimSuffix(snap.Issuer().URL, "/") + "/.well-known/jwks.json"
		for i := range snap.NumAPIs() {
			if api := snap.API(i); api.Alg() == schema.HS256 {
				body.Shared = append(body.Shared, api.Label())
			}
		}
		for i := range snap.NumSigningKeys() {
			declared[string(snap.SigningKey(i).Alg)] = true
		}
	}
	times := []int64{seconds(p.state.NextRotation)}
	for _, k := range p.state.Keys {
		times = append(times, seconds(k.ActivatesAt), seconds(k.RetiresAt))
	}
	body.Timeline = newTimeline(p.state.Now.Unix(), times...)
	for i, k := range p.state.Keys {
		row := keyRow{Key: k, Declared: declared[k.Alg], Words: p.keyWords(i, declared[k.Alg])}
		row.Bar = body.Timeline.row(p.stretches(i, row.Declared)...)
		if k.JWK != nil {
			row.JWK = string(k.JWK)
			if pem, err := publicPEM(k.JWK); err == nil {
				row.PEM = string(pem)
			}
		}
		body.Keys = append(body.Keys, row)
	}
	// A key that is not made yet has no KID, and so no row. It gets one behind the last key of
	// its algorithm, where a reader looks for what follows.
	for _, next := range p.nextKeys(declared) {
		if next.KID != "" || next.At.IsZero() {
			body.Next = append(body.Next, next)
			continue
		}
		next.Bar = body.Timeline.row(stretch{seconds(next.At), 0, "later"})
		for i := range slices.Backward(body.Keys) {
			if body.Keys[i].Alg == next.Alg {
				body.Keys[i].Next = &next
				break
			}
		}
	}
	p.show(http.StatusOK, "keys", "keys", "Signing keys", body)
}

// seconds is a time in Unix seconds, 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// successor is when the next key of the same algorithm begins to sign after key i, zero when
// none is known. The state lists keys in no order that this could rely on.
func (p *page) successor(i int) (at time.Time) {
	key := p.state.Keys[i]
	for _, k := range p.state.Keys {
		if k.Alg == key.Alg && k.ActivatesAt.After(key.ActivatesAt) && (at.IsZero() || k.ActivatesAt.Before(at)) {
			at = k.ActivatesAt
		}
	}
	return at
}

// keyWords says what key i does and how long; declared says that a signing_key block names it.
func (p *page) keyWords(i int, declared bool) string {
	// What a reader wants to know of a key is when that changes which it does now.
	k, now := p.state.Keys[i], p.state.Now
	next := p.successor(i)
	switch k.State {
	case "announced":
		return "signs " + ago(k.ActivatesAt, now)
	case "signing":
		if next.After(now) {
			return "until the next one signs, " + ago(next, now)
		}
		if at := p.state.NextRotation; !declared && at.After(now) {
			return "until the server makes another, " + ago(at, now)
		}
		return "no other is announced"
	case "retiring":
		if !k.RetiresAt.IsZero() {
			return "published until its last token has ended, " + ago(k.RetiresAt, now)
		}
		return "published until its last token has ended"
	case "retired":
		return "no longer published"
	}
	return "in the JWK Set" // all that is known without the admin listener
}

// stretches are the times of key i: announced, signing, retiring. When a key was announced is
// not known, so that stretch begins now. One that the server made signs until it makes
// another.
func (p *page) stretches(i int, declared bool) []stretch {
	k, now := p.state.Keys[i], p.state.Now.Unix()
	from, to, next := seconds(k.ActivatesAt), seconds(k.RetiresAt), seconds(p.successor(i))
	switch {
	case k.State == "announced":
		return []stretch{{now, from, "early"}, {from, to, "later"}}
	case k.State == "retired":
		return []stretch{{from, to, "bad"}}
	case next != 0 && (to == 0 || next < to):
		return []stretch{{from, next, "good"}, {next, to, "warn"}}
	case k.State == "retiring":
		return []stretch{{from, to, "warn"}}
	case k.State == "signing" && !declared:
		return []stretch{{from, seconds(p.state.NextRotation), "good"}}
	}
	return []stretch{{from, to, "good"}}
}

// nextKeys says of each algorithm in use what comes next: a key that is announced, the time
// of a key that the server has yet to make, or nothing. The server tells the earliest such
// time of all algorithms, and so pages say "at the earliest". For declared keys it tells
// nothing: what follows them is for the configuration to say.
func (p *page) nextKeys(declared map[string]bool) []nextKey {
	var all []nextKey
	for _, k := range p.state.Keys {
		if k.State != "signing" {
			continue
		}
		next := nextKey{Alg: k.Alg, Declared: declared[k.Alg]}
		for _, other := range p.state.Keys {
			if other.Alg == k.Alg && other.State == "announced" && (next.At.IsZero() || other.ActivatesAt.Before(next.At)) {
				next.At, next.KID = other.ActivatesAt, other.KID
			}
		}
		if next.At.IsZero() && !next.Declared {
			next.At = p.state.NextRotation
		}
		all = append(all, next)
	}
	return all
}

// key answers with one public key as a file: KID.jwk or KID.pem. A key that is not
// published is 404, also one that was published before.
func (p *page) key(name string) {
	for _, k := range p.state.Keys {
		kind, body := "", k.JWK
		switch {
		case k.JWK == nil:
			continue
		case name == k.KID+".jwk":
			kind = "application/jwk+json"
		case name == k.KID+".pem":
			kind = "application/x-pem-file"
			var err error
			if body, err = publicPEM(k.JWK); err != nil {
				http.Error(p.w, "internal error", http.StatusInternalServerError)
				return
			}
		default:
			continue
		}
		p.w.Header().Set("Content-Disposition", "attachment; filename=\""+name+"\"") // a kid is base64url
		p.write(http.StatusOK, kind, body)
		return
	}
	p.notFound("No key of this name is published.", Path+"keys")
}

// publicPEM writes a public JWK (RFC 7517) as a SubjectPublicKeyInfo (RFC 5280).
func publicPEM(jwk []byte) ([]byte, error) {
	key, err := jose.ParseKey(jwk, jose.Algs(jose.SigningKeys)...)
	if err != nil {
		return nil, err
	}
	return jose.EncodePublicKey(key.Key)
}
