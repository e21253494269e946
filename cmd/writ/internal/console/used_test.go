package console_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/cmd/writ/internal/usage"
)

// When an authorization and a credential were last used stands beside each, and that it was not
// only for the time of the logs.
func TestLastUsed(t *testing.T) {
	s := newSite(t, document(), false)
	for _, path := range []string{"/console/apis/orders/clients", "/console/clients/billing"} {
		if body := s.page(t, path); strings.Contains(body, "used yesterday") || strings.Contains(body, "since the logs begin") {
			t.Errorf("%s: something is said of logs that there are not", path)
		}
	}
	at := func(hours int64) usage.Time { return usage.Time(noon.Unix() - hours*3600) }
	f := usage.New()
	f.Lines, f.From, f.To = 1300, at(24*80), at(1)
	day := int32(int64(at(24)) / 86400)
	f.Authorizations["billing-orders"] = &usage.Authorization{Tally: usage.Tally{First: f.From, Last: at(24), Count: 5000, Days: usage.Days{{Day: day, Count: 1204}}}}
	f.Credentials["billing"] = map[string]*usage.Tally{"secret.a": {First: f.From, Last: at(24 * 70), Count: 1}}
	s.state.Usage = f
	for path, words := range map[string][]string{
		"/console/apis/orders/clients": {"last used yesterday, 1,204 tokens in 7 days", "not used since the logs begin (2026-09-04)"},
		"/console/clients/billing":     {"last used yesterday, 1,204 tokens in 7 days", "last used on 2026-09-14, 1 request in all", "not used since the logs begin (2026-09-04)"},
	} {
		body := s.page(t, path)
		for _, w := range words {
			if !strings.Contains(body, w) {
				t.Errorf("%s: %q is not on the page", path, w)
			}
		}
		checkMarkup(t, path, body)
	}
	s.state.Usage, s.state.UsageProblem = nil, `"writ.usage.json" is <broken>`
	for _, path := range []string{"/console/apis/orders/clients", "/console/clients/billing"} {
		if body := s.page(t, path); !strings.Contains(body, "cannot be said: &#34;writ.usage.json&#34; is &lt;broken&gt;.") {
			t.Errorf("%s: no word of the file", path)
		}
	}
}
