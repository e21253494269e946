package location_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/writ-auth/writ/schema/location"
)

// records are those of a roster, in order.
func records(t *testing.T, r *location.Roster) (all []string) {
	t.Helper()
	for record, err := range r.Records(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(record))
	}
	slices.Sort(all)
	return all
}

// Each location has a roster of its own, on which an instance stands once and not for
// ever.
func TestRoster(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, nil)
	roster := func(name string) *location.Roster {
		return location.RosterOf(open(t, "nats://u:s3cr3t@"+c.hosts()+"/writ/"+name+"?replicas=1", location.Options{}))
	}
	prod, eu := roster("prod"), roster("prod.eu")
	if got := records(t, prod); got != nil {
		t.Errorf("before anybody kept a record: %q", got)
	}
	keep := func(r *location.Roster, instance, record string) {
		t.Helper()
		if err := r.Keep(t.Context(), instance, []byte(record)); err != nil {
			t.Fatal(err)
		}
	}
	keep(prod, "a", "old")
	keep(prod, "a", "a")
	keep(prod, "b.example-1", "b")
	keep(eu, "a", "eu")
	if got := records(t, prod); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("prod: %q", got)
	}
	if err := prod.Remove(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if got := records(t, prod); !slices.Equal(got, []string{"b"}) {
		t.Errorf("prod, of which one was removed: %q", got)
	}
	if got := records(t, eu); !slices.Equal(got, []string{"eu"}) {
		t.Errorf("prod.eu: %q", got)
	}
	js := c.client(t)
	stream, err := js.Stream(t.Context(), "KV_writ-fleet")
	if err != nil || stream.CachedInfo().Config.MaxAge != location.RecordLifetime {
		t.Errorf("records do not expire: %v", err)
	}
	if err := js.DeleteKeyValue(t.Context(), "writ-fleet"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bucket is not made again", func() bool { return eu.Keep(t.Context(), "a", []byte("again")) == nil })
	if err := prod.Keep(t.Context(), "a", make([]byte, 1<<20)); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Errorf("a long record: %v", err)
	}
	if strings.Contains(prod.String(), "s3cr3t") || location.RosterOf(open(t, "file", location.Options{})) != nil {
		t.Errorf("%s, or a file has a roster", prod)
	}
}

// Who may not make the bucket, or not write there, is told so in time.
func TestRosterForbidden(t *testing.T) {
	t.Parallel()
	c := startNATS(t, 1, func(o *server.Options) {
		o.Users = []*server.User{
			{Username: "reader", Password: "s3cr3t", Permissions: &server.Permissions{
				Publish:   &server.SubjectPermission{Deny: []string{"$JS.API.STREAM.CREATE.>"}},
				Subscribe: &server.SubjectPermission{Allow: []string{">"}},
			}},
		}
	})
	l := open(t, "nats://reader:s3cr3t@"+c.hosts()+"/writ/prod?replicas=1", location.Options{})
	err := location.RosterOf(l).Keep(t.Context(), "a", []byte("a"))
	if err == nil || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), `keep a record in bucket "writ-fleet" beside nats://`) ||
		!strings.Contains(err.Error(), `Permissions Violation for Publish to "$JS.API.STREAM.CREATE.KV_writ-fleet"`) {
		t.Errorf("%v", err)
	}
}
