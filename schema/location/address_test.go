package location_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/location"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"writ.snapshot":         `"writ.snapshot"`,
		"/var/lib/a b/snapshot": `"/var/lib/a b/snapshot"`,
		"c:/writ.snapshot":      `"c:/writ.snapshot"`,

		"https://host/s3cr3t/writ.snapshot?sig=s3cr3t#s3cr3t": "https://host/...",
		"https://u:s3cr3t@host:8443/writ.snapshot":            "https://host:8443/...",
		"http://localhost:8080/writ.snapshot":                 "http://localhost:8080/...",
		"http://[::1]/writ.snapshot":                          "http://[::1]/...",

		"oci://ghcr.io/acme/writ:prod":       "oci://ghcr.io/acme/writ:prod",
		"oci://ghcr.io/acme/writ":            "oci://ghcr.io/acme/writ:latest",
		"oci://localhost:5000/a/b__c/d-e.f":  "oci://localhost:5000/a/b__c/d-e.f:latest",
		"oci://[::1]:5000/writ:Prod_1.2-eu":  "oci://[::1]:5000/writ:Prod_1.2-eu",
		"nats://host/writ/prod":              "nats://host/writ/prod",
		"nats://t0ken-s3cr3t@h:4222,i/b/n.m": "nats://h:4222,nats://i/b/n.m",
		"tls://u:s3cr3t@h/b/n?replicas=1":    "tls://h/b/n?replicas=1",
	} {
		a, err := location.Parse(text)
		if err != nil || a.String() != want {
			t.Errorf("%q: %q, %v", text, a, err)
		}
		path, isFile := a.IsFile()
		if isFile != !strings.Contains(text, "://") || isFile && path != text || a.Writable() == strings.HasPrefix(text, "http") {
			t.Errorf("%q: file %q, %v, writable %v", text, path, isFile, a.Writable())
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, says := range map[string]string{
		"":                       "empty",
		"a\nb":                   "control characters",
		"ftp://u:s3cr3t@host/x":  "begins with https://",
		"file:///writ.snapshot":  "without file://",
		"https:///s3cr3t":        "not https://HOST/PATH",
		"https://ho st/s3cr3t":   "not https://HOST/PATH",
		"http://host/s3cr3t":     "loopback addresses only",
		"oci://u:s3cr3t@host/r":  "docker login",
		"oci://host/r@sha256:00": "not a digest",
		"oci://host":             "is no repository",
		"oci:///r":               "not oci://REGISTRY",
		"oci://host/Upper":       "is no repository",
		"oci://host/r:":          "is no tag",
		"oci://host/r:.t":        "is no tag",
		"oci://host/r:" + strings.Repeat("t", 101): "is no tag",
		"nats://host":               "not nats://HOST",
		"nats://host/bucket":        "not nats://HOST",
		"nats:///bucket/name":       "not nats://HOST",
		"nats://h,u:s3cr3t@i/b/n":   "for the first server",
		"nats://u:s3cr3t@h:x/b/n":   "server 1",
		"nats://h/b*/n":             "bucket",
		"nats://h/b/n/m":            "name",
		"nats://h/b/.n":             "name",
		"nats://h/b/n?replicas=7":   "between 1 and 5",
		"nats://h/b/n?token=s3cr3t": "one parameter",
		"nats://h/b/n?s3cr3t=%zz":   "name=value",
	} {
		a, err := location.Parse(text)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("%q: %q, %v, want %q", text, a, err, says)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"writ.snapshot", "https://u:p@h/p?q", "oci://h:5000/r:t", "nats://u:p@h,i/b/n?replicas=3", "http://localhost", "oci://[::1]/a"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := location.Parse(text)
		if err != nil {
			return
		}
		l, err := location.Open(a, location.Options{NATSCredentials: "/nonexistent"}) // so that no connection is made
		if err != nil {
			return
		}
		if l.String() != a.String() {
			t.Errorf("%q and %q", l, a)
		}
		l.Close()
	})
}
