//go:build nats

package store_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/server/store"
)

func TestOpenNATSRefusesAddresses(t *testing.T) {
	t.Parallel()
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
		"nats://host,b:s3cr3t@host2":        "before the first server",
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
		n, err := store.OpenNATS(t.Context(), text, quiet(true))
		if err == nil {
			n.Close()
			t.Errorf("%q was opened", text)
			continue
		}
		if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, opts := range []store.NATSOptions{
		{Credentials: "missing"}, {CA: "missing"}, {Certificate: "missing", PrivateKey: "missing"}, {Certificate: "nats_test.go"},
	} {
		n, err := store.OpenNATS(t.Context(), "nats://127.0.0.1:1?bucket=writ", opts)
		if err == nil {
			n.Close()
			t.Errorf("%+v was opened", opts)
		} else if !strings.Contains(err.Error(), "missing") && !strings.Contains(err.Error(), "together") {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}
