package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// apiForm is the form that puts an API of that number into the shared file.
func apiForm(n int) url.Values {
	return url.Values{"name": {fmt.Sprintf("Api %d", n)}, "identifier": {fmt.Sprintf("urn:api:%d", n)}, "file": {"shared.hcl"}, "action": {"show"}}
}

// A hundred edits of one file by the page and by an editor, in turn and at every moment of the
// page's way: before it shows the difference, between that and its writing, and after. What
// either has written is there at the end, except what the page has taken back.
func TestHammeredInTurn(t *testing.T) {
	b := newWorkbench(t, "", map[string]string{"main.hcl": "issuer {\n  url = \"https://auth.example.com/\"\n}\n", "shared.hcl": "# shared\n"})
	random := rand.New(rand.NewPCG(1, 2))
	var want []string // in the file at the end
	edits := 0
	edit := func() {
		line := fmt.Sprintf("# by the editor: %03d.", edits)
		b.put("shared.hcl", b.file("shared.hcl")+line+"\n")
		want = append(want, line)
		edits++
	}
	for n := 0; edits < 100; n++ {
		v, moment := apiForm(n), random.IntN(5)
		if moment == 0 {
			edit()
		}
		m := seenPattern.FindStringSubmatch(request(b.pages, http.MethodPost, "/console/apis/new", v).Body.String())
		if m == nil {
			t.Fatalf("edit %d is refused", edits)
		}
		v.Set("seen", m[1])
		v.Set("action", "write")
		status := http.StatusSeeOther
		if moment == 1 {
			edit()
			status = http.StatusConflict
		}
		w := request(b.pages, http.MethodPost, "/console/apis/new", v)
		if w.Code != status {
			t.Fatalf("at moment %d: %d %s", moment, w.Code, w.Body)
		}
		if status == http.StatusConflict {
			continue
		}
		edits++
		if moment == 2 {
			edit()
		}
		if moment < 3 {
			want = append(want, fmt.Sprintf(`"urn:api:%d"`, n))
			continue
		}
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil {
			t.Fatal(err)
		}
		undo := url.Values{"id": {to.Query().Get("wrote")}}
		if status = http.StatusSeeOther; moment == 4 {
			edit()
			status = http.StatusConflict
			want = append(want, fmt.Sprintf(`"urn:api:%d"`, n))
		}
		if w := request(b.pages, http.MethodPost, "/console/undo", undo); w.Code != status {
			t.Fatalf("undo at moment %d: %d %s", moment, w.Code, w.Body)
		}
		edits++
	}
	got := b.file("shared.hcl")
	for _, line := range want {
		if strings.Count(got, line) != 1 {
			t.Errorf("%s stands there %d times", line, strings.Count(got, line))
		}
	}
	if n := strings.Count(got, `"urn:api:`) + strings.Count(got, "# by the editor"); n != len(want) {
		t.Errorf("%d edits are there, want %d", n, len(want))
	}
	b.validates()
}

// Several browsers write one file at once. Each takes what it is shown for what it writes over,
// looks again when that was no longer so, and in the end all that was written is there.
func TestHammeredTogether(t *testing.T) {
	b := newWorkbench(t, "", map[string]string{"main.hcl": "issuer {\n  url = \"https://auth.example.com/\"\n}\n", "shared.hcl": "# shared\n"})
	const browsers, each = 5, 6
	var all sync.WaitGroup
	for browser := range browsers {
		all.Go(func() {
			for n := browser * each; n < (browser+1)*each; n++ {
				for tries := 0; ; tries++ {
					v := apiForm(n)
					m := seenPattern.FindStringSubmatch(request(b.pages, http.MethodPost, "/console/apis/new", v).Body.String())
					if m == nil {
						continue // the file changed between being compiled and being looked at
					}
					v.Set("seen", m[1])
					v.Set("action", "write")
					if w := request(b.pages, http.MethodPost, "/console/apis/new", v); w.Code == http.StatusSeeOther {
						break
					} else if w.Code != http.StatusConflict && w.Code != http.StatusUnprocessableEntity || tries > 1000 {
						t.Errorf("%d: %d %s", n, w.Code, w.Body)
						return
					}
				}
			}
		})
	}
	all.Wait()
	got := b.file("shared.hcl")
	for n := range browsers * each {
		if !strings.Contains(got, fmt.Sprintf("%q", fmt.Sprintf("urn:api:%d", n))) {
			t.Errorf("api %d is lost", n)
		}
	}
	b.validates()
}
