package console

import (
	"net/http"
	"slices"

	"github.com/writ-auth/writ/cmd/writ/internal/usage"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// scopesPage is the Scopes view.
type scopesPage struct {
	Scopes []scopeRow
}

// A scopeRow is one scope and who holds it.
type scopeRow struct {
	schema.Scope
	Holders []holder // the first few
	More    int      // further ones
}

// A holder is a client that has a scope by an authorization that has not ended.
type holder struct {
	Label, Name string
	User        bool // on behalf of users
}

// shownHolders is how many clients are named next to a scope.
const shownHolders = 5

// scopes shows the scopes of an API and who holds them. It reads each authorization of the
// API once for all scopes.
func (p *page) scopes(v apiView, api snapshot.API) {
	body := scopesPage{Scopes: make([]scopeRow, api.NumScopes())}
	for i := range body.Scopes {
		body.Scopes[i].Scope = api.Scope(i)
	}
	now := p.state.Now.Unix()
	for auth := range api.Authorizations() {
		if hasEnded(auth, now) {
			continue
		}
		for i := range body.Scopes {
			if !auth.Grants(i) {
				continue
			}
			// Holders are in the order of the snapshot, by client, so the same few are
			// named each time.
			row := &body.Scopes[i]
			if len(row.Holders) == shownHolders {
				row.More++
				continue
			}
			row.Holders = append(row.Holders, holder{auth.Client().Label(), auth.Client().Name(), auth.SubjectType() == schema.SubjectUser})
		}
	}
	p.showTab(v, body)
}

// hasEnded reports whether an authorization has expired; now is in Unix seconds.
func hasEnded(auth snapshot.Authorization, now int64) bool {
	end := auth.ExpiresAt()
	return end != 0 && end <= now
}

// An access is one authorization as the pages of its client and of its API show it.
// Lifetime is in seconds.
type access struct {
	Label       string
	Client, API string // labels
	ClientName  string
	APIName     string
	ClientID    string
	Identifier  string
	User        bool
	Scopes      []string
	Lifetime    int64
	Own         bool  // the lifetime is the authorization's, shorter than the API's
	ExpiresAt   int64 // Unix seconds; 0 for never
	Ended       bool
	Claims      string   // custom claims, "" for none
	Subject     string   // what a user's token must say, "" for nothing
	Copied      []string // claims of the user's token that ours repeats
	Source      *source
	Used        string // when it was last used, "" where no logs were folded
}

// newAccess reads an authorization, with what its client and API are called, and when it
// was last used where logs were folded.
func (p *page) newAccess(auth snapshot.Authorization) *access {
	client, api := auth.Client(), auth.API()
	a := &access{
		Label: auth.Label(), Client: client.Label(), API: api.Label(), ClientName: client.Name(), APIName: api.Name(), ClientID: client.ClientID(), Identifier: api.Identifier(),
		User: auth.SubjectType() == schema.SubjectUser, Scopes: auth.Scopes(), Lifetime: auth.Lifetime(), Own: auth.TokenLifetime() != 0,
		ExpiresAt: auth.ExpiresAt(), Ended: hasEnded(auth, p.state.Now.Unix()), Claims: auth.Claims(), Subject: auth.SubjectClaims(),
		Copied: slices.Collect(auth.CopyClaims()),
	}
	if file, line, ok := auth.Source(); ok {
		a.Source = &source{file, line}
	}
	// Without folded logs there is no column at all, and not one that says "never".
	if used := p.state.Usage; used != nil {
		t, found := used.Authorization(auth.Label())
		a.Used = p.lastUsed(t, found, "token")
	}
	return a
}

// lastUsed says when an authorization or a credential was last used; noun is what its tally
// counts. Of the time before the logs begin nothing is known, so "not used" names that day.
func (p *page) lastUsed(t usage.Tally, used bool, noun string) string {
	if !used {
		return "not used since the logs begin (" + p.state.Usage.From.Date() + ")"
	}
	return p.state.Usage.LastUsed(t, noun, p.state.Now)
}

// accessPage is the Machine to Machine view: every client that may use the
// client_credentials grant, and whether this API is open to it.
type accessPage struct {
	search
	Authorized int // clients with an authorization for themselves
	Rows       []accessRow
	Users      []*access  // on behalf of users
	Grant      *grantForm // what is being changed; nil: nothing
	Unusable   string     // why it is not said when each was last used, "" for nothing
}

// An accessRow is one client of the view.
type accessRow struct {
	Label, Name, ClientID string
	Access                *access    // nil: not authorized
	Grant                 *grantForm // nil: not being changed
}

// access shows which clients may get tokens of the API, with the form of the query in the
// row of its client. At most pageSize authorizations on behalf of users are listed. A POST
// for something that is not there, such as an authorization that was removed meanwhile, is
// 404 and changes nothing.
func (p *page) access(v apiView, api snapshot.API) {
	body := accessPage{search: newSearch(p.r), Unusable: p.state.UsageProblem}
	status, done := http.StatusOK, false
	if body.Grant, status, done = p.grant(v, api); done {
		return
	}
	if body.Grant == nil && p.r.Method == http.MethodPost {
		p.notFound("There is nothing to change under this address.", apiURL(v.Label, "clients"))
		return
	}
	// A client has at most one authorization of an API for itself.
	own := map[int]snapshot.Authorization{}
	for auth := range api.Authorizations() {
		client := auth.Client()
		if auth.SubjectType() == schema.SubjectUser {
			if body.matches(client.Label(), client.Name(), client.ClientID()) && len(body.Users) < pageSize {
				body.Users = append(body.Users, p.newAccess(auth))
			}
			continue
		}
		own[client.Index()] = auth
	}
	body.Authorized = len(own)
	authorized, others := p.candidates(own, body.search)
	found := append(authorized, others...)
	from, to := body.cut(len(found))
	for _, client := range found[from:to] {
		row := accessRow{Label: client.Label(), Name: client.Name(), ClientID: client.ClientID()}
		if auth, ok := own[client.Index()]; ok {
			row.Access = p.newAccess(auth)
		}
		if g := body.Grant; g != nil && (row.Access == nil && g.Mode == "authorize" && g.Client == row.Label || row.Access != nil && g.Label == row.Access.Label) {
			row.Grant = g
		}
		body.Rows = append(body.Rows, row)
	}
	p.showTabAs(status, v, body)
}

// candidates are the clients that may use the grant and match the search, those with an
// authorization first. A client that has an authorization without the grant is listed too:
// otherwise nothing would show that the authorization has no effect.
func (p *page) candidates(own map[int]snapshot.Authorization, s search) (authorized, others []snapshot.Client) {
	for i := range p.state.Snapshot.NumClients() {
		client := p.state.Snapshot.Client(i)
		_, holds := own[i]
		if !holds && !client.HasGrantType(schema.GrantClientCredentials) || !s.matches(client.Label(), client.Name(), client.ClientID()) {
			continue
		}
		if holds {
			authorized = append(authorized, client)
		} else {
			others = append(others, client)
		}
	}
	return authorized, others
}
