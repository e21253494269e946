package console

import (
	"cmp"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/writ-auth/writ/cmd/writ/internal/console/graph"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// An apiView is what every view of one API has.
type apiView struct {
	Label      string
	Name       string
	Identifier string
	Tabs       []tab
	Tab        tab
	Near       *lookalike // an API that is easily taken for this one; nil: none
	Rail       []railStep // the way to the first token; nil once it was gone
	View       any
}

// A railStep is a step of the way from a declared API to a token.
type railStep struct {
	Title, Address string
	Done, Now      bool
}

// A progress notes how far the author has come with each API in this run. It is one for all
// browsers, and forgotten with the process.
type progress struct {
	mu         sync.Mutex
	begun, got map[string]bool // by label: changed here; a token was got
}

// begin notes that an API was made or opened to a client here, so that the rail is shown
// until there is a token.
func (p *progress) begin(label string) { p.note(&p.begun, label) }

// token notes that there was a token of an API.
func (p *progress) token(label string) { p.note(&p.got, label) }

// note adds a label to one of the sets.
func (p *progress) note(in *map[string]bool, label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if *in == nil {
		*in = map[string]bool{}
	}
	(*in)[label] = true
}

// of returns what was noted of an API.
func (p *progress) of(label string) (begun, got bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.begun[label], p.got[label]
}

// rail is the way to the first token of an API, nil where nobody needs it: a client is
// authorized, and it was not authorized here or has its token.
func (p *page) rail(api snapshot.API, tab string) []railStep {
	// Users' authorizations do not count: this page cannot get a token for a user.
	authorized, label := false, api.Label()
	for auth := range api.Authorizations() {
		authorized = authorized || auth.SubjectType() == schema.SubjectClient && !hasEnded(auth, p.state.Now.Unix())
	}
	begun, got := p.console.progress.of(label)
	if authorized && (!begun || got && tab != "test" || p.console.opts.Tokens == nil) {
		return nil
	}
	return []railStep{
		{"Declared", apiURL(label, "settings"), true, false},
		{"Authorize a client", apiURL(label, "clients"), authorized, !authorized},
		{"Get a token", apiURL(label, "test"), got, authorized && !got},
	}
}

// A tab is one view of an API.
type tab struct {
	Name, Title, Address string
	Selected             bool
}

// A lookalike is an API whose identifier looks like another's.
type lookalike struct{ Label, Identifier, How string }

// tabs are the views of an API, in the order of the page; the first has the API's address.
var tabs = []tab{
	{Name: "quickstart", Title: "Quickstart"},
	{Name: "settings", Title: "Settings"},
	{Name: "scopes", Title: "Scopes"},
	{Name: "clients", Title: "Machine to Machine"},
	{Name: "test", Title: "Test"},
}

// newAPIView is what all views of the API have, with one tab selected, which has to be in tabs.
func (p *page) newAPIView(api snapshot.API, selected string) apiView {
	v := apiView{Label: api.Label(), Name: api.Name(), Identifier: api.Identifier(), Rail: p.rail(api, selected)}
	for _, t := range tabs {
		t.Address, t.Selected = apiURL(v.Label, t.Name), t.Name == selected
		if t.Selected {
			v.Tab = t
		}
		v.Tabs = append(v.Tabs, t)
	}
	if other, how, ok := p.state.Snapshot.NearIdentifier(v.Identifier); ok {
		v.Near = &lookalike{other.Label(), other.Identifier(), how}
	}
	return v
}

// showTab renders a view of an API.
func (p *page) showTab(v apiView, view any) { p.showTabAs(http.StatusOK, v, view) }

// showTabAs is showTab with another status, for the answer to a form.
func (p *page) showTabAs(status int, v apiView, view any) {
	v.View = view
	p.show(status, templateOf(v.Tab.Name), "apis", v.Name+": "+v.Tab.Title, v)
}

// templateOf is the template of a tab: its name, but "clients" is that of the list of clients.
func templateOf(tab string) string {
	if tab == "clients" {
		return "access"
	}
	return tab
}

// apisPage is the list of APIs.
type apisPage struct {
	search
	All    int    // APIs in the snapshot
	Prefix string // that most identifiers share, "" for nothing worth dimming
	Owners []string
	Algs   []string
	// Folders are those of the files that declare APIs, with the folders around them; "." is
	// the root. Empty where all stand in one.
	Folders []string
	Rows    []apiRow
}

// Narrowed reports whether the list leaves out what the reader has not asked for.
func (b apisPage) Narrowed() bool {
	return b.Query != "" || b.Also["owner"] != "" || b.Also["alg"] != "" || b.Also["folder"] != ""
}

// Order is how a column is sorted, for its aria-sort: numbers begin with the largest.
func (b apisPage) Order(column string) string {
	switch cmp.Or(b.Also["sort"], "label") {
	default:
		return "none"
	case column:
		if column == "lifetime" || column == "scopes" || column == "clients" {
			return "descending"
		}
		return "ascending"
	}
}

// folderOf is the folder of the file that declares an API, "" where the snapshot does not say.
func folderOf(api snapshot.API) string {
	file, _, ok := api.Source()
	if !ok {
		return ""
	}
	return path.Dir(file)
}

// within reports whether a folder is another one or lies below it.
func within(folder, other string) bool {
	return folder == other || strings.HasPrefix(folder, other+"/")
}

// An apiRow is one API of the list. Lifetime is in seconds.
type apiRow struct {
	Label, Name, Identifier string
	Parts                   splitIdentifier
	Profile                 schema.Profile
	Alg                     schema.SigningAlg
	Lifetime                int64
	Scopes                  int
	Clients                 int // that may ask for its tokens, for themselves or for users
	Owner                   string
	Chips                   []chip
}

// A chip is a state of an API that needs to be seen.
type chip struct{ Text, Kind, Title string }

// chips are the states of an API that a reader of the list should not miss. clients is how
// many may call it; expires is the end of its first authorization to end, in Unix seconds,
// 0 for none.
func (p *page) chips(api snapshot.API, clients int, expires int64) []chip {
	var all []chip
	for _, problem := range p.state.Problems {
		if problem.Address == "api."+api.Label() {
			all = append(all, chip{"not served", "bad", problem.Reason})
			break
		}
	}
	if clients == 0 {
		all = append(all, chip{"nobody may call it", "", "No client is authorized."})
	}
	if now := p.state.Now.Unix(); expires > now && expires-now < soon {
		all = append(all, chip{"expires " + ago(unix(expires), p.state.Now), "warn", "An authorization ends then."})
	}
	for i := range api.NumScopes() {
		if api.Scope(i).Sensitive {
			all = append(all, chip{"sensitive", "warn", "It has scopes that are declared sensitive."})
			break
		}
	}
	return all
}

// soon is how long before its end an authorization is said to expire, in seconds.
const soon = 30 * 24 * 3600

// ownerOf is whom to ask about an API.
func ownerOf(api snapshot.API) string { return graph.OwnerOf(api.Schema().Metadata) }

// sharedPrefix is the longest text, up to a slash or a colon, that more than half of the
// identifiers begin with: people look at the rest. One API shares nothing.
func sharedPrefix(snap *snapshot.Snapshot) (prefix string) {
	if snap.NumAPIs() < 2 {
		return ""
	}
	begin := map[string]int{}
	for i := range snap.NumAPIs() {
		identifier := snap.API(i).Identifier()
		for at := range len(identifier) - 1 {
			if c := identifier[at]; c == '/' || c == ':' {
				begin[identifier[:at+1]]++
			}
		}
	}
	for text, n := range begin {
		if n > snap.NumAPIs()/2 && len(text) > len(prefix) {
			prefix = text
		}
	}
	return prefix
}

// A splitIdentifier is an identifier in the list, in three parts that together are all of
// it. Where the column is too narrow the first two are cut, because the end tells one
// identifier from another.
type splitIdentifier struct{ Shared, Middle, End string }

// longestEnd is how many characters of an identifier are never cut.
const longestEnd = 16

// Room is how many characters wide the end is, with the mark of a trailing slash: a class of
// the style sheet, which keeps as much free.
func (s splitIdentifier) Room() int {
	n := utf8.RuneCountInString(s.End)
	if strings.HasSuffix(s.End, "/") {
		n++
	}
	return n
}

// split takes an identifier apart: the end is its last segment, or the last characters of
// a segment that is too long.
func (b apisPage) split(identifier string) splitIdentifier {
	rest, shared := strings.CutPrefix(identifier, b.Prefix)
	if rest == "" {
		rest, shared = identifier, false
	}
	at := strings.LastIndexAny(strings.TrimRight(rest, "/:"), "/:") + 1
	for n := utf8.RuneCountInString(rest[at:]); n > longestEnd; n-- {
		_, size := utf8.DecodeRuneInString(rest[at:])
		at += size
	}
	parts := splitIdentifier{Middle: rest[:at], End: rest[at:]}
	if shared {
		parts.Shared = b.Prefix
	}
	return parts
}

// sortAPIs sorts the list by a column that a reader may choose: text from A on, numbers
// from the largest on. holders counts the clients of each API by its index. Any other
// column leaves the order of the snapshot, which is by label.
func sortAPIs(found []snapshot.API, by string, holders []int) {
	compare := map[string]func(a, b snapshot.API) int{
		"identifier": func(a, b snapshot.API) int { return strings.Compare(a.Identifier(), b.Identifier()) },
		"lifetime":   func(a, b snapshot.API) int { return cmp.Compare(b.TokenLifetime(), a.TokenLifetime()) },
		"scopes":     func(a, b snapshot.API) int { return b.NumScopes() - a.NumScopes() },
		"clients":    func(a, b snapshot.API) int { return holders[b.Index()] - holders[a.Index()] },
		"owner":      func(a, b snapshot.API) int { return strings.Compare(ownerOf(a), ownerOf(b)) },
	}[by]
	if compare != nil {
		slices.SortStableFunc(found, compare)
	}
}

// apis shows the list of APIs. Clients are counted in one pass over the snapshot: API by
// API, each count would read all authorizations. Filters are parameters of the address, so
// that a list can be linked to.
func (p *page) apis() {
	snap, query := p.state.Snapshot, p.r.URL.Query()
	body := apisPage{search: newSearch(p.r, "owner", "alg", "folder", "sort"), All: snap.NumAPIs(), Prefix: sharedPrefix(snap)}
	var found []snapshot.API
	// The choices of the filters are those of all APIs, not of the ones that are found: a
	// filter that is set must not take the others away.
	owners, algs, folders := map[string]bool{}, map[string]bool{}, map[string]bool{}
	owner, alg, folder := query.Get("owner"), query.Get("alg"), query.Get("folder")
	for i := range snap.NumAPIs() {
		api := snap.API(i)
		of, in := ownerOf(api), folderOf(api)
		owners[of], algs[string(api.Alg())] = of != "", true
		for at := in; at != "" && !folders[at]; at = path.Dir(at) {
			if folders[at] = true; at == "." || path.Dir(at) == "." {
				break // the root is a choice where files stand in it
			}
		}
		if body.matches(api.Label(), api.Name(), api.Identifier(), of) &&
			(owner == "" || owner == of) && (alg == "" || alg == string(api.Alg())) && (folder == "" || within(in, folder)) {
			found = append(found, api)
		}
	}
	delete(owners, "")
	body.Owners, body.Algs = slices.Sorted(maps.Keys(owners)), slices.Sorted(maps.Keys(algs))
	if len(folders) > 1 {
		body.Folders = slices.Sorted(maps.Keys(folders))
	}
	holders, ends := clientsOfEach(snap, p.state.Now.Unix())
	sortAPIs(found, query.Get("sort"), holders)
	from, to := body.cut(len(found))
	for _, api := range found[from:to] {
		body.Rows = append(body.Rows, apiRow{
			Label: api.Label(), Name: api.Name(), Identifier: api.Identifier(), Parts: body.split(api.Identifier()), Profile: api.Profile(), Alg: api.Alg(),
			Lifetime: api.TokenLifetime(), Scopes: api.NumScopes(), Clients: holders[api.Index()],
			Owner: ownerOf(api), Chips: p.chips(api, holders[api.Index()], ends[api.Index()]),
		})
	}
	p.show(http.StatusOK, "apis", "apis", "APIs", body)
}

// clientsOfEach counts the clients of each API, and finds when the first of its
// authorizations ends: 0 for never. Both lists are by the API's index. The authorizations
// of a client are sorted by API, so that one for itself and one for users are neighbours;
// such a client counts once.
func clientsOfEach(snap *snapshot.Snapshot, now int64) (n []int, ends []int64) {
	n, ends = make([]int, snap.NumAPIs()), make([]int64, snap.NumAPIs())
	for i := range snap.NumClients() {
		last := -1
		for auth := range snap.Client(i).Authorizations() {
			api := auth.API().Index()
			if api != last {
				n[api]++
				last = api
			}
			if end := auth.ExpiresAt(); end > now && (ends[api] == 0 || end < ends[api]) {
				ends[api] = end
			}
		}
	}
	return n, ends
}
