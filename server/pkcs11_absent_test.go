//go:build !pkcs11

package server_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// A program without PKCS #11 says so of a key that needs it.
func TestWithoutPKCS11(t *testing.T) {
	doc := document()
	doc.SigningKeys = []schema.SigningKey{{Label: "hsm", Alg: schema.RS256, PrivateKey: "pkcs11:token=writ;object=rs256"}}
	s, _ := newServer(t, server.Options{})
	err := s.Activate(file(t, doc, snapshot.Envelope{Serial: 1}))
	if err == nil || !strings.Contains(err.Error(), "built without PKCS #11") || !strings.Contains(err.Error(), "signing_key.hsm") {
		t.Errorf("%v", err)
	}
}
