package main

import (
	"context"
	"slices"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/server/quickstart"
)

// Names on the command line: labels in the place of ids, and what the shell completes. All
// of it is a service to whoever types; a command must do without where there is no
// configuration.

// resolveNames replaces a client's label by its client_id and an API's label by its identifier,
// since a token request carries these. A name that nothing has stays as it is: a request may
// well be about a client that does not exist, and then the answer has to say so.
func resolveNames(doc *schema.Document, client, api *string) {
	if found, err := compiler.FindClient(doc, *client); err == nil {
		*client = found.ClientID
	}
	if found, err := compiler.FindAPI(doc, *api); err == nil {
		*api = found.Identifier
	}
}

// resolveNamesNearby is resolveNames by the configuration around the working folder, if
// there is one. It is for commands such as "writ verify", which need no configuration and
// take a label only where one is at hand.
func resolveNamesNearby(env *cli.Env, flags *cli.ConfigFlags, client, api *string) {
	if m, _ := around(env, flags); m != nil {
		resolveNames(m.Document, client, api)
	}
}

// around is sketch for the working folder.
func around(env *cli.Env, flags *cli.ConfigFlags) (m *compiler.Model, whole bool) {
	return sketch(env, flags, ".")
}

// sketch compiles the configuration that a folder belongs to, as far as it can be compiled, for
// completion and for names on the command line. m is nil where there is no configuration; whole
// reports whether all of it compiled, so that what is missing in m is missing in the files. It
// prints nothing and returns no error: whoever calls it can do without.
func sketch(env *cli.Env, flags *cli.ConfigFlags, folder string) (m *compiler.Model, whole bool) {
	if flags == nil {
		flags = new(cli.ConfigFlags)
	}
	// Without a mark the folder may be a home folder, and all of it would be searched.
	if root, _ := workspace.FindRoot(env.Path(folder)); workspace.RootMark(root) == "" {
		return nil, false
	}
	silent := *env
	silent.JSON = true // which keeps the note about the root off standard error
	w, err := flags.Load(&silent, []string{folder})
	if err != nil {
		return nil, false
	}
	return w.Sketch()
}

// completeClients offers the clients by their labels. They come from the declarations and not
// from the compiled document, so that a client is offered while it still lacks its secret.
func completeClients(_ context.Context, env *cli.Env, flags *cli.ConfigFlags) (list []cli.Candidate) {
	if m, _ := around(env, flags); m != nil {
		for _, c := range m.Config.Clients {
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
		if chosen, err := compiler.FindAPI(m.Document, *api); err == nil {
			apis = []schema.API{*chosen}
		}
		seen := map[string]bool{} // several APIs may have a scope of one name
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

// completeTrustedIssuers offers the trusted issuers by their labels.
func completeTrustedIssuers(_ context.Context, env *cli.Env, flags *cli.ConfigFlags) (list []cli.Candidate) {
	if m, _ := around(env, flags); m != nil {
		for _, t := range m.Document.TrustedIssuers {
			list = append(list, cli.Candidate{Value: t.Label, Meaning: t.Issuer})
		}
	}
	return list
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

// completeCodes offers the codes of diagnostics, with what each says in a few words.
func completeCodes(context.Context, *cli.Env, *cli.ConfigFlags) (list []cli.Candidate) {
	for _, c := range diag.Codes() {
		list = append(list, cli.Candidate{Value: c.Name, Meaning: c.Summary})
	}
	return list
}
