package console

import (
	"net/http"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// apisPage is the list of APIs.
type apisPage struct {
	search
	All  int // APIs in the snapshot
	Rows []apiRow
}

// An apiRow is one API of the list.
type apiRow struct {
	Label, Name, Identifier string
	Profile                 schema.Profile
	Alg                     schema.SigningAlg
	Lifetime                int64
	Scopes                  int
	Clients                 int // that may ask for its tokens, for themselves or for users
}

// apis shows the list of APIs. Clients are counted in one pass over the snapshot: API by API,
// each count would read all authorizations.
func (p *page) apis() {
	snap := p.state.Snapshot
	body := apisPage{search: newSearch(p.r), All: snap.NumAPIs()}
	var found []snapshot.API
	for i := range snap.NumAPIs() {
		if api := snap.API(i); body.matches(api.Label(), api.Name(), api.Identifier()) {
			found = append(found, api)
		}
	}
	from, to := body.cut(len(found))
	holders := clientsOfEach(snap)
	for _, api := range found[from:to] {
		body.Rows = append(body.Rows, apiRow{
			Label: api.Label(), Name: api.Name(), Identifier: api.Identifier(), Profile: api.Profile(), Alg: api.Alg(),
			Lifetime: api.TokenLifetime(), Scopes: api.NumScopes(), Clients: holders[api.Index()],
		})
	}
	p.show(http.StatusOK, "apis", "apis", "APIs", body)
}

// clientsOfEach counts the clients of each API. The authorizations of a client are sorted by
// API, so that one for itself and one for users are neighbours; such a client counts once.
func clientsOfEach(snap *snapshot.Snapshot) []int {
	n := make([]int, snap.NumAPIs())
	for i := range snap.NumClients() {
		last := -1
		for auth := range snap.Client(i).Authorizations() {
			if api := auth.API().Index(); api != last {
				n[api]++
				last = api
			}
		}
	}
	return n
}
