package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// Clients and APIs may be named in each of the ways in which a person meets them: by
// the client_id or identifier that requests carry, by the label in the files, and by the
// address in plans. What requests carry comes first, so that a question about a request
// is always about that request.

// findClient finds a client by its client_id, label or address.
func findClient(doc *schema.Document, name string) (*schema.Client, error) {
	i := findNamed(len(doc.Clients), name, compiler.KindClient, func(i int) (id, label string) { return doc.Clients[i].ClientID, doc.Clients[i].Label })
	if i >= 0 {
		return &doc.Clients[i], nil
	}
	var known []string
	for _, c := range doc.Clients {
		known = append(known, c.Label, c.ClientID)
	}
	return nil, noSuchName("unknown-label", "client", name, known)
}

// findAPI finds an API by its identifier, label or address.
func findAPI(doc *schema.Document, name string) (*schema.API, error) {
	i := findNamed(len(doc.APIs), name, compiler.KindAPI, func(i int) (id, label string) { return doc.APIs[i].Identifier, doc.APIs[i].Label })
	if i >= 0 {
		return &doc.APIs[i], nil
	}
	var known []string
	for _, a := range doc.APIs {
		known = append(known, a.Label, a.Identifier)
	}
	return nil, noSuchName("unknown-api", "api", name, known)
}

// findNamed is the index of what has the name, -1 for nothing.
func findNamed(n int, name string, kind compiler.Kind, names func(i int) (id, label string)) int {
	found := -1
	for i := range n {
		id, label := names(i)
		switch {
		case name == id:
			return i
		case name == label, name == compiler.Address(kind, label):
			found = i
		}
	}
	return found
}

// noSuchName is the error of a name that nothing has.
func noSuchName(code, kind, name string, known []string) error {
	hint := "\"writ graph\" and \"writ show\" list what there is."
	if near := schema.Suggest(name, known); near != "" {
		hint = fmt.Sprintf("Did you mean %q?", near)
	}
	return diag.Failf(code, hint, "there is no %s %q", kind, name)
}

// requestNames puts the client_id and the identifier in the place of other names. What
// nothing has stays: a request may well be about a client that does not exist.
func requestNames(doc *schema.Document, client, api *string) {
	if found, err := findClient(doc, *client); err == nil {
		*client = found.ClientID
	}
	if found, err := findAPI(doc, *api); err == nil {
		*api = found.Identifier
	}
}

// namesAround is requestNames by the configuration around the working folder, if there is
// one, for commands that need none.
func namesAround(env *cli.Env, flags *cli.ConfigFlags, client, api *string) {
	if m, _ := around(env, flags); m != nil {
		requestNames(m.Document, client, api)
	}
}

// around is the configuration around the working folder, as far as it can be compiled, and
// nil where there is none. It says nothing: the commands that use it can do without.
func around(env *cli.Env, flags *cli.ConfigFlags) (m *compiler.Model, whole bool) {
	return sketch(env, flags, ".")
}

// sketch is around for the configuration that the folder belongs to.
func sketch(env *cli.Env, flags *cli.ConfigFlags, folder string) (m *compiler.Model, whole bool) {
	if flags == nil {
		flags = new(cli.ConfigFlags)
	}
	// Without a mark the folder may be a home folder, and all of it would be searched.
	if root, _ := workspace.FindRoot(env.Path(folder)); workspace.RootMark(root) == "" {
		return nil, false
	}
	silent := *env
	silent.JSON = true // no notes
	w, err := flags.Load(&silent, []string{folder})
	if err != nil {
		return nil, false
	}
	return w.Sketch()
}

// completeClients offers the clients by their labels.
func completeClients(_ context.Context, env *cli.Env, flags *cli.ConfigFlags) (list []cli.Candidate) {
	if m, _ := around(env, flags); m != nil {
		for _, c := range m.Config.Clients { // one that lacks its secret among them
			list = append(list, cli.Candidate{Value: c.Label, Meaning: c.ClientID})
		}
	}
	return list
}

// completeAPIs offers the APIs by their labels.
func completeAPIs(_ context.Context, env *cli.Env, flags *cli.ConfigFlags) (list []cli.Candidate) {
	if m, _ := around(env, flags); m != nil {
		for _, a := range m.Document.APIs {
			list = append(list, cli.Candidate{Value: a.Label, Meaning: a.Identifier})
		}
	}
	return list
}

// completeScopes offers the scopes of the API that the command line names, of all APIs
// where it names none.
func completeScopes(api *string) cli.Completer {
	return func(_ context.Context, env *cli.Env, flags *cli.ConfigFlags) (list []cli.Candidate) {
		m, _ := around(env, flags)
		if m == nil {
			return nil
		}
		apis := m.Document.APIs
		if chosen, err := findAPI(m.Document, *api); err == nil {
			apis = []schema.API{*chosen}
		}
		seen := map[string]bool{}
		for _, a := range apis {
			for _, s := range a.Scopes {
				if !seen[s.Name] {
					seen[s.Name] = true
					list = append(list, cli.Candidate{Value: s.Name, Meaning: s.Description})
				}
			}
		}
		return list
	}
}

// completeAddresses offers the objects by their addresses; of some kinds, or of all.
func completeAddresses(kinds ...compiler.Kind) cli.Completer {
	return func(_ context.Context, env *cli.Env, flags *cli.ConfigFlags) (list []cli.Candidate) {
		m, _ := around(env, flags)
		if m == nil {
			return nil
		}
		for address := range compiler.Objects(m.Document) {
			if kind, _, ok := compiler.ParseAddress(address); ok && (len(kinds) == 0 || slices.Contains(kinds, kind)) {
				list = append(list, cli.Candidate{Value: address})
			}
		}
		return list
	}
}

// completeRevisions offers what git:REV may name.
func completeRevisions(ctx context.Context, env *cli.Env, _ *cli.ConfigFlags) (list []cli.Candidate) {
	for _, name := range workspace.Revisions(ctx, env.Path(".")) {
		list = append(list, cli.Candidate{Value: "git:" + name})
	}
	return list
}

// completeLangs offers the languages and gateways of "writ quickstart".
func completeLangs(context.Context, *cli.Env, *cli.ConfigFlags) (list []cli.Candidate) {
	for _, target := range quickstart.Targets() {
		for _, name := range append([]string{target.Name}, target.Aliases...) {
			list = append(list, cli.Candidate{Value: name, Meaning: target.Title})
		}
	}
	return list
}

// completeCodes offers the codes of diagnostics.
func completeCodes(context.Context, *cli.Env, *cli.ConfigFlags) (list []cli.Candidate) {
	for _, c := range diag.Codes() {
		list = append(list, cli.Candidate{Value: c.Name, Meaning: c.Summary})
	}
	return list
}
