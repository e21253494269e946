package compiler

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// Clients, APIs and trusted issuers may be named in each of the ways in which a person meets
// them: by what requests and tokens carry (client_id, identifier, issuer URL), by the label
// in the files, and by the address in plans. What requests carry comes first, so that a
// question about a request is always about that request; the address names the other one.

// FindNamed is the index of the object that a name means, of n that have each an id and a
// label. The error is a *diag.Failure that suggests what may have been meant.
func FindNamed(kind Kind, name string, n int, names func(i int) (id, label string)) (int, error) {
	found := -1
	for i := range n {
		id, label := names(i)
		switch {
		case name == id:
			return i, nil
		case isLabel(kind, name, label):
			found = i
		}
	}
	if found >= 0 {
		return found, nil
	}
	known, instance := make([]string, 0, 2*n), ""
	for i := range n {
		id, label := names(i)
		known = append(known, label, id)
		if family, _, isInstance := strings.Cut(label, "["); isInstance && instance == "" && isLabel(kind, name, family) {
			instance = label
		}
	}
	code := "unknown-label"
	if kind == KindAPI {
		code = "unknown-api"
	}
	hint := cmp.Or(schema.DidYouMean(name, known), "\"writ graph\" and \"writ show\" list what there is.")
	if instance != "" {
		hint = fmt.Sprintf("It has instances: name one of them, such as '%s'.", instance)
	}
	return -1, diag.Failf(code, hint, "there is no %s %q", kind, name)
}

// isLabel reports whether a name is a label, or the address with that label.
func isLabel(kind Kind, name, label string) bool {
	return name == label || name == Address(kind, label)
}

// A nameList is how many objects there are, and the id and the label of each.
type nameList func(*schema.Document) (n int, names func(i int) (id, label string))

func namesOfClients(d *schema.Document) (n int, names func(i int) (id, label string)) {
	return len(d.Clients), func(i int) (id, label string) { return d.Clients[i].ClientID, d.Clients[i].Label }
}

func namesOfAPIs(d *schema.Document) (n int, names func(i int) (id, label string)) {
	return len(d.APIs), func(i int) (id, label string) { return d.APIs[i].Identifier, d.APIs[i].Label }
}

// FindClient finds a client by its client_id, label or address.
func FindClient(d *schema.Document, name string) (*schema.Client, error) {
	n, names := namesOfClients(d)
	i, err := FindNamed(KindClient, name, n, names)
	if err != nil {
		return nil, err
	}
	return &d.Clients[i], nil
}

// FindAPI finds an API by its identifier, label or address.
func FindAPI(d *schema.Document, name string) (*schema.API, error) {
	n, names := namesOfAPIs(d)
	i, err := FindNamed(KindAPI, name, n, names)
	if err != nil {
		return nil, err
	}
	return &d.APIs[i], nil
}

// findTrustedIssuer finds a trusted issuer by its URL, label or address. Several may have one
// URL and differ in audiences: to answer for one of them would be half an answer.
func findTrustedIssuer(d *schema.Document, name string) (*schema.TrustedIssuer, error) {
	i, err := FindNamed(KindTrustedIssuer, name, len(d.TrustedIssuers), func(i int) (id, label string) { return d.TrustedIssuers[i].Issuer, d.TrustedIssuers[i].Label })
	if err != nil {
		return nil, err
	}
	found, same := &d.TrustedIssuers[i], 0
	for _, t := range d.TrustedIssuers {
		if t.Issuer == name {
			same++
		}
	}
	if same > 1 {
		return nil, diag.Failf("unknown-label", fmt.Sprintf("Name one by its label, such as %q.", found.Label), "there are %d trusted issuers %q", same, name)
	}
	return found, nil
}
