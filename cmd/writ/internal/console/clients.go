package console

import (
	"net/http"
	"strings"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// clientsPage is the list of clients.
type clientsPage struct {
	search
	All  int
	Rows []clientRow
}

// A clientRow is one client of the list.
type clientRow struct {
	Label, Name, ClientID string
	Methods               []string // the kinds of its credentials
	APIs                  int
	Locked                bool // nothing authenticates it now
}

// clients shows the list of clients.
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
	MadeUp bool   // by "writ dev", for this run
	Used   string // when it was last used, "" where no logs were folded
}

// credentials lists how a client authenticates, each with its state at the time of the
// page.
func (p *page) credentials(client snapshot.Client) []credential {
	c := client.Schema()
	var all []credential
	for _, cred := range c.Credentials() {
		shown := credential{Kind: cred.Block.Type, Label: cred.Label, Window: cred.Window, State: live, MadeUp: cred.Block.Type == "secret" && p.madeUp(cred.Label)}
		switch now := p.state.Now.Unix(); {
		case now < cred.Window.NotBefore:
			shown.State = early
		case !cred.Window.Contains(now):
			shown.State = expired
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
	Locked                bool // nothing authenticates it now
	Access                []*access
	More                  int // further authorizations
	Settings, Refresh     []setting
	Source                *source
	Unusable              string // why it is not said when each was last used, "" for nothing
}

// client shows one client, with as many authorizations as a list has rows.
func (p *page) client(label string) {
	c, ok := p.state.Snapshot.ClientByLabel(label)
	if !ok {
		p.unknownClient(label)
		return
	}
	full := c.Schema()
	body := clientPage{
		Label: c.Label(), Name: c.Name(), ClientID: c.ClientID(), Credentials: p.credentials(c), Locked: true, Unusable: p.state.UsageProblem,
		Settings: settingsOf(schema.BlockOf(&full), &full, full.Label),
	}
	for _, cred := range body.Credentials {
		body.Locked = body.Locked && cred.State != live
	}
	if full.RefreshToken != nil {
		body.Refresh = settingsOf(schema.BlockOf(full.RefreshToken), full.RefreshToken, "")
	}
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

// baseLabel is the label of the block that made an object: for_each adds its key.
func baseLabel(label string) string {
	base, _, _ := strings.Cut(label, "[")
	return base
}
