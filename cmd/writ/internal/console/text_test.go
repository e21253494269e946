package console_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every time on a page comes from the one helper: its text is in UTC and says so, the script
// puts it into the reader's zone, and its title is in UTC.
func TestTimesComeFromOneHelper(t *testing.T) {
	names, err := filepath.Glob("templates/*.html")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(content), "<time") || strings.Contains(string(content), ".Format") {
			t.Errorf("%s writes a time by itself: {{moment}} and {{since}} do", name)
		}
	}
	s := newSite(t, document(), false)
	for path, want := range map[string]string{
		"/console/clients/billing":     `<time datetime="2026-11-23T11:00:00Z" title="2026-11-23 11:00:00 UTC" data-local="minute">2026-11-23 11:00 UTC</time>`,
		"/console/apis/orders/clients": `<time datetime="2026-11-23T11:00:00Z" title="2026-11-23 11:00:00 UTC" data-local="day">2026-11-23</time>`,
		"/console/keys":                `<time datetime="2026-11-23T09:00:00Z" title="2026-11-23 09:00:00 UTC">3 hours ago</time>`,
	} {
		if page := s.page(t, path); !strings.Contains(page, want) {
			t.Errorf("%s lacks %s, and has %s", path, want, regexp.MustCompile(`<time.*?</time>`).FindAllString(page, -1))
		}
	}
}
