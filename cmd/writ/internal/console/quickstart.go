package console

import (
	"html/template"
	"net/http"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/quickstart"
)

// quickstartPage is the way from nothing to a request that the API's own code answers, with
// one target among all of them.
type quickstartPage struct {
	Groups []targetGroup
	Target quickstart.Target
	Issuer string
	Reason string // why this target cannot verify the API's tokens; "" when it can
	Steps  quickstart.Steps
	Files  []codeFile // the guard first
	Caller *snapshot.Client
	Shared bool // the API's code needs the secret that signs
}

// A codeFile is one file of a target, with its colours.
type codeFile struct {
	Name  string
	Guard bool // what an API of one's own takes over
	Code  template.HTML
}

// A targetGroup is a language, or the gateways: a tile. It leads to its first target that
// can verify the API's tokens.
type targetGroup struct {
	Name     string
	First    string
	Selected bool
	Targets  []targetLink
}

// A targetLink is a target to choose.
type targetLink struct {
	quickstart.Target
	Selected, Unsupported bool
}

// langCookie remembers the target that was chosen last, for every API of every console on
// this host. It holds the name of a target and nothing else, and one that is not known is
// ignored.
const langCookie = "writ_lang"

// quickstart shows the code of the target in ?lang=, of the one that was chosen last, or of
// the first one.
func (p *page) quickstart(v apiView, of snapshot.API) {
	declared := of.Schema()
	api := quickstart.Of(p.state.Snapshot.Issuer().URL, &declared)
	target, ok := p.chosenTarget(api)
	if !ok {
		p.notFound("There is no quickstart of this name.", apiURL(v.Label, ""))
		return
	}
	body := quickstartPage{Groups: targetGroups(api, target.Name), Target: target, Issuer: api.Issuer, Caller: p.firstCaller(of), Shared: of.Alg() == schema.HS256}
	files, err := target.Files(api)
	if err == nil {
		body.Steps, err = target.Steps(api)
	}
	if err != nil {
		body.Reason = err.Error()
	}
	// The guard comes first: it is what a reader copies, and the rest shows it at work.
	for _, guards := range []bool{true, false} {
		for _, f := range files {
			if f.IsGuard() == guards {
				body.Files = append(body.Files, codeFile{f.Name, guards, highlight(f.Language, f.Content, api.Issuer, api.Identifier)})
			}
		}
	}
	p.showTab(v, body)
}

// chosenTarget is the target that the page shows; ok is false for a name that is none. A
// choice is remembered in a cookie. Where the remembered target cannot verify the API's
// tokens, another one of its language stands in.
func (p *page) chosenTarget(api quickstart.API) (target quickstart.Target, ok bool) {
	if lang := p.r.URL.Query().Get("lang"); lang != "" {
		if target, ok = quickstart.Find(lang); ok {
			http.SetCookie(p.w, &http.Cookie{Name: langCookie, Value: target.Name, Path: Path, MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}
		return target, ok
	}
	all := quickstart.Targets()
	target = all[0]
	if cookie, err := p.r.Cookie(langCookie); err == nil {
		if remembered, ok := quickstart.Find(cookie.Value); ok {
			target = remembered
		}
	}
	if target.Supports(api) == nil {
		return target, true
	}
	for _, t := range all {
		if t.Group == target.Group && t.Supports(api) == nil {
			return t, true
		}
	}
	return target, true
}

// targetGroups are all targets by language, in the order of package quickstart, where those
// of one language are neighbours.
func targetGroups(api quickstart.API, selected string) []targetGroup {
	var groups []targetGroup
	for _, t := range quickstart.Targets() {
		if len(groups) == 0 || groups[len(groups)-1].Name != t.Group {
			groups = append(groups, targetGroup{Name: t.Group, First: t.Name})
		}
		// The tile leads to its first target that can verify these tokens, or else to its
		// first.
		g, unsupported := &groups[len(groups)-1], t.Supports(api) != nil
		if first := g.Targets; !unsupported && len(first) > 0 && first[0].Unsupported && g.First == first[0].Name {
			g.First = t.Name
		}
		g.Selected = g.Selected || t.Name == selected
		g.Targets = append(g.Targets, targetLink{t, t.Name == selected, unsupported})
	}
	return groups
}

// firstCaller is the first client that can get a token of the API for itself from the Test
// page; else the first that is authorized; nil: none is.
func (p *page) firstCaller(api snapshot.API) *snapshot.Client {
	var first *snapshot.Client
	for auth := range api.Authorizations() {
		client := auth.Client()
		switch {
		case auth.SubjectType() == schema.SubjectUser || hasEnded(auth, p.state.Now.Unix()):
		case p.obstacle(client, auth) == "":
			return &client
		case first == nil:
			first = &client
		}
	}
	return first
}
