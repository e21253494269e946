package console

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"github.com/chromedp/chromedp"
)

// axe is axe-core, which npm has put beside the other strangers.
var axe = sync.OnceValues(func() (string, error) {
	source, err := os.ReadFile(root + "/.ci/e2e/node_modules/axe-core/axe.min.js")
	return string(source), err
})

// everything is axe's rules for WCAG 2.2 A and AA, and its best practices. The dark scheme changes
// nothing but colours, and so colours are what is looked at in it, unless there is time.
const (
	everything = `{ type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }`
	colours    = `{ type: "rule", values: ["color-contrast"] }`
)

// findings runs axe over the page as it is now. The page's policy does not hold what the browser's
// protocol evaluates.
const findings = `axe.run(document, { resultTypes: ["violations"], runOnly: %s }).then(({ violations }) => JSON.stringify(violations.map((v) => v.id + ", " + v.help + ": " + v.nodes.map((n) => n.html.slice(0, 160) + " (" + n.failureSummary.split("\n").slice(1).join(";").trim().slice(0, 200) + ")").join(" | "))))`

// soak is set where there is time for all of axe's rules, at all widths and in both schemes.
var soak = os.Getenv("WRIT_SOAK") == "1"

// stranger has axe look at the page, and reports what it finds.
func (b *tab) stranger(what string) {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		if os.Getenv("CI") == "true" {
			b.t.Fatal(err)
		}
		b.t.Logf("not asked: %v", err)
		return
	}
	rules := everything
	if !soak {
		// It takes a second, and these have the elements of a phone's and a laptop's page, or the
		// colours of a laptop's; our own audit is made.
		if b.pixels == 900 || b.pixels == 1600 || b.inDark && b.pixels == 400 {
			return
		}
		if b.inDark {
			rules = colours
		}
	}
	if !script[bool](b, `typeof axe === "object"`) {
		script[bool](b, source+";true")
	}
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(findings, rules), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: axe: %v\nat %s", what, err, b.where())
	}
	var all []string
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		b.t.Fatal(err)
	}
	for _, found := range all {
		b.t.Errorf("%s: axe: %s", what, found)
	}
}
