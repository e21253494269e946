package console_test

import (
	"html/template"
	"strings"
	"testing"
)

// The environment colours the frame by what a mistake there would cost, and is named beside
// the issuer; what is shown of it can be copied.
func TestFrame(t *testing.T) {
	for name, kind := range map[string]string{
		"dev": "dev", "development": "dev", "local": "dev", "staging": "staging", "eu-staging": "staging", "preprod": "staging", "non-prod": "staging",
		"prod": "prod", "production": "prod", "eu-prod-1": "prod", "live": "prod", "blue": "other", "<b>prod": "prod",
	} {
		doc := document()
		doc.Issuer.Environment = name
		page := newSite(t, doc, false).page(t, "/console/keys")
		if !strings.Contains(page, ` data-environment="`+kind+`"`) || !strings.Contains(page, `<span class="environment">`+template.HTMLEscapeString(name)+`</span><span class="sr">, </span><span class="sr">issuer </span><span class="issuer">https://auth.example.com/</span>`) {
			t.Errorf("%q is not %s:\n%s", name, kind, page[:2000])
		}
	}
	doc := document()
	doc.Issuer.Environment = ""
	s := newSite(t, doc, false)
	s.state.Revision = strings.Repeat("ab", 20)
	page := s.page(t, "/console/")
	for _, want := range []string{
		`popovertarget="about"`, `data-copy-text="` + s.state.Digest + `"`, `data-copy-text="` + s.state.Revision + `"`, `>abababababab</span>`, `data-copy-text="3"`, `data-copy-text="https://auth.example.com/"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is not on the page", want)
		}
	}
	if strings.Contains(page, "data-environment") {
		t.Error("no environment has a colour")
	}
	if page := newSite(t, nil, false).page(t, "/console/"); strings.Contains(page, "popover") {
		t.Error("without a snapshot there is a button about it")
	}
}
