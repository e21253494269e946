package console

import (
	"cmp"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/writ-auth/writ/cmd/writ/internal/console/graph"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// graphPage shows who may call what: as a drawing where that can be read, as a matrix of
// clients and APIs otherwise. Both are of everything, or of what matches two filters.
type graphPage struct {
	API, Client   string // the filters; "" for all
	APIs, Clients []string
	Unknown       bool          // nothing matches
	Drawing       template.HTML // by package graph, which escapes what it is given
	Objects       int
	Lines         []*access // the same as the drawing, where there is no room for it
	Matrix        *matrix   // instead of the drawing
}

// maxOffered is how many labels a field of the form offers. Any other can be typed.
const maxOffered = 500

// graph shows the drawing, or the matrix where a drawing could not be read, of what the two
// filters leave.
func (p *page) graph() {
	snap, query := p.state.Snapshot, p.r.URL.Query()
	body := graphPage{API: strings.TrimSpace(query.Get("api")), Client: strings.TrimSpace(query.Get("client"))}
	for i := range min(snap.NumAPIs(), maxOffered) {
		body.APIs = append(body.APIs, snap.API(i).Label())
	}
	for i := range min(snap.NumClients(), maxOffered) {
		body.Clients = append(body.Clients, snap.Client(i).Label())
	}
	// A drawing that nobody can read is not made: beyond its limits the matrix takes its place.
	part := selectPart(snap, body.API, body.Client)
	body.Objects = len(part.apis) + len(part.clients) + len(part.auths)
	body.Unknown = body.Objects == 0 && body.API+body.Client != ""
	switch {
	case body.Objects == 0:
	case part.readable():
		picture := graph.Of(part.document(), p.state.Now)
		for i := range picture.APIs {
			picture.APIs[i].Link = apiURL(picture.APIs[i].Label, "")
		}
		for i := range picture.Clients {
			picture.Clients[i].Link = clientURL(picture.Clients[i].Label)
		}
		body.Drawing = template.HTML(picture.SVG(false))
		for _, auth := range part.auths {
			body.Lines = append(body.Lines, p.newAccess(auth))
		}
	default:
		body.Matrix = p.newMatrix(part)
	}
	p.show(http.StatusOK, "graph", "graph", "Graph", body)
}

// A part is some of a snapshot: the APIs and clients that match, those that an authorization
// connects with them, and these authorizations.
type part struct {
	apis    []snapshot.API
	clients []snapshot.Client
	auths   []snapshot.Authorization
}

// selectPart finds what matches both filters; "" matches all. A filter that is a label is
// that object alone; otherwise it is looked for in labels, names and identifiers. With one
// filter, or two, objects of the other kind are there if an authorization connects them.
func selectPart(snap *snapshot.Snapshot, api, client string) part {
	inAPIs := matching(snap.NumAPIs(), api, func(i int) []string {
		a := snap.API(i)
		return []string{a.Label(), a.Name(), a.Identifier()}
	})
	inClients := matching(snap.NumClients(), client, func(i int) []string {
		c := snap.Client(i)
		return []string{c.Label(), c.Name(), c.ClientID()}
	})
	keepAPIs, keepClients := make([]bool, len(inAPIs)), make([]bool, len(inClients))
	var found part
	for auth := range snap.Authorizations() {
		a, c := auth.API().Index(), auth.Client().Index()
		if inAPIs[a] && inClients[c] {
			found.auths = append(found.auths, auth)
			keepAPIs[a], keepClients[c] = true, true
		}
	}
	for i, in := range inAPIs {
		if keepAPIs[i] || in && client == "" {
			found.apis = append(found.apis, snap.API(i))
		}
	}
	for i, in := range inClients {
		if keepClients[i] || in && api == "" {
			found.clients = append(found.clients, snap.Client(i))
		}
	}
	return found
}

// matching says which of n objects match a filter. The first of the texts is the label.
func matching(n int, filter string, texts func(i int) []string) []bool {
	in, s := make([]bool, n), search{Query: filter}
	for i := range n {
		of := texts(i)
		if filter != "" && of[0] == filter {
			clear(in)
			in[i] = true
			return in
		}
		in[i] = s.matches(of...)
	}
	return in
}

// readable reports whether a drawing of the part can be read.
func (s part) readable() bool {
	return len(s.apis) <= graph.MaxNodes && len(s.clients) <= graph.MaxNodes && len(s.auths) <= graph.MaxEdges
}

// document is the part as package graph takes it, with no more of an object than a drawing
// shows.
func (s part) document() *schema.Document {
	doc := new(schema.Document)
	for _, a := range s.apis {
		doc.APIs = append(doc.APIs, schema.API{Label: a.Label(), Name: a.Name(), Identifier: a.Identifier(), Metadata: a.Schema().Metadata})
	}
	for _, c := range s.clients {
		doc.Clients = append(doc.Clients, schema.Client{Label: c.Label(), Name: c.Name(), ClientID: c.ClientID(), Metadata: c.Schema().Metadata})
	}
	for _, auth := range s.auths {
		doc.Authorizations = append(doc.Authorizations, schema.Authorization{
			Label: auth.Label(), Client: auth.Client().Label(), API: auth.API().Label(), SubjectType: auth.SubjectType(), Scopes: auth.Scopes(), ExpiresAt: auth.ExpiresAt(),
		})
	}
	return doc
}

// A matrix has a row for each client and a column for each API, as many of both as a page
// shows, and in the cells how many scopes there are.
type matrix struct {
	search              // of the rows
	Columns    []column // those that most of the rows reach first
	Rows       []matrixRow
	AllColumns int    // that the rows reach
	FirstCol   int    // place of the first column, from 1
	Before     string // address of the columns before; "" for none
	After      string
	Alone      int // clients and APIs without an authorization, which have no row or column
}

// A column is an API.
type column struct{ Label, Name, Identifier string }

// maxHead is how many characters the head of a column has room for.
const maxHead = 20

// Head is the name of the column, or the label of one whose name would be cut: names of one
// family often begin alike.
func (c column) Head() string {
	if utf8.RuneCountInString(c.Name) > maxHead {
		return c.Label
	}
	return c.Name
}

// A matrixRow is a client with its cells, from left to right.
type matrixRow struct {
	Label, Name string
	Cells       []matrixCell
	Rest        int // empty columns behind the last cell
}

// A matrixCell says what a client may do on an API. Empty cells are counted and not kept:
// most of a matrix is empty.
type matrixCell struct {
	Skip  int    // empty columns before it
	Text  string // how many scopes
	Title string // their names
	Link  string
	Users bool
	Ended bool
}

// maxColumns is how many APIs a page of the matrix shows.
const maxColumns = 40

// newMatrix makes the page of the matrix that the address asks for.
func (p *page) newMatrix(of part) *matrix {
	m := &matrix{search: newSearch(p.r, "api", "client")}
	m.search.Query = "" // the filters are their own parameters
	holds, connected := map[int]bool{}, map[int]bool{}
	for _, auth := range of.auths {
		holds[auth.Client().Index()], connected[auth.API().Index()] = true, true
	}
	rows := slices.DeleteFunc(slices.Clone(of.clients), func(c snapshot.Client) bool { return !holds[c.Index()] })
	m.Alone = len(of.clients) - len(rows) + len(of.apis) - len(connected)
	from, to := m.cut(len(rows))
	rows = rows[from:to]

	// A column that none of these rows reaches would be empty. Those that many of them reach
	// come first: with thousands of APIs few readers look at the second page of columns.
	reached := map[int]int{} // by API: how many rows
	for _, c := range rows {
		for auth := range c.Authorizations() {
			if api := auth.API().Index(); connected[api] {
				reached[api]++
			}
		}
	}
	columns := slices.DeleteFunc(slices.Clone(of.apis), func(a snapshot.API) bool { return reached[a.Index()] == 0 })
	slices.SortStableFunc(columns, func(a, b snapshot.API) int { return reached[b.Index()] - reached[a.Index()] })
	m.AllColumns = len(columns)
	columns = m.cutColumns(p.r.URL.Query().Get("columns"), columns)
	at := map[int]int{}
	for i, api := range columns {
		m.Columns = append(m.Columns, column{api.Label(), api.Name(), api.Identifier()})
		at[api.Index()] = i
	}
	for _, c := range rows {
		m.Rows = append(m.Rows, p.newMatrixRow(c, at, len(columns)))
	}
	return m
}

// newMatrixRow is the row of a client; at are the places of the columns by API.
func (p *page) newMatrixRow(c snapshot.Client, at map[int]int, columns int) matrixRow {
	row := matrixRow{Label: c.Label(), Name: c.Name()}
	cells := map[int]*matrixCell{}
	for auth := range c.Authorizations() {
		i, shown := at[auth.API().Index()]
		if !shown {
			continue
		}
		if cells[i] == nil {
			cells[i] = new(matrixCell)
		}
		p.fillCell(cells[i], auth)
	}
	// Empty cells between two that are filled are one number, so a row takes as much room
	// as it has authorizations.
	next := 0
	for _, i := range slices.Sorted(maps.Keys(cells)) {
		cells[i].Skip = i - next
		row.Cells = append(row.Cells, *cells[i])
		next = i + 1
	}
	row.Rest = columns - next
	return row
}

// cutColumns returns the columns of the page that the address asks for, the nearest for one out
// of range, and notes the addresses of those beside them.
func (m *matrix) cutColumns(asked string, all []snapshot.API) []snapshot.API {
	n, _ := strconv.Atoi(asked)
	pages := max(1, (len(all)+maxColumns-1)/maxColumns)
	n = min(max(1, n), pages)
	to := func(n int) string { return m.link("columns", strconv.Itoa(n)) + "&page=" + strconv.Itoa(m.Page) }
	if n > 1 {
		m.Before = to(n - 1)
	}
	if n < pages {
		m.After = to(n + 1)
	}
	from := (n - 1) * maxColumns
	m.FirstCol = min(from+1, len(all))
	return all[from:min(len(all), from+maxColumns)]
}

// LastCol is the place of the last column shown.
func (m *matrix) LastCol() int { return m.FirstCol + len(m.Columns) - 1 }

// fillCell adds an authorization to a cell. A client may have one for itself and one for
// users.
func (p *page) fillCell(cell *matrixCell, auth snapshot.Authorization) {
	scopes := auth.Scopes()
	title := cmp.Or(strings.Join(scopes, ", "), "no scopes")
	text := strconv.Itoa(len(scopes))
	ended := hasEnded(auth, p.state.Now.Unix())
	if auth.SubjectType() == schema.SubjectUser {
		title, cell.Users = "for users: "+title, true
	}
	if ended {
		title += " (expired)"
	}
	if cell.Text == "" {
		cell.Text, cell.Title, cell.Ended = text, title, ended
		cell.Link = apiURL(auth.API().Label(), "clients") + "?q=" + template.URLQueryEscaper(auth.Client().Label())
		return
	}
	cell.Text, cell.Title, cell.Ended = cell.Text+"+"+text, cell.Title+"; "+title, cell.Ended && ended
}
