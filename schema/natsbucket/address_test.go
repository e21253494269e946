package natsbucket

import (
	"strings"
	"testing"
	"time"
)

func TestParseRefuses(t *testing.T) {
	const secret = "s3cr3t"
	for text, want := range map[string]string{
		"":                                  "begins with nats://",
		"http://host":                       "begins with nats://",
		"host:4222":                         "begins with nats://",
		"nats://":                           "server 1",
		"nats:///bucket":                    "server 1",
		"nats://host,":                      "server 2",
		"nats://host:port":                  "server 1",
		"nats://host/bucket":                "server 1",
		"nats://host#x":                     "server 1",
		"nats://a:s3cr3t@host:x":            "server 1",
		"nats://a:s3cr3t%zz@host":           "server 1",
		"nats://host,b:s3cr3t@host2":        "for the first server",
		"nats://host?bucket=":               "bucket",
		"nats://host?bucket=a.b":            "bucket",
		"nats://host?bucket=a&bucket=b":     "twice",
		"nats://host?replicas=0":            "replicas",
		"nats://host?replicas=6":            "replicas",
		"nats://host?replicas=three":        "replicas",
		"nats://host?timeout=1":             "timeout",
		"nats://host?timeout=1ms":           "timeout",
		"nats://host?timeout=1h":            "timeout",
		"nats://host?creds=s3cr3t":          "one of bucket, replicas, timeout",
		"nats://a:s3cr3t@host?bucket=%zz":   "name=value",
		"nats://a:s3cr3t@host?replicas=333": "replicas",
	} {
		a, err := Parse(text, "writ")
		if err == nil {
			t.Errorf("%q is %s", text, a)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Address{
		"nats://h": {Bucket: "writ", Replicas: 3, Timeout: defaultTimeout},
		"nats://t0ken@h:4222,i/?bucket=b&replicas=1":  {Bucket: "b", Replicas: 1, Timeout: defaultTimeout},
		"tls://u:p@h,tls://i:1?timeout=2s&replicas=5": {Bucket: "writ", Replicas: 5, Timeout: 2 * time.Second},
	} {
		a, err := Parse(text, "writ")
		if err != nil || a.Bucket != want.Bucket || a.Replicas != want.Replicas || a.Timeout != want.Timeout || strings.Contains(a.String(), "@") {
			t.Errorf("%q: %+v, %v", text, a, err)
		}
	}
	a, err := Parse("tls://u:p@h,tls://i:1", "writ")
	if err != nil || a.String() != "tls://h,tls://i:1?bucket=writ" {
		t.Errorf("%s, %v", a, err)
	}
}

func TestLoginFiles(t *testing.T) {
	address, err := Parse("nats://127.0.0.1:1", "writ")
	if err != nil {
		t.Fatal(err)
	}
	for _, opts := range []Login{
		{Credentials: "missing"}, {CA: "missing"}, {Certificate: "missing", PrivateKey: "missing"}, {Certificate: "client.go"},
	} {
		_, err := Open(t.Context(), address, Options{Login: opts})
		if err == nil {
			t.Errorf("%+v was opened", opts)
		} else if !strings.Contains(err.Error(), "missing") && !strings.Contains(err.Error(), "together") {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	for version, old := range map[string]bool{"2.10.29": true, "1.4.1": true, "2.11.0": false, "2.15.2": false, "3.0.0-RC1": false, "": false, "unknown": false} {
		if err := CheckVersion(version); (err != nil) != old {
			t.Errorf("%q: %v", version, err)
		}
	}
}
