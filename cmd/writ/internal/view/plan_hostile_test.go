package view

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema"
)

// A hostileGrant is an authorization of some name for scopes of some names.
type hostileGrant struct {
	key    string // of for_each, as long as it likes
	scopes []string
}

// hostilePlan is the plan of a change by which one client gains the grants, each on
// an API of its own.
func hostilePlan(grants []hostileGrant) *compiler.Plan {
	client := schema.Client{
		Label: "billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
		Secrets: []schema.Secret{{Label: "s", Hash: "env:BILLING"}},
	}
	before, after := &schema.Document{Clients: []schema.Client{client}}, &schema.Document{Clients: []schema.Client{client}}
	for i, g := range grants {
		api := schema.API{Label: fmt.Sprintf("a%04d", i), Identifier: fmt.Sprintf("https://api.example.com/%d", i), TokenLifetime: 60}
		for _, s := range g.scopes {
			api.Scopes = append(api.Scopes, schema.Scope{Name: s})
		}
		before.APIs, after.APIs = append(before.APIs, api), append(after.APIs, api)
		authorization := schema.Authorization{
			Label: fmt.Sprintf("x[%q]", g.key), Client: client.Label, API: api.Label, SubjectType: schema.SubjectClient,
		}
		before.Authorizations = append(before.Authorizations, authorization)
		authorization.Scopes = g.scopes
		after.Authorizations = append(after.Authorizations, authorization)
	}
	for _, d := range []*schema.Document{before, after} {
		slices.SortFunc(d.Authorizations, func(a, b schema.Authorization) int { return strings.Compare(a.Label, b.Label) })
	}
	return compiler.PlanBetween(compiler.Prior{Document: before}, after, "sha256:next", time.Unix(1_800_000_000, 0))
}

// many makes grants, whose scopes are unique.
func many(n, scopes, keyLength, scopeLength int) []hostileGrant {
	grants := make([]hostileGrant, n)
	for i := range grants {
		grants[i].key = fmt.Sprintf("zz%s%04d", strings.Repeat("k", keyLength), i)
		for j := range scopes {
			grants[i].scopes = append(grants[i].scopes, fmt.Sprintf("%s%d:%d", strings.Repeat("s", scopeLength), i, j))
		}
	}
	return grants
}

var (
	incomplete   = regexp.MustCompile(`^\*\*This comment is not complete: .*; ` + "`writ plan --against git:main`" + ` prints all\.\*\* \*\*`)
	ofGains      = regexp.MustCompile(`(\d+) of (\d+) gains`)
	namesCut     = regexp.MustCompile(`\d+ names? cut short`)
	addressCount = regexp.MustCompile(`Access widens at (\d+) addresses`)
)

// TestNoGainIsHidden searches each comment for each gain: it is there, or the first
// lines say that the comment is not complete, and how many gains it shows.
func TestNoGainIsHidden(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	last := many(1, 230, 0, 270)
	last[0].scopes = append(last[0].scopes, "admin:all")
	sortedLast := many(60, 2, 10, 10)
	sortedLast[59] = hostileGrant{"zzzzzz", []string{"zzz:admin"}}
	marks := many(20, 3, 20, 5)
	for i := range marks {
		marks[i].scopes = append(marks[i].scopes, fmt.Sprintf("|<b>`|%d", i), fmt.Sprintf("<%d``x", i))
	}
	mixed := many(300, 0, 0, 0)
	for i := range mixed {
		mixed[i].key += strings.Repeat("-", random.IntN(200))
		for j := range random.IntN(40) {
			mixed[i].scopes = append(mixed[i].scopes, fmt.Sprintf("%s%d:%d", strings.Repeat("m", random.IntN(200)), i, j))
		}
		mixed[i].scopes = append(mixed[i].scopes, fmt.Sprintf("admin:%d", i))
	}
	for name, test := range map[string]struct {
		grants   []hostileGrant
		complete bool
		contains string
	}{
		"a few":                              {many(5, 3, 5, 5), true, "s1:2"},
		"an ordinary large change":           {many(50, 5, 10, 10), true, "s49:4"},
		"a hundred scopes":                   {many(1, 100, 10, 100), true, "s0:99"},
		"the last of 231 long scopes":        {last, false, "`admin:all`"},
		"a label that sorts last":            {sortedLast, true, "`zzz:admin`"},
		"names that mean something":          {marks, true, ""},
		"three hundred of long names":        {many(300, 1, 240, 250), false, ""},
		"three hundred of forty long scopes": {many(300, 40, 20, 100), false, ""},
		"a thousand short scopes in one":     {many(1, 999, 0, 0), true, "`0:998`"},
		"three hundred of whatever they are": {mixed, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			plan := hostilePlan(test.grants)
			comment := show(t, PlanMarkdown{Command: "writ plan --against git:main"}, plan)
			checkComment(t, plan, comment, test.complete)
			if !strings.Contains(comment, test.contains) {
				t.Errorf("the comment lacks %q", test.contains)
			}
			text := wordsOf(show(t, PlanText{}, plan))
			for _, gain := range gainsOf(plan) {
				if !text[gain] {
					t.Fatalf("the text lacks %q", gain)
				}
			}
		})
	}
}

