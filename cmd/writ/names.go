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

// resolveNames puts the client_id and the identifier in the place of other names. What
// nothing has stays: a request may well be about a client that does not exist.
func resolveNames(doc *schema.Document, client, api *string) {
	if found, err := compiler.FindClient(doc, *client); err == nil {
		*client = found.ClientID
	}
	if found, err := compiler.FindAPI(doc, *api); err == nil {
		*api = found.Identifier
	}
}

// resolveNamesNearby is resolveNames by the configuration around the working folder, if there is
// one, for commands that need none.
func resolveNamesNearby(env *cli.Env, flags *cli.ConfigFlags, client, api *string) {
	if m, _ := sketchHere(env, flags); m != nil {
		resolveNames(m.Document, client, api)
	}
}

// sketchHere is the configuration around the working folder, as far as it can be compiled, and
// nil where there is none. It says nothing: the commands that use it can do without.
func sketchHere(env *cli.Env, flags *cli.ConfigFlags) (m *compiler.Model, whole bool) {
	return sketch(env, flags, ".")
}

// sketch is sketchHere for the configuration that the folder belongs to.
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
	if m, _ := sketchHere(env, flags); m != nil {
		for _, c := range m.Config.Clients { // one that lacks its secret among them
			list = append(list, cli.Candidate{Value: c.Label, Meaning: c.ClientID})
		}
	}
	return list
}

// completeAPIs offers the APIs by their labels.
func completeAPIs(_ context.Context, env *cli.Env, flags *cli.ConfigFlags) (list []cli.Candidate) {
	if m, _ := sketchHere(env, flags); m != nil {
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
		m, _ := sketchHere(env, flags)
		if m == nil {
			return nil
		}
		apis := m.Document.APIs
		if chosen, err := compiler.FindAPI(m.Document, *api); err == nil {
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
		m, _ := sketchHere(env, flags)
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
