package view

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A snapshot for people and machines.

// A Snapshot prints a snapshot, or one object of it, in one format.
type Snapshot interface {
	Render(w io.Writer, snap *snapshot.Snapshot) error
	Object(w io.Writer, snap *snapshot.Snapshot, address string, object compiler.Object) error
}

// SnapshotOf is the view for the command's output format.
func SnapshotOf(env *cli.Env) Snapshot {
	if env.JSON {
		return snapshotJSON{}
	}
	return snapshotText{env}
}

// snapshotJSON is for machines; the snapshot package says what it looks like.
type snapshotJSON struct{}

// Render prints all of the snapshot as snapshot.View, described by snapshot.schema.json.
func (snapshotJSON) Render(w io.Writer, snap *snapshot.Snapshot) error {
	return cli.WriteJSON(w, snapshot.NewView(snap))
}

// Object prints the object as it stands in the list of its kind.
func (snapshotJSON) Object(w io.Writer, snap *snapshot.Snapshot, address string, _ compiler.Object) error {
	kind, label, _ := compiler.ParseAddress(address)
	object, _ := snapshot.NewView(snap).Object(snapshot.Kind(kind), label)
	return cli.WriteJSON(w, object)
}

// snapshotText is for people.
type snapshotText struct{ env *cli.Env }

// Render prints a table with one line for each object: the attributes by which people know
// it. The JSON has all of them.
func (v snapshotText) Render(w io.Writer, snap *snapshot.Snapshot) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	v.envelope(table, snap)
	doc := snapshot.Decode(snap)
	v.apis(table, doc)
	v.clients(table, doc)
	v.authorizations(table, doc)
	v.rest(table, doc)
	return table.Flush()
}

// Object prints the object as the block that declares it, with where that is, and with
// what the block inherits. Credentials are named and not shown.
func (v snapshotText) Object(w io.Writer, snap *snapshot.Snapshot, address string, object compiler.Object) error {
	// The object is printed by the code that prints one that a plan creates, without its signs.
	kind, label, _ := compiler.ParseAddress(address)
	var block strings.Builder
	out := &planPrinter{Writer: bufio.NewWriter(&block), color: v.env.Color(w)}
	out.whole("", object, 0)
	out.Flush()
	place := ""
	if at := SourcePlace(snap, snapshot.Kind(kind), label); at != "" {
		place = "# " + diag.OneLine(at) + "\n"
	}
	_, err := fmt.Fprintf(w, "%s%s {\n", place, diag.OneLine(objectHeader(address)))
	for line := range strings.Lines(block.String()) { // a plan has two more columns, for its signs
		if err == nil {
			_, err = io.WriteString(w, strings.TrimPrefix(line, "  "))
		}
	}
	if err == nil {
		_, err = io.WriteString(w, "}\n")
	}
	return err
}

// heading starts a section of the table. The line before and the heading have one cell, so
// they do not widen the columns.
func (v snapshotText) heading(w io.Writer, text string) {
	fmt.Fprintf(w, "\n%s\n", v.env.Paint(cli.Bold, text))
}

// envelope prints what the snapshot says about itself. What is empty is left out, so that a
// first snapshot has no "Previous".
func (v snapshotText) envelope(w io.Writer, snap *snapshot.Snapshot) {
	e := snap.Envelope()
	fmt.Fprintf(w, "Digest\t%s\nSerial\t%d\n", e.Digest, e.Serial)
	for _, line := range [][2]string{
		{"Previous", e.Previous}, {"Revision", e.Revision}, {"Environment", e.Environment}, {"Lockfile", e.LockDigest}, {"Written by", e.WritVersion},
	} {
		if line[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", line[0], diag.OneLine(line[1]))
		}
	}
	fmt.Fprintf(w, "Created\t%s\n", e.Created.Format(time.RFC3339))
	if !e.NotAfter.IsZero() {
		fmt.Fprintf(w, "Not after\t%s\n", e.NotAfter.Format(time.RFC3339))
	}
	for _, s := range e.Signatures {
		fmt.Fprintf(w, "Signed by\t%s\n", s.KeyID)
	}
	fmt.Fprintf(w, "Issuer\t%s\n", snap.Issuer().URL)
}