// TestLimits: whatever the limit, a comment is no longer, counts what it leaves out, and
// closes what it opens.
func TestLimits(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	grants := many(300, 3, 100, 60)
	for i := range grants { // an author who hopes that what closes a block is cut off
		grants[i].scopes = append(grants[i].scopes, strings.Repeat("`", 1+random.IntN(200)))
	}
	r := &Review{
		Plan: hostilePlan(grants), Environment: "prod", Warning: strings.Repeat("A \"warning\" of some length. ", 10),
		Notes:  map[string][]Note{compiler.Address(compiler.KindAuthorization, fmt.Sprintf("x[%q]", grants[0].key)): {{Text: "Last used yesterday."}}},
		Guards: &Guards{Expectations: 1, Exercisable: 300},
	}
	for i := range 300 {
		r.Guards.Failed = append(r.Guards.Failed, Finding{Guard: fmt.Sprint("policy.p", i), Text: strings.Repeat("text ", 100)})
		r.Guards.Unexercised = append(r.Guards.Unexercised, fmt.Sprint("authorization.a", i))
		r.Checks = append(r.Checks, CheckResult{Check: fmt.Sprint("no-new-access=client:c", i), Counterexamples: []compiler.Counterexample{{Text: strings.Repeat("client.c may now. ", 20)}}})
	}
	for _, limit := range []int{0, MinMarkdownLimit, 5_000, 10_000, 30_000, 65_536, 1_000_000} {
		comment := render(t, PlanMarkdown{Command: "writ plan --against git:main", Limit: limit}, r)
		if most := max(limit, MinMarkdownLimit); limit > 0 && len(comment) > most || limit == 0 && len(comment) > MarkdownLimit {
			t.Errorf("limit %d: %d bytes", limit, len(comment))
		}
		if checkGains(t, r.Plan, comment, limit == 1_000_000); limit == 0 || limit >= MarkdownLimit {
			checkAddresses(t, r.Plan, strings.Split(comment, "\n"))
		}
		if opened, closed := strings.Count(comment, "\n<details>"), strings.Count(comment, "\n</details>\n"); opened != closed {
			t.Errorf("limit %d: %d folds are opened, and %d closed", limit, opened, closed)
		}
	}
}

func gainsOf(p *compiler.Plan) []string {
	var gains []string
	for _, a := range p.Access {
		gains = append(gains, a.Gained...)
	}
	return gains
}

// wordsOf is everything between spaces, commas and the marks of code.
func wordsOf(text string) map[string]bool {
	words := make(map[string]bool)
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == ',' || r == '\n' }) {
		words[word] = true
		words[strings.Trim(word, "`")] = true
	}
	return words
}

func checkComment(t *testing.T, plan *compiler.Plan, comment string, complete bool) {
	t.Helper()
	if len(comment) > 65_536 {
		t.Errorf("%d bytes", len(comment))
	}
	checkGains(t, plan, comment, complete)
	checkAddresses(t, plan, strings.Split(comment, "\n"))
}

// checkGains: a comment that is not complete says so in the first line that a person sees
// below the heading, with the number of gains that are there; in any other each gain is there.
func checkGains(t *testing.T, plan *compiler.Plan, comment string, complete bool) {
	t.Helper()
	lines := strings.Split(comment, "\n")
	banner := lines[3]
	if incomplete.MatchString(banner) == complete || strings.Contains(strings.Join(lines[4:], "\n"), "not complete") {
		t.Errorf("complete: %v; the first lines are\n%.400s", complete, strings.Join(lines[:6], "\n"))
	}
	found, gains := 0, gainsOf(plan)
	words := wordsOf(strings.ReplaceAll(comment, `\|`, "|"))
	for _, gain := range gains {
		if words[gain] {
			found++
		} else if complete {
			t.Errorf("%q is not there", gain)
		}
	}
	if said := ofGains.FindStringSubmatch(banner); said != nil {
		if shown, _ := strconv.Atoi(said[1]); said[2] != strconv.Itoa(len(gains)) || shown > found {
			t.Errorf("the banner says %q; there are %d of %d", said[0], found, len(gains))
		}
	} else if found < len(gains) {
		t.Errorf("%d of %d gains are there, and the banner says %q", found, len(gains), banner)
	}
}

// checkAddresses: of up to three hundred changes that widen, each address is there
// before any detail, cut in its middle at most.
func checkAddresses(t *testing.T, plan *compiler.Plan, lines []string) {
	t.Helper()
	banner := lines[3]
	for _, line := range lines {
		said := addressCount.FindStringSubmatch(line)
		switch {
		case strings.HasPrefix(line, "#### "):
			if meaningOf(&Review{Plan: plan}).moreThanAScreen() {
				t.Errorf("details come before the addresses of %d changes", plan.Summary.Widen)
			}
			return
		case said == nil:
			continue
		case said[1] != strconv.Itoa(plan.Summary.Widen) || strings.Count(line, "`, `") != plan.Summary.Widen-1:
			t.Errorf("%d changes widen: %.200s", plan.Summary.Widen, line)
		case strings.Contains(line, "…") && !namesCut.MatchString(banner):
			t.Errorf("names are cut, and the banner says %q", banner)
		}
		return
	}
}

