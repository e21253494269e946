package console

import (
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/snapshot"
)

// clientsPage is the list of clients.
type clientsPage struct {
	search
	All  int
	Rows []clientRow
}

// A clientRow is one client of the list. Locked comes from the credentials' windows at the
// time of the page.
type clientRow struct {
	Label, Name, ClientID string
	Methods               []string // the kinds of its credentials
	APIs                  int
	Foreign               bool // it has none but the secret that the server made up
	Locked                bool // nothing authenticates it now
}

// clients shows the list of clients, with the kinds of their credentials and how many APIs
// each reaches.
func (p *page) clients() {
	snap := p.state.Snapshot
	body := clientsPage{search: newSearch(p.r), All: snap.NumClients()}
	var found []snapshot.Client
	for i := range snap.NumClients() {
		if c := snap.Client(i); body.matches(c.Label(), c.Name(), c.ClientID()) {
			found = append(found, c)
		}
	}
	from, to := body.cut(len(found))
	for _, c := range found[from:to] {
		row := clientRow{Label: c.Label(), Name: c.Name(), ClientID: c.ClientID(), Locked: true}
		for _, cred := range p.credentials(c) {
			row.Locked = row.Locked && cred.State != live
			if cred.MadeUp {
				continue // it is not the client's
			}
			if len(row.Methods) == 0 || row.Methods[len(row.Methods)-1] != cred.Kind {
				row.Methods = append(row.Methods, cred.Kind)
			}
		}
		row.Foreign = !row.Locked && len(row.Methods) == 0
		last := -1
		for auth := range c.Authorizations() {
			if api := auth.API().Index(); api != last {
				row.APIs, last = row.APIs+1, api
			}
		}
		body.Rows = append(body.Rows, row)
	}
	p.show(http.StatusOK, "clients", "clients", "Clients", body)
}

// The states of a credential.
const (
	live    = "accepted"
	expired = "expired"
	early   = "not yet"
)

// A credential is one way in which a client authenticates. Neither a hash nor a
// key is shown.
type credential struct {
	Kind   string // the name of its block
	Label  string
	Method string // for people
	Detail string // what it must be: a name, a subject
	Window schema.Window
	State  string
	Words  string        // the state with how long it lasts: "expires in 12 days"
	Soon   bool          // it expires soon
	Bar    template.HTML // its validity over time
	Used   string        // when it was last used, "" where no logs were folded
	MadeUp bool          // by "writ dev", for this run
	Also   []clientLink  // other clients that have the same one
	More   int           // further such clients
}

// A clientLink leads to a client.
type clientLink struct{ Label, Name string }

// credentials lists how a client authenticates, each with its state at the time of the
// page, in the order of schema.Client.Credentials, which findSharers relies on.
func (p *page) credentials(client snapshot.Client) []credential {
	c := client.Schema()
	var all []credential
	for _, cred := range c.Credentials() {
		shown := credential{Kind: cred.Block.Type, Label: cred.Label, Window: cred.Window, MadeUp: cred.Block.Type == "secret" && p.madeUp(cred.Label)}
		// The window is the one that the server checks (schema.Window.Contains), as of this
		// page.
		now, end := p.state.Now.Unix(), cred.Window.ExpiresAt
		switch {
		case now < cred.Window.NotBefore:
			shown.State, shown.Words = early, "not yet: "+ago(unix(cred.Window.NotBefore), p.state.Now)
		case !cred.Window.Contains(now):
			shown.State, shown.Words = expired, "expired "+ago(unix(end), p.state.Now)
		case end != 0 && end-now < soon:
			shown.State, shown.Words, shown.Soon = live, "expires "+ago(unix(end), p.state.Now), true
		default:
			shown.State, shown.Words = live, live
		}
		shown.Method, shown.Detail = methodOf(cred.Of)
		if used := p.state.Usage; used != nil && !shown.MadeUp {
			t, found := used.Credential(c.ClientID, shown.Kind, shown.Label)
			shown.Used = p.lastUsed(t, found, "request")
		}
		all = append(all, shown)
	}
	return all
}

// drawValidity gives each credential its bar, on one scale, which it returns. One scale for
// all shows whether the next credential begins before the last one ends, which is what a
// rotation is about.
func (p *page) drawValidity(all []credential) timeline {
	var times []int64
	for _, c := range all {
		times = append(times, c.Window.NotBefore, c.Window.ExpiresAt)
	}
	t := newTimeline(p.state.Now.Unix(), times...)
	for i := range all {
		class := map[string]string{live: "good", early: "early", expired: "bad"}[all[i].State]
		if all[i].Soon {
			class = "warn"
		}
		all[i].Bar = t.row(stretch{all[i].Window.NotBefore, all[i].Window.ExpiresAt, class})
	}
	return t
}

// shownSharers is how many clients with the same credential are named.
const shownSharers = 5

