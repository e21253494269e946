package workspace

import (
	"bytes"
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// suggestRenames adds a suggestion to diagnostics about references to unknown blocks. An API
// keeps its identifier, and a client its client_id, when the label of its block changes:
// so if the lockfile records the old label, it leads to the new one.
func (w *Workspace) suggestRenames(cfg *config.Config, list diag.List) diag.List {
	var now map[string]string // old address -> new one; read when it is first needed
	for i := range list {
		if list[i].Code != "unknown-reference" {
			continue
		}
		address := addressAt(cfg.Sources[list[i].Range.Filename], list[i].Range)
		if address == "" {
			continue
		}
		if now == nil {
			now = w.renamed(cfg)
		}
		if to := now[address]; to != "" {
			list[i].Detail += fmt.Sprintf(" %s knows %s by what is now declared as %s: if that was renamed, write %s.", w.Lockfile.Name, address, to, to)
		}
	}
	return list
}

// addressAt returns the address in a source that ends with a range, such as api.orders for
// the range of "orders"; "" for anything else.
func addressAt(src []byte, at hcl.Range) string {
	if at.Start.Byte > at.End.Byte || at.End.Byte > len(src) {
		return ""
	}
	for _, kind := range []compiler.Kind{compiler.KindAPI, compiler.KindClient} {
		if bytes.HasSuffix(src[:at.Start.Byte], []byte(kind+".")) {
			return compiler.Address(kind, string(src[at.Start.Byte:at.End.Byte]))
		}
	}
	return ""
}

// renamed maps each address that the lockfile records, and that is no longer declared, to
// the address under which the same identifier or client_id is declared now.
func (w *Workspace) renamed(cfg *config.Config) map[string]string {
	now := map[string]string{}
	content, err := w.input(w.Lockfile).read()
	if err != nil {
		return now
	}
	// Any lockfile that can be read will do, as only a suggestion comes of it. What is wrong
	// with one is reported where the lock is checked.
	lock, problems := lockfile.ParseWithoutCanonicalCheck(w.Lockfile.Name, content)
	if problems.HasErrors() {
		return now
	}
	declared := map[string]bool{}
	apis, clients := map[string]string{}, map[string]string{}
	for _, a := range cfg.APIs {
		declared[a.Address], apis[a.Identifier] = true, a.Address
	}
	for _, c := range cfg.Clients {
		declared[c.Address], clients[c.ClientID] = true, c.Address
	}
	note := func(kind compiler.Kind, entries []lockfile.Entry, byValue map[string]string) {
		for _, e := range entries {
			if address := compiler.Address(kind, e.Label); !declared[address] && byValue[e.Value] != "" {
				now[address] = byValue[e.Value]
			}
		}
	}
	note(compiler.KindAPI, lock.APIs, apis)
	note(compiler.KindClient, lock.Clients, clients)
	return now
}
