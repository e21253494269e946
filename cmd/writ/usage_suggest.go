package main

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/usage"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// What "writ usage --suggest" takes out. It never guesses: what no cut can take out, and
// what would leave an invalid configuration, stays and is listed with the reason.

// An unusedLeftOver is what is not used and stays in the suggestion all the same, with the
// reason.
type unusedLeftOver struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
}

// A suggestion is a change of a configuration in the making. It is compiled in memory and
// writes nothing: a person applies it, after looking at it.
type suggestion struct {
	workspace *workspace.Workspace
	tree      *workspace.Tree
	leftOut   []unusedLeftOver
}

// A removal is one or more unused things that one cut takes out, such as all the unused
// scopes of one authorization.
type removal struct {
	file string
	what string
	cut  source.Cut
}

// suggest is the configuration without what is not used, as a diff for patch(1), and what
// is not in it. The configuration that it leads to is valid: what would make it invalid
// is left out.
func suggest(env *cli.Env, w *workspace.Workspace, t *workspace.Tree, answer *usage.Answer) (string, []unusedLeftOver, error) {
	s := &suggestion{workspace: w, tree: t}
	removals := s.removals(answer)
	files, err := s.valid(removals)
	if err != nil {
		return "", nil, err
	}
	var text strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if hunk, ok := s.diff(name, files[name]); ok {
			text.WriteString(hunk)
		}
	}
	return text.String(), s.leftOut, nil
}

// leaveOut notes what stays in the configuration although nobody uses it, and why.
func (s *suggestion) leaveOut(what, reason string) {
	s.leftOut = append(s.leftOut, unusedLeftOver{what, reason})
}

// removals are the cuts that take out what is not used. What no cut can take out is left
// to a person: JSON, one instance of several that share a block, and the last credential
// of a client, without which its configuration would not be valid.
func (s *suggestion) removals(answer *usage.Answer) []removal {
	var removals []removal
	scopes := map[string]bool{} // authorizations whose scopes were narrowed
	for _, u := range answer.Unused {
		item := itemOf(s.tree.Model, u)
		decl := s.tree.Model.Decl(item.Address)
		what := item.what()
		r := removal{file: decl.Range.Filename, what: what, cut: source.Cut{Type: "authorization", Label: u.Owner}}
		switch {
		case strings.HasSuffix(r.file, ".json"):
			s.leaveOut(what, "writ edits HCL and no JSON")
			continue
		case strings.HasSuffix(u.Owner, "]"):
			s.leaveOut(what, "it is one of several that a for_each declares")
			continue
		case u.Kind == usage.KindScope:
			if scopes[u.Owner] {
				continue
			}
			scopes[u.Owner] = true
			a, _, _ := s.tree.Model.Authorization(u.Owner)
			r.cut.List = "scopes"
			r.cut.Strings = slices.DeleteFunc(slices.Clone(a.Scopes), func(name string) bool {
				return slices.ContainsFunc(answer.Of(usage.KindScope, u.Owner), func(u usage.Unused) bool { return u.Label == name })
			})
		case u.Kind == usage.KindCredential:
			c, _, _ := s.tree.Model.Client(u.Owner)
			if len(answer.Of(usage.KindCredential, u.Owner)) == len(c.Credentials()) {
				s.leaveOut(what, "none of the client's credentials is used, and it must have one")
				continue
			}
			r.cut = source.Cut{Type: "client", Label: u.Owner, Nested: u.Block, NestedLabel: u.Label}
		}
		removals = append(removals, r)
	}
	return removals
}

// maxCompilations bounds the search for removals that lead to a valid configuration. Beyond
// it what is left is listed and not removed: the search may end early, and never with an
// invalid result.
const maxCompilations = 64

// valid applies the removals and returns the files that change. Where the configuration
// would have errors it finds out which removals cause them: halves are tried apart.
func (s *suggestion) valid(removals []removal) (map[string][]byte, error) {
	// Removals that lead to errors are rare, and each compilation is of the whole tree. So
	// all are tried at once, then halves: one bad removal among n costs about 2 log2 n
	// compilations.
	var taken []removal
	compilations := 0
	var try func(more []removal)
	try = func(more []removal) {
		if len(more) == 0 {
			return
		}
		compilations++
		reason := "too many others lead to errors"
		if compilations <= maxCompilations {
			err := s.check(append(slices.Clip(taken), more...))
			if err == nil {
				taken = append(taken, more...)
				return
			}
			reason = "without it the configuration has an error: " + firstOf(err)
		}
		if len(more) == 1 {
			s.leaveOut(more[0].what, reason)
			return
		}
		try(more[:len(more)/2])
		try(more[len(more)/2:])
	}
	try(removals)
	return s.edit(taken)
}

// firstOf is the first error of a configuration in one line.
func firstOf(err error) string {
	for _, d := range diag.ProblemsOf(err).List.Errors() {
		return strings.TrimSuffix(d.Summary+": "+d.Detail, ".")
	}
	return err.Error()
}

// check compiles the configuration without what the removals take out; nil if it is valid.
func (s *suggestion) check(removals []removal) error {
	files, err := s.edit(removals)
	if err != nil {
		return err
	}
	_, err = s.workspace.CompileEdited(files)
	return err
}

// edit applies removals to the files, with LF for every CR LF, as the compiler reads them.
func (s *suggestion) edit(removals []removal) (map[string][]byte, error) {
	cuts := map[string][]source.Cut{}
	for _, r := range removals {
		cuts[r.file] = append(cuts[r.file], r.cut)
	}
	files := make(map[string][]byte, len(cuts))
	for name, cuts := range cuts {
		content, err := source.Prune(name, s.tree.Sources[name], cuts)
		if err != nil {
			return nil, err
		}
		files[name] = content
	}
	return files, nil
}

// diff is a unified diff of one file, as the file has it on the disk. A file of which some
// character would act on a terminal or on a pipeline gets none: a diff cannot escape it.
func (s *suggestion) diff(name string, after []byte) (string, bool) {
	before := s.tree.Sources[name]
	raw, err := workspace.ReadFile(filepath.Join(s.workspace.Dir, filepath.FromSlash(name)))
	if err != nil || !bytes.Equal(source.UnixLines(raw), before) {
		s.leaveOut(name, "the file has changed while it was read")
		return "", false
	}
	// patch(1) compares bytes, so the diff has the line ends of the file on the disk. Where
	// these are mixed, one for all would match some lines only.
	windows := bytes.Contains(raw, []byte("\r\n"))
	if windows && !bytes.Equal(bytes.ReplaceAll(before, []byte("\n"), []byte("\r\n")), raw) {
		s.leaveOut(name, "its lines do not all end alike")
		return "", false
	}
	_, unified, _ := bytes.Cut(diff.Diff("a/"+name, before, "b/"+name, after), []byte("\n")) // after the line "diff a b"
	text := string(unified)
	if diag.Inert(diag.Visible(text, "\n\t")) != text || strings.ContainsAny(name, " \t\"\\") {
		s.leaveOut(name, "it holds characters that a diff should not print: edit it by hand")
		return "", false
	}
	if !windows {
		return text, true
	}
	header, hunks, _ := strings.Cut(text, "\n@@")
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", header)
	for line := range strings.Lines("@@" + hunks) {
		if strings.ContainsAny(line[:1], " +-") {
			line = strings.TrimSuffix(line, "\n") + "\r\n"
		}
		b.WriteString(line)
	}
	return b.String(), true
}