// apis prints one line for each API, with its scopes: label, identifier, profile and
// algorithm, lifetime.
func (v snapshotText) apis(w io.Writer, doc *schema.Document) {
	v.heading(w, schema.Plural(len(doc.APIs), "API"))
	for _, api := range doc.APIs {
		names := make([]string, len(api.Scopes))
		for i, s := range api.Scopes {
			names[i] = s.Name
		}
		fmt.Fprintf(w, "  %s\t%s\t%s %s\t%s\t%s\n", api.Label, api.Identifier, api.Profile, api.Alg,
			schema.FormatDuration(api.TokenLifetime), strings.Join(names, " "))
	}
}

// clients prints one line for each client: what it may ask by, and what it authenticates with.
func (v snapshotText) clients(w io.Writer, doc *schema.Document) {
	v.heading(w, schema.Plural(len(doc.Clients), "client"))
	for _, c := range doc.Clients {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", c.Label, c.ClientID, strings.Join(c.GrantTypes, " "), credentials(&c))
	}
}

// credentials says how a client authenticates, by kind and number, not with what.
func credentials(c *schema.Client) string {
	nouns := map[string]string{"federated": "federated identity"}
	var parts []string
	// Credentials are listed by kind, so those of one kind are neighbours.
	for all := c.Credentials(); len(all) > 0; {
		n := 1
		for n < len(all) && all[n].Block == all[0].Block {
			n++
		}
		noun := cmp.Or(nouns[all[0].Block.Type], strings.ReplaceAll(all[0].Block.Type, "_", " "))
		parts = append(parts, strings.Replace(schema.Plural(n, noun), "identitys", "identities", 1))
		all = all[n:]
	}
	if len(parts) == 0 {
		return "no credential"
	}
	return strings.Join(parts, ", ")
}

// authorizations prints one line for each authorization, those that have expired too: the
// snapshot holds them, and a longer time would bring them back.
func (v snapshotText) authorizations(w io.Writer, doc *schema.Document) {
	v.heading(w, schema.Plural(len(doc.Authorizations), "authorization"))
	for _, auth := range doc.Authorizations {
		extra := ""
		if auth.SubjectType == schema.SubjectUser {
			extra = "on behalf of users"
		}
		if auth.ExpiresAt != 0 {
			extra = strings.TrimSpace(extra + " until " + rfc3339(auth.ExpiresAt))
		}
		fmt.Fprintf(w, "  %s\t%s\t-> %s\t%s\t%s\n", auth.Label, auth.Client, auth.API, strings.Join(auth.Scopes, " "), extra)
	}
}

// rest prints trusted issuers and signing keys, which many configurations do not have. Of a
// key it prints the reference: the key itself is in no snapshot.
func (v snapshotText) rest(w io.Writer, doc *schema.Document) {
	if len(doc.TrustedIssuers) > 0 {
		v.heading(w, schema.Plural(len(doc.TrustedIssuers), "trusted issuer"))
	}
	for _, t := range doc.TrustedIssuers {
		fmt.Fprintf(w, "  %s\t%s\n", t.Label, t.Issuer)
	}
	if len(doc.SigningKeys) > 0 {
		v.heading(w, schema.Plural(len(doc.SigningKeys), "signing key"))
	}
	for _, k := range doc.SigningKeys {
		until := ""
		if k.RetiresAt != 0 {
			until = "until " + rfc3339(k.RetiresAt)
		}
		fmt.Fprintf(w, "  %s\t%s\t%s\tfrom %s\t%s\n", k.Label, k.Alg, k.PrivateKey, rfc3339(k.ActivatesAt), until)
	}
}

// rfc3339 writes Unix seconds for people and machines alike; "" for 0, which stands for no
// time.
func rfc3339(unix int64) string {
	if unix == 0 {
		return ""
	}
	return schema.FormatTime(unix)
}

// SourcePlace is where an object was declared when the snapshot was made, "orders.hcl:3";
// "" where the snapshot does not say.
func SourcePlace(snap *snapshot.Snapshot, kind snapshot.Kind, label string) string {
	file, line, ok := snap.Source(kind, label)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s:%d", file, line)
}
