package console_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/schema"
)

// credentialRow is the row of a credential on a client's page.
func credentialRow(body, name string) string {
	_, row, _ := strings.Cut(body, `<th scope="row"><code>`+name+`</code>`)
	row, _, _ = strings.Cut(row, "</tr>")
	return row
}

// Each credential says in words how it stands, beside a bar on the scale of all.
func TestCredentialsOverTime(t *testing.T) {
	doc := document()
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	const day = 24 * time.Hour
	doc.Clients[0].Secrets = nil
	for label, window := range map[string]schema.Window{
		"past": {ExpiresAt: at(-3 * day)}, "open": {}, "soon": {ExpiresAt: at(12 * day)}, "long": {NotBefore: at(-day), ExpiresAt: at(400 * day)}, "next": {NotBefore: at(2 * day)},
	} {
		doc.Clients[0].Secrets = append(doc.Clients[0].Secrets, schema.Secret{Label: label, Hash: "env:" + strings.ToUpper(label), Window: window})
	}
	body := newSite(t, doc, false).page(t, "/console/clients/billing")
	checkMarkup(t, "client", body)
	for label, want := range map[string][]string{
		"past": {"state bad", "expired 3 days ago", `rect class="bad"`, "always – <time"}, "open": {"state good", ">accepted<", `rect class="good" x="0.00%"`, "width=\"100.00%\"", "always – no end"},
		"soon": {"state warn", "expires in 12 days", `rect class="warn"`}, "long": {">accepted<", `rect class="good"`, "2026-11-22 12:00"}, "next": {`"state "`, "not yet: in 2 days", `rect class="early"`},
	} {
		row := credentialRow(body, `secret "`+label+`"`)
		for _, words := range append(want, `class="now"`) {
			if !strings.Contains(row, words) {
				t.Errorf("%s: no %s in %s", label, words, row)
			}
		}
	}
}

// A credential that others have too is pointed out with their names, and what is compared is
// not on the page. The secret that the server made up is everybody's and no offence.
func TestSharedCredentials(t *testing.T) {
	doc := document()
	const key = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	other := func(label, keys string) schema.Client {
		return schema.Client{Label: label, Name: "The " + label, ClientID: label, GrantTypes: []string{schema.GrantClientCredentials},
			PublicKeys: []schema.PublicKey{{Label: "k", JWKS: `{"keys":[` + keys + `]}`}}}
	}
	doc.Clients[1].PublicKeys[0].JWKS = `{"keys":[` + strings.Replace(key, "{", `{"kid":"mine",`, 1) + `]}`
	doc.Clients = append(doc.Clients, other("twin", key), other("alone", strings.Replace(key, "11q", "21q", 1)))
	for i := range 8 {
		doc.Clients = append(doc.Clients, schema.Client{Label: fmt.Sprintf("z%d", i), Name: "Z", ClientID: fmt.Sprintf("z%d", i), GrantTypes: []string{schema.GrantClientCredentials}, Secrets: doc.Clients[0].Secrets[1:2]})
	}
	made := schema.Secret{Label: "writ-dev", Hash: "sha256:" + strings.Repeat("A", 43)}
	for i := range doc.Clients {
		doc.Clients[i].Secrets = append(append([]schema.Secret{}, doc.Clients[i].Secrets...), made)
	}
	s := newSiteWith(t, doc, func(o *console.Options) { o.Secret = "made" })
	body := s.page(t, "/console/clients/keyed")
	checkMarkup(t, "client", body)
	if row := credentialRow(body, `public_key "k"`); !strings.Contains(row, `<a href="/console/clients/twin">The twin</a>:`) || strings.Contains(row, "alone") {
		t.Errorf("public key: %s", row)
	}
	if row := credentialRow(body, `secret "writ-dev"`); !strings.Contains(row, "of this run") || strings.Contains(row, "Shared with") {
		t.Errorf("made up: %s", row)
	}
	row := credentialRow(s.page(t, "/console/clients/billing"), `secret "a"`)
	if strings.Count(row, "<a href") != 5 || !strings.Contains(row, "other clients: whoever") {
		t.Errorf("secret: %s", row)
	}
	if body := s.page(t, "/console/clients?q=twin"); !strings.Contains(body, "public_key") || strings.Contains(body, "of its own") {
		t.Error(body)
	}
}
