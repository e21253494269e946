package quickstart

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

func TestFilesOfEveryTarget(t *testing.T) {
	for _, target := range Targets() {
		for _, profile := range target.Profiles {
			for _, alg := range target.Algs {
				for _, scopes := range [][]string{nil, {"read:orders", "write:orders"}} {
					files, err := target.Files(API{
						Issuer: "https://auth.example.com/", Label: "orders", Name: "Orders", Identifier: "https://api.example.com/orders",
						Profile: profile, Alg: alg, Scopes: scopes,
					})
					if err != nil {
						t.Fatal(err)
					}
					for _, f := range files {
						if strings.TrimSpace(f.Content) == "" || f.Language == "" {
							t.Errorf("%s: %s (%s) is empty", target.Name, f.Name, f.Language)
						}
					}
				}
			}
		}
	}
}

var _ = schema.RS256
