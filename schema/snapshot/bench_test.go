package snapshot

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
)

// generated is a configuration of n APIs with ten scopes and ten authorizations
// each, and as many clients: what the budgets in the package comment are
// measured with.
func generated(n int) *schema.Document {
	algs := []schema.SigningAlg{schema.RS256, schema.RS256, schema.RS256, schema.PS256, schema.HS256}
	profiles := []schema.Profile{schema.ProfileAuth0, schema.ProfileRFC9068}
	verbs := []string{"read", "create", "update", "delete", "list", "approve", "export", "import", "audit", "admin"}
	clients := max(n, 80)
	doc := &schema.Document{Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix}}
	for i := range clients {
		label := fmt.Sprintf("client_%06d", i)
		sum := sha256.Sum256([]byte("secret-of-" + label))
		doc.Clients = append(doc.Clients, schema.Client{
			Label: label, Name: label, ClientID: label, GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])}},
		})
	}
	for i := range n {
		api := schema.API{
			Label: fmt.Sprintf("api_%06d", i), Identifier: fmt.Sprintf("https://api-%06d.example.com/v1/", i),
			Profile: profiles[i%2], Alg: algs[i%len(algs)], TokenLifetime: int64(3600 + 60*(i%1000)),
			AllowOfflineAccess: i%3 == 0, ScopeMode: schema.ScopeNarrow,
		}
		api.Name = "API " + api.Label
		if api.Alg == schema.HS256 {
			api.SigningSecret = schema.SecretRef("env:HS_" + api.Label)
		}
		var names []string
		for _, verb := range verbs {
			name := fmt.Sprintf("%s:res%d", verb, i%7)
			names = append(names, name)
			api.Scopes = append(api.Scopes, schema.Scope{Name: name, Description: "May " + name})
		}
		doc.APIs = append(doc.APIs, api)
		for g := range 10 {
			client := doc.Clients[(i*31+g*7919)%clients].Label
			doc.Authorizations = append(doc.Authorizations, schema.Authorization{
				Label: client + "-" + api.Label, Client: client, API: api.Label,
				SubjectType: schema.SubjectClient, Scopes: names[:1+(i+g)%10],
			})
		}
	}
	slices.SortFunc(doc.Authorizations, func(a, b schema.Authorization) int {
		if a.Label < b.Label {
			return -1
		}
		return 1
	})
	return doc
}

// million is the largest generated configuration, as a file.
var million = sync.OnceValue(func() []byte {
	file, err := marshalDocument(generated(100_000))
	if err != nil {
		panic(err)
	}
	return file
})

func marshalDocument(doc *schema.Document) ([]byte, error) {
	body, err := Encode(doc)
	if err != nil {
		return nil, err
	}
	return Marshal(Envelope{Serial: 1, Created: time.Unix(1_790_000_000, 0)}, body, nil)
}

func BenchmarkEncode(b *testing.B) {
	doc := generated(100_000)
	b.ReportAllocs()
	for b.Loop() {
		body, err := Encode(doc)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(body))/1e6, "MB")
	}
}

// BenchmarkOpen reports how long opening takes compared with hashing the same
// bytes in the same run: the best of each, so that other work on the machine
// matters little.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(fmt.Sprintf("apis=%d", n), func(b *testing.B) {
			file, err := marshalDocument(generated(n))
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			hashing, opening := time.Hour, time.Hour
			for b.Loop() {
				start := time.Now()
				sha256.Sum256(file)
				hashed := time.Now()
				if _, err := Open(file); err != nil {
					b.Fatal(err)
				}
				hashing, opening = min(hashing, hashed.Sub(start)), min(opening, time.Since(hashed))
			}
			b.ReportMetric(float64(opening)/float64(hashing), "open/hash")
			b.ReportMetric(float64(opening.Microseconds())/1e3, "open-ms")
		})
	}
}

func BenchmarkDocument(b *testing.B) {
	s, err := Open(million())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		Decode(s)
	}
}

func BenchmarkLookup(b *testing.B) {
	s, err := Open(million())
	if err != nil {
		b.Fatal(err)
	}
	type question struct{ client, api string }
	questions := make([]question, s.NumAuthorizations())
	for i, at := range rand.New(rand.NewPCG(1, 2)).Perm(len(questions)) {
		a := s.AuthorizationAt(at)
		// Copies: the questions must not warm the heap that the answers are in.
		questions[i] = question{string([]byte(a.Client().ClientID())), string([]byte(a.API().Identifier()))}
	}
	runtime.GC()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		q := &questions[i]
		if i++; i == len(questions) {
			i = 0
		}
		client, ok1 := s.ClientByID(q.client)
		api, ok2 := s.APIByIdentifier(q.api)
		a, ok3 := s.Authorization(client, api, schema.SubjectClient)
		if !ok1 || !ok2 || !ok3 || a.ScopeString() == "" {
			b.Fatal("not found")
		}
	}
}