// TestNoRightIsHidden searches each comment for each right: a client, an API and a scope, or
// tokens without any, in one line. Many clients have scopes of the same names here, on the
// same APIs and on others, so that a name which is there once says nothing of the others.
func TestNoRightIsHidden(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, size := range []struct{ clients, apis, scopes, percent int }{
		{3, 3, 3, 60}, {12, 4, 5, 50}, {40, 2, 1, 90}, {300, 1, 2, 100}, {300, 3, 12, 30}, {60, 60, 20, 10}, {300, 30, 40, 40},
	} {
		plan := sharedPlan(random, size.clients, size.apis, size.scopes, size.percent)
		for _, limit := range []int{0, 10_000} {
			comment := render(t, PlanMarkdown{Command: "writ plan --against git:main", Limit: limit}, &Review{Plan: plan})
			lines := rightLines(comment)
			found, rights := 0, 0
			for _, a := range plan.Access {
				scopes := a.Gained
				if len(scopes) == 0 {
					scopes = []string{"without"} // "tokens without scopes"
				}
				for _, scope := range scopes {
					rights++
					if lines["client."+a.Client+" api."+a.API+" "+scope] {
						found++
					}
				}
			}
			banner := strings.Split(comment, "\n")[3]
			said := ofGains.FindStringSubmatch(banner)
			switch {
			case said == nil && found < rights:
				t.Errorf("%+v, limit %d: %d of %d rights are there, and the first line says %.200q", size, limit, found, rights, banner)
			case said != nil:
				if shown, _ := strconv.Atoi(said[1]); said[2] != strconv.Itoa(rights) || shown > found {
					t.Errorf("%+v, limit %d: the first line says %q; there are %d of %d", size, limit, said[0], found, rights)
				}
			}
		}
	}
}

// sharedPlan is the plan of a change by which clients gain random scopes on APIs that all
// have the same scopes.
func sharedPlan(random *rand.Rand, clients, apis, scopes, percent int) *compiler.Plan {
	before, after := &schema.Document{}, &schema.Document{}
	for i := range apis {
		api := schema.API{Label: fmt.Sprintf("a%03d", i), Identifier: fmt.Sprintf("https://api.example.com/%d", i), TokenLifetime: 60}
		for j := range scopes {
			api.Scopes = append(api.Scopes, schema.Scope{Name: fmt.Sprintf("s%d", j), Sensitive: j == 1})
		}
		before.APIs, after.APIs = append(before.APIs, api), append(after.APIs, api)
	}
	for i := range clients {
		client := schema.Client{
			Label: fmt.Sprintf("c%03d", i), ClientID: fmt.Sprintf("c%03d", i), GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "s", Hash: "env:S"}},
		}
		before.Clients, after.Clients = append(before.Clients, client), append(after.Clients, client)
		for j := range apis {
			if random.IntN(100) >= percent {
				continue
			}
			authorization := schema.Authorization{Label: fmt.Sprintf("z%03d-%03d", i, j), Client: client.Label, API: after.APIs[j].Label, SubjectType: schema.SubjectClient}
			for k := range scopes {
				if random.IntN(100) < percent {
					authorization.Scopes = append(authorization.Scopes, fmt.Sprintf("s%d", k))
				}
			}
			after.Authorizations = append(after.Authorizations, authorization)
		}
	}
	return compiler.PlanBetween(compiler.Prior{Document: before}, after, "sha256:next", time.Unix(1_800_000_000, 0))
}

// rightLines are the rights that lines of a comment name: "client.c api.a scope".
func rightLines(comment string) map[string]bool {
	rights := map[string]bool{}
	for line := range strings.Lines(comment) {
		if !strings.HasPrefix(line, "- ") {
			continue
		}
		var clients, apis, rest []string
		for _, word := range strings.FieldsFunc(line, func(r rune) bool { return strings.ContainsRune(" ,:;()`*\n", r) }) {
			switch {
			case strings.HasPrefix(word, "client."):
				clients = append(clients, word)
			case strings.HasPrefix(word, "api."):
				apis = append(apis, word)
			default:
				rest = append(rest, word)
			}
		}
		for _, client := range clients {
			for _, api := range apis {
				for _, word := range rest {
					rights[client+" "+api+" "+word] = true
				}
			}
		}
	}
	return rights
}

// TestLongCommandStaysOut: the comment has a length that flags cannot burst.
func TestLongCommandStaysOut(t *testing.T) {
	comment := show(t, PlanMarkdown{Command: "writ plan --var x=" + strings.Repeat("y", 70_000)}, hostilePlan(many(300, 5, 20, 100)))
	if len(comment) > 65_536 || !strings.Contains(comment, "`writ plan` with the same flags prints all.") {
		t.Errorf("%d bytes: %.300s", len(comment), comment)
	}
}
