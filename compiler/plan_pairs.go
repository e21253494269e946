package compiler

// pairUp pairs the objects of two lists that are sorted by label. An object is
// known by its identity, which a rename keeps, and else by its label, which a
// replacement keeps:
//
//   - same label, same identity: the object itself
//   - other label, same identity: renamed, if no other object has that identity
//   - same label, other identity: replaced
//   - anything else came or went
//
// The map has the new labels of the renamed objects by the old ones, and "" for
// an object that is gone while its label went to a renamed one: what refers to
// that label is now about something else. The pairs come by label, the new one
// where there is one.
func pairUp[T any, K comparable](before, after []T, label func(*T) string, identity func(*T) K) ([]pair[T], map[string]string) {
	return pairUpBy(before, after, label, identity, identity)
}

// pairUpBy is pairUp where an identity is told differently before and after.
func pairUpBy[T any, K comparable](before, after []T, label func(*T) string, was, is func(*T) K) ([]pair[T], map[string]string) {
	pairs := make([]pair[T], 0, max(len(before), len(after)))
	byIdentity := make(map[K]*T) // what is left of before
	var open []int               // pairs that still look for an identity
	for i, j := 0, 0; i < len(before) || j < len(after); {
		switch {
		case j == len(after) || i < len(before) && label(&before[i]) < label(&after[j]):
			byIdentity[was(&before[i])] = &before[i]
			pairs = append(pairs, pair[T]{before: &before[i]})
			i++
			continue
		case i == len(before) || label(&after[j]) < label(&before[i]):
			open = append(open, len(pairs))
			pairs = append(pairs, pair[T]{after: &after[j]})
			j++
			continue
		}
		pairs = append(pairs, pair[T]{&before[i], &after[j]})
		if was(&before[i]) != is(&after[j]) {
			byIdentity[was(&before[i])] = &before[i]
			open = append(open, len(pairs)-1)
		}
		i, j = i+1, j+1
	}
	return renamed(pairs, open, byIdentity, label, is)
}

// renamed moves each object that kept its identity under another label to the
// pair of that label.
func renamed[T any, K comparable](pairs []pair[T], open []int, byIdentity map[K]*T, label func(*T) string, is func(*T) K) ([]pair[T], map[string]string) {
	labels := make(map[string]string)
	moved := make(map[*T]bool)
	taken := make(map[int]*T)
	for _, i := range open {
		if before := byIdentity[is(pairs[i].after)]; before != nil {
			labels[label(before)] = label(pairs[i].after)
			moved[before] = true
			taken[i] = before
		}
	}
	if len(moved) == 0 {
		return pairs, labels
	}
	kept := make([]pair[T], 0, len(pairs)+len(moved))
	for i, p := range pairs {
		before := p.before
		if moved[before] {
			before = nil
		}
		switch {
		case taken[i] == nil && (before != nil || p.after != nil):
			kept = append(kept, pair[T]{before, p.after})
		case taken[i] != nil:
			if before != nil { // its label went to another object
				labels[label(before)] = ""
				kept = append(kept, pair[T]{before: before})
			}
			kept = append(kept, pair[T]{taken[i], p.after})
		}
	}
	return kept, labels
}

// objectsByLabel finds objects by their labels, before and after.
func objectsByLabel[T any](pairs []pair[T], label func(*T) string) (before, after map[string]*T) {
	before, after = make(map[string]*T, len(pairs)), make(map[string]*T, len(pairs))
	for _, p := range pairs {
		if p.before != nil {
			before[label(p.before)] = p.before
		}
		if p.after != nil {
			after[label(p.after)] = p.after
		}
	}
	return before, after
}
