package compiler_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/lockfile"
)

// A lockModel is the lock rules in their plainest form: which label has which
// identifier, and who had those that are gone.
type lockModel struct {
	live    map[string]string          // label to identifier
	retired map[string]map[string]bool // identifier to the labels that had it
}

// apply says whether a tree is allowed, and follows it if so. It decides over
// the whole of the tree at once, identifier by identifier, where CheckLock goes
// label by label.
func (l *lockModel) apply(tree map[string]string, replace map[string]bool) bool {
	for label, identifier := range tree {
		before, known := l.live[label]
		if known && before != identifier && !replace[label] {
			return false
		}
		if known && before == identifier {
			continue
		}
		if owner := l.ownerOf(identifier); owner != "" {
			_, ownerStays := tree[owner]
			if ownerStays || known {
				return false // only a new label may follow one that is gone
			}
			continue
		}
		if had := l.retired[identifier]; had != nil && !had[label] {
			return false
		}
	}
	for label, identifier := range l.live {
		if tree[label] != identifier && !slices.Contains(slices.Collect(maps.Values(tree)), identifier) {
			l.retired[identifier] = map[string]bool{label: true}
		}
	}
	l.live = maps.Clone(tree)
	for _, identifier := range tree {
		delete(l.retired, identifier)
	}
	return true
}

func (l *lockModel) ownerOf(identifier string) string {
	for label, i := range l.live {
		if i == identifier {
			return label
		}
	}
	return ""
}

// text is the state as lockText writes it.
func (l *lockModel) text() string {
	var words []string
	for _, label := range slices.Sorted(maps.Keys(l.live)) {
		words = append(words, label+"="+l.live[label])
	}
	var retired []string
	for identifier, labels := range l.retired {
		for label := range labels {
			retired = append(retired, "-"+label+"="+identifier)
		}
	}
	slices.Sort(retired)
	return strings.Join(append(append(words, retired...), "|"), " ")
}

// TestLockAgainstModel makes random sequences of trees and holds CheckLock to
// the plain rules: it refuses the same trees and records the same history.
func TestLockAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		model := &lockModel{live: map[string]string{}, retired: map[string]map[string]bool{}}
		var lock *lockfile.File
		for range rapid.IntRange(1, 12).Draw(t, "changes") {
			tree := drawTree(t, model.live)
			replace := drawReplace(t, tree)
			next, _, diags := compiler.CheckLock(treeOf(t, objectsText(tree), ""), lock,
				compiler.LockOptions{Replace: slices.Collect(addresses(replace))})
			if allowed := model.apply(tree, replace); allowed == diags.HasErrors() {
				t.Fatalf("tree %v, replace %v after %q: allowed %v, but %v", tree, replace, lockText(lock), allowed, diags)
			} else if !allowed {
				continue
			}
			if got := lockText(next); got != model.text() {
				t.Fatalf("tree %v: lockfile %q, want %q", tree, got, model.text())
			}
			lock = next
		}
	})
}

// drawTree changes a few labels of the tree before, within a space small enough
// for collisions; no two labels get one identifier, which Compile refuses.
func drawTree(t *rapid.T, before map[string]string) map[string]string {
	tree := maps.Clone(before)
	for range rapid.IntRange(0, 3).Draw(t, "edits") {
		label := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "label")
		identifier := fmt.Sprintf("u:%d", rapid.IntRange(1, 5).Draw(t, "identifier"))
		switch {
		case rapid.Bool().Draw(t, "remove"):
			delete(tree, label)
		case !slices.Contains(slices.Collect(maps.Values(tree)), identifier):
			tree[label] = identifier
		}
	}
	return tree
}

func drawReplace(t *rapid.T, tree map[string]string) map[string]bool {
	replace := make(map[string]bool)
	for _, label := range slices.Sorted(maps.Keys(tree)) {
		if rapid.Bool().Draw(t, "replace "+label) {
			replace[label] = true
		}
	}
	return replace
}

func objectsText(tree map[string]string) string {
	var words []string
	for _, label := range slices.Sorted(maps.Keys(tree)) {
		words = append(words, label+"="+tree[label])
	}
	return strings.Join(words, " ")
}

func addresses(labels map[string]bool) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for label := range labels {
			if !yield("api." + label) {
				return
			}
		}
	}
}
