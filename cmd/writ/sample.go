package main

import (
	"slices"
	"strings"

	"github.com/writ-auth/writ/schema"
)

// A sample is a token request that "writ dev" answers with a token.
type sample struct {
	Client string   `json:"client"` // client_id
	API    string   `json:"api"`    // identifier
	Scopes []string `json:"scopes"` // what the token will carry
	Note   string   `json:"note,omitempty"`
}

// samples are one request for each authorization by which a client gets tokens on its own
// behalf. Those of users are left out: they need a token of the user, which nobody here
// has.
func samples(doc *schema.Document) []sample {
	found := []sample{} // never null in JSON
	for _, auth := range doc.Authorizations {
		client, api := labelled(doc.Clients, auth.Client), labelled(doc.APIs, auth.API)
		if auth.SubjectType == schema.SubjectUser || client == nil || api == nil ||
			!slices.Contains(client.GrantTypes, schema.GrantClientCredentials) {
			continue
		}
		s := sample{Client: client.ClientID, API: api.Identifier, Scopes: auth.Scopes}
		if client.RequireSenderConstrained {
			s.Note = "needs a DPoP proof or a client certificate too"
		}
		found = append(found, s)
	}
	return found
}

// curlLine is a token request as a line for a POSIX shell. api is the audience; "" and no
// scopes are left out, for which the server fills in its defaults.
func curlLine(endpoint, client, secret, api string, scopes []string) string {
	words := []string{"curl", "-s", endpoint, "-u", client + ":" + secret, "-d", "grant_type=client_credentials"}
	if api != "" {
		words = append(words, "--data-urlencode", "audience="+api)
	}
	if len(scopes) > 0 {
		words = append(words, "--data-urlencode", "scope="+strings.Join(scopes, " "))
	}
	for i, word := range words {
		words[i] = schema.ShellQuote(word)
	}
	return strings.Join(words, " ")
}

// tokenEndpoint is the token endpoint's address below an issuer, whether that ends with a
// slash or not.
func tokenEndpoint(issuer string) string { return strings.TrimSuffix(issuer, "/") + "/oauth/token" }
