package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/compiler"
)

// A clocked is a configuration in a folder of its own, under a clock that the
// test moves.
type clocked struct {
	t   *testing.T
	dir string
	now time.Time
}

func newClocked(t *testing.T) *clocked {
	return &clocked{t: t, dir: t.TempDir(), now: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)}
}

// write replaces the configuration: tokens of that lifetime, and what more.
func (c *clocked) write(lifetime, more string) {
	c.t.Helper()
	config := `issuer { url = "https://auth.example.com/" }
api "orders" {
  identifier     = "https://api.example.com/orders"
  token_lifetime = "` + lifetime + `"
  scope "read:orders" {}
}
client "billing" {
  secret "s" { hash = "env:BILLING" }
}
` + more
	if err := os.WriteFile(filepath.Join(c.dir, "main.hcl"), []byte(config), 0o600); err != nil {
		c.t.Fatal(err)
	}
}

const billingReads = `
authorization "billing-reads" {
  client = client.billing
  api    = api.orders
  scopes = ["read:orders"]
}
`

// writ runs a command and returns what it printed and said.
func (c *clocked) writ(want int, args ...string) string {
	c.t.Helper()
	out, said := c.run(want, args...)
	return out + said
}

func (c *clocked) run(want int, args ...string) (out, said string) {
	c.t.Helper()
	streams, printed, complaints := testStdio()
	streams.Now = func() time.Time { return c.now }
	if code := run(c.t.Context(), append(args, "-C", c.dir), streams); code != want {
		c.t.Fatalf("writ %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), code, want, printed, complaints)
	}
	return printed.String(), complaints.String()
}

func (c *clocked) plan() *compiler.Plan {
	c.t.Helper()
	var p compiler.Plan
	out, _ := c.run(0, "plan", "--json")
	if err := json.Unmarshal([]byte(out), &p); err != nil {
		c.t.Fatal(err)
	}
	return &p
}

// TestEarlierLifetimeIsTold: a lifetime of a day, shortened, then the authorization
// removed. The snapshot remembers the day until it has passed, over other applies
// and a rollback.
func TestEarlierLifetimeIsTold(t *testing.T) {
	c := newClocked(t)
	c.write("24h", billingReads)
	c.writ(0, "apply", "--auto-approve")
	old := filepath.Join(c.dir, "old.snapshot")
	c.copy("writ.snapshot", old)
	c.now = c.now.Add(time.Hour)
	c.write("10m", billingReads)
	c.writ(0, "apply", "--auto-approve")

	c.write("10m", "")
	c.now = c.now.Add(90 * time.Minute)
	if out := c.writ(0, "plan"); !strings.Contains(out, "had read:orders (tokens already issued stay valid for up to 22h30m)") {
		t.Errorf("an hour and a half after the shortening:\n%s", out)
	}
	before := c.now
	c.now = c.now.Add(24 * time.Hour)
	if out := c.writ(0, "plan"); !strings.Contains(out, "had read:orders (tokens already issued stay valid for up to 10m)") {
		t.Errorf("a day later:\n%s", out)
	}

	c.now = before
	c.writ(0, "apply", "--auto-approve") // the removal
	c.now = c.now.Add(30 * time.Minute)
	c.writ(0, "rollback", "--auto-approve", old) // to a day
	c.write("10m", billingReads)
	c.writ(0, "apply", "--auto-approve") // and back to ten minutes
	c.write("10m", "")
	if p := c.plan(); len(p.Access) != 1 || p.Access[0].ValidUntilMax != 24*3600 {
		t.Errorf("after a rollback: %+v", p.Access)
	}
}

// TestRollbackRemembers: what the rollback itself ends is remembered, too.
func TestRollbackRemembers(t *testing.T) {
	c := newClocked(t)
	c.write("10m", "")
	c.writ(0, "apply", "--auto-approve")
	old := filepath.Join(c.dir, "old.snapshot")
	c.copy("writ.snapshot", old)
	c.write("24h", billingReads)
	c.writ(0, "apply", "--auto-approve")
	c.writ(0, "rollback", "--auto-approve", old)
	c.write("10m", billingReads)
	c.writ(0, "apply", "--auto-approve")
	c.write("10m", "")
	c.now = c.now.Add(time.Hour)
	if p := c.plan(); len(p.Access) != 1 || p.Access[0].ValidUntilMax != 23*3600 {
		t.Errorf("after a rollback: %+v", p.Access)
	}
}

func (c *clocked) copy(from, to string) {
	c.t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, from))
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// TestSavedPlanKeeps: time alone makes no saved plan stale, not even where access
// begins or ends meanwhile, or lifetimes of the past run out.
func TestSavedPlanKeeps(t *testing.T) {
	c := newClocked(t)
	c.write("24h", billingReads)
	c.writ(0, "apply", "--auto-approve")
	c.write("10m", billingReads)
	c.writ(0, "apply", "--auto-approve")
	c.write("10m", `
authorization "billing-reads" {
  client     = client.billing
  api        = api.orders
  scopes     = []
  expires_at = "2026-11-29T13:00:00Z"
}
`)
	saved := filepath.Join(c.dir, "saved.plan")
	c.writ(0, "plan", "--out", saved)
	c.now = c.now.Add(3 * time.Hour)
	if out := c.writ(0, "apply", saved); !strings.Contains(out, "Applied serial 3") {
		t.Errorf("three hours later:\n%s", out)
	}
}

// TestPlanOfTheFutureIsRefused: as of a later time, what is gained until then
// would not be shown.
func TestPlanOfTheFutureIsRefused(t *testing.T) {
	c := newClocked(t)
	c.write("24h", strings.Replace(billingReads, "\n}", "\n  expires_at = \"2027-01-01T00:00:00Z\"\n}", 1))
	c.now = c.now.AddDate(1, 0, 0)
	saved := filepath.Join(c.dir, "saved.plan")
	c.writ(0, "plan", "--out", saved)
	c.now = c.now.AddDate(-1, 0, 0)
	if out := c.writ(1, "apply", saved); !strings.Contains(out, "plan-invalid") || !strings.Contains(out, "2027-11-29T12:00:00Z") {
		t.Errorf("applied, or not explained:\n%s", out)
	}
	c.now = c.now.AddDate(1, 0, 0).Add(-4 * time.Minute)
	c.writ(0, "apply", saved)
}