// findSharers notes for each credential which other clients have the same one: whoever holds
// it can ask as any of them. It reads every client once.
func (p *page) findSharers(client snapshot.Client, all []credential) {
	// credentials has listed the same credentials in the same order.
	own := client.Schema()
	holds := map[string][]int{} // places in all, by identity
	var keys []string           // how its public keys begin
	for i, cred := range own.Credentials() {
		if all[i].MadeUp { // which every client has
			continue
		}
		for _, id := range identities(cred.Of) {
			holds[id] = append(holds[id], i)
		}
		if key, ok := cred.Of.(*schema.PublicKey); ok {
			keys = append(keys, keyPattern.FindAllString(key.JWKS, -1)...)
		}
	}
	for i := range p.state.Snapshot.NumClients() {
		other := p.state.Snapshot.Client(i)
		if other.Index() == client.Index() || len(holds) == 0 {
			continue
		}
		full, seen := other.Schema(), map[int]bool{}
		for _, cred := range full.Credentials() {
			// Parsing the keys of thousands of clients would take longer than the page may.
			if key, ok := cred.Of.(*schema.PublicKey); ok && !slices.ContainsFunc(keys, func(k string) bool { return strings.Contains(key.JWKS, k) }) {
				continue
			}
			for _, id := range identities(cred.Of) {
				for _, at := range holds[id] {
					switch {
					case seen[at]:
					case len(all[at].Also) == shownSharers:
						all[at].More++
					default:
						all[at].Also = append(all[at].Also, clientLink{other.Label(), other.Name()})
					}
					seen[at] = true
				}
			}
		}
	}
}

// keyPattern matches how the value of a public key begins in a JWK Set.
var keyPattern = regexp.MustCompile(`"[nx]":"[\w-]{16}`)

// identities are what two credentials have in common if whoever holds one holds the other: a
// key set has one for each key. They are compared here and shown nowhere.
func identities(of any) []string {
	switch c := of.(type) {
	case *schema.Secret:
		return []string{"secret " + c.Hash}
	case *schema.PublicKey:
		keys, _ := jose.ReadKeys(c.JWKS) // which the compiler has read
		ids := make([]string, len(keys))
		for i, key := range keys {
			ids[i] = "key " + key.Thumbprint
		}
		return ids
	case *schema.Certificate:
		return []string{"certificate " + strings.Join([]string{c.SHA256, c.SubjectDN, c.SANDNS, c.SANURI}, "\x00")}
	case *schema.Federated:
		return []string{"token " + strings.Join([]string{c.TrustedIssuer, c.Subject, c.SubjectPattern}, "\x00")}
	}
	return nil
}

// methodOf names the authentication method of a credential as OAuth's registry does, and
// what identifies it. A hash is never shown.
func methodOf(of any) (method, detail string) {
	switch c := of.(type) {
	case *schema.Secret:
		switch {
		case strings.HasPrefix(c.Hash, "$"): // PHC form
			detail = "an imported hash"
		case !strings.HasPrefix(c.Hash, "sha256:"): // where the server finds it
			detail = c.Hash
		}
		return "client_secret_basic or client_secret_post", detail
	case *schema.PublicKey:
		return "private_key_jwt", ""
	case *schema.Certificate:
		if c.SHA256 != "" {
			return "self_signed_tls_client_auth", "sha256 " + c.SHA256
		}
		return "tls_client_auth", c.SubjectDN + c.SANDNS + c.SANURI
	case *schema.Federated:
		return "a token of trusted_issuer." + c.TrustedIssuer, c.Subject + c.SubjectPattern
	}
	return "", ""
}

// clientPage is one client.
type clientPage struct {
	Label, Name, ClientID string
	Credentials           []credential
	Validity              timeline
	Locked                bool // nothing authenticates it now
	Access                []*access
	More                  int // further authorizations
	Sections              []settingSection
	Source                *source
	Blocks                []BlockText
	Unusable              string // why it is not said when each was last used, "" for nothing
}

// client shows one client, with as many authorizations as a list has rows. What every page
// about it says, that nothing authenticates it now, stands first.
func (p *page) client(label string) {
	c, ok := p.state.Snapshot.ClientByLabel(label)
	if !ok {
		p.unknownClient(label)
		return
	}
	full := c.Schema()
	body := clientPage{
		Label: c.Label(), Name: c.Name(), ClientID: c.ClientID(), Credentials: p.credentials(c), Locked: true, Unusable: p.state.UsageProblem,
	}
	for _, cred := range body.Credentials {
		body.Locked = body.Locked && cred.State != live
	}
	body.Validity = p.drawValidity(body.Credentials)
	p.findSharers(c, body.Credentials)
	d := p.declared("client." + full.Label)
	// The settings of refresh_token are a nested block, and stand in a section of their own.
	all := settingsOf(schema.BlockOf(&full), &full, full.Label, d)
	if full.RefreshToken != nil {
		all = append(all, settingsOf(schema.BlockOf(full.RefreshToken), full.RefreshToken, "", d)...)
	}
	body.Sections, body.Blocks = sections(all), d.Blocks
	for auth := range c.Authorizations() {
		if len(body.Access) == pageSize {
			body.More++
			continue
		}
		body.Access = append(body.Access, p.newAccess(auth))
	}
	if file, line, ok := c.Source(); ok {
		body.Source = &source{file, line}
	}
	p.show(http.StatusOK, "client", "clients", body.Name, body)
}

// baseLabel is the label of the block that made an object: for_each adds a key in brackets.
func baseLabel(label string) string {
	base, _, _ := strings.Cut(label, "[")
	return base
}
