package console

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/writ-auth/writ/schema/snapshot"
)

// findPage is a search over everything that has a page. The palette shows its groups, and
// without the script it is a page of its own, so that both find the same.
type findPage struct {
	Query  string
	Groups []foundGroup
	Total  int // of what matches, those beyond the first of each group too
}

// A foundGroup is what was found of one kind, the best first.
type foundGroup struct {
	ID, Title string
	Hits      []hit
	More      int    // that match too
	All       string // where all are listed, "" for nowhere

	ranked [ranks][]hit // at most shownHits of each rank
	total  int
}

// A hit is a page that was found.
type hit struct{ Text, Detail, Link string }

// shownHits is how many pages of a kind are shown.
const shownHits = 8

// The ranks of what matches, the best first: the text is what was typed, begins with it, has
// a word that begins with it, holds it.
const (
	rankSame = iota
	rankBegins
	rankWord
	rankHolds
	ranks
	rankNone = -1
)

// rank says how well texts match words in lower case, rankNone for not at all. Each word
// must be in one of the texts; the first word decides about the rank. Without words
// everything matches, at ranks.
func rank(words []string, texts ...string) int {
	best := ranks
	for i, word := range words {
		// The rank is the best of all texts; for the words after the first, being there is
		// enough.
		found := false
		for _, text := range texts {
			text = strings.ToLower(text) // the same string where it is
			at := strings.Index(text, word)
			if at < 0 {
				continue
			}
			found = true
			if i > 0 {
				break
			}
			switch {
			case len(text) == len(word):
				best = min(best, rankSame)
			case at == 0:
				best = min(best, rankBegins)
			case strings.IndexByte("-_./: ", text[at-1]) >= 0:
				best = min(best, rankWord)
			default:
				best = min(best, rankHolds)
			}
		}
		if !found {
			return rankNone
		}
	}
	return best
}

// takes counts what matches, and reports whether it is among the best so far. The caller
// only then makes a hit of it: of thousands that match, a few are shown.
func (g *foundGroup) takes(rank int) bool {
	if rank == rankNone {
		return false
	}
	g.total++
	return len(g.ranked[min(rank, ranks-1)]) < shownHits
}

// add adds what takes has taken.
func (g *foundGroup) add(rank int, h hit) {
	at := min(rank, ranks-1)
	g.ranked[at] = append(g.ranked[at], h)
}

// done puts the best hits first, in each rank by label as the snapshot has them, and counts
// those that are not shown.
func (g *foundGroup) done() {
	for _, hits := range g.ranked {
		g.Hits = append(g.Hits, hits[:min(len(hits), shownHits-len(g.Hits))]...)
	}
	g.More = g.total - len(g.Hits)
}

// searchAll shows what matches ?q=: pages and actions, APIs, clients and scopes. Without a
// query it is pages and actions alone. The palette asks for it at every key, so it reads
// each object once.
func (p *page) searchAll() {
	query := strings.TrimSpace(p.r.URL.Query().Get("q"))
	words := strings.Fields(strings.ToLower(query))
	body := findPage{Query: query}
	for _, group := range []foundGroup{p.findActions(words), p.findPages(words)} {
		body.take(group)
	}
	// While nothing compiles there are no objects, and pages and actions are found all the
	// same.
	if len(words) > 0 && p.state.Snapshot != nil {
		apis, scopes := findAPIs(p.state.Snapshot, words)
		listed := "?" + url.Values{"q": {query}}.Encode()
		apis.All = Path + listed
		clients := findClients(p.state.Snapshot, words)
		clients.All = Path + "clients" + listed
		for _, group := range []foundGroup{apis, clients, scopes} {
			body.take(group)
		}
	}
	p.show(http.StatusOK, "find", "", "Search", body)
}

// take adds a group that has any hits.
func (b *findPage) take(g foundGroup) {
	if g.done(); len(g.Hits) > 0 {
		b.Groups = append(b.Groups, g)
		b.Total += g.total
	}
}

// findActions finds what can be done.
func (p *page) findActions(words []string) foundGroup {
	g := foundGroup{ID: "actions", Title: "Actions"}
	actions := []hit{{"Create API", "a new block, compiled as you type", Path + "apis/new"}, {"Create client", "with a secret that is made in place", Path + "new-client"}}
	if p.mayWrite() {
		actions = append(actions, hit{"Undo", "take back what was written here", Path + "undo"})
	}
	return g.among(actions, words)
}

// findPages finds the pages that are about no single object.
func (p *page) findPages(words []string) foundGroup {
	g := foundGroup{ID: "pages", Title: "Pages"}
	pages := []hit{{"APIs", "", Path}, {"Clients", "", Path + "clients"}, {"Graph", "who may call what", Path + "graph"}, {"Keys", "", Path + "keys"}}
	if p.console.opts.Changes != nil {
		pages = append(pages, hit{"Changes", "what the files change, as writ plan says it", Path + "changes"})
	}
	return g.among(pages, words)
}

// among takes those that match; without words all.
func (g foundGroup) among(all []hit, words []string) foundGroup {
	for _, h := range all {
		if at := rank(words, h.Text, h.Detail); g.takes(at) {
			g.add(at, h)
		}
	}
	return g
}

// findAPIs finds APIs and scopes in one pass over the APIs. A scope is found on each API
// that has it.
func findAPIs(snap *snapshot.Snapshot, words []string) (apis, scopes foundGroup) {
	apis, scopes = foundGroup{ID: "apis", Title: "APIs"}, foundGroup{ID: "scopes", Title: "Scopes"}
	for i := range snap.NumAPIs() {
		api := snap.API(i)
		label, name := api.Label(), api.Name()
		if at := rank(words, name, label, api.Identifier()); apis.takes(at) {
			apis.add(at, hit{name, api.Identifier(), apiURL(label, "")})
		}
		for j := range api.NumScopes() {
			scope := api.Scope(j).Name
			if at := rank(words, scope); scopes.takes(at) {
				scopes.add(at, hit{scope, "on " + name, apiURL(label, "scopes")})
			}
		}
	}
	return apis, scopes
}

// findClients finds clients.
func findClients(snap *snapshot.Snapshot, words []string) foundGroup {
	g := foundGroup{ID: "clients", Title: "Clients"}
	for i := range snap.NumClients() {
		client := snap.Client(i)
		label, name := client.Label(), client.Name()
		if at := rank(words, name, label, client.ClientID()); g.takes(at) {
			g.add(at, hit{name, client.ClientID(), clientURL(label)})
		}
	}
	return g
}
