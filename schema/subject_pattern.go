package schema

import (
	"strconv"
	"strings"
)

// This file decides what two federated credentials have in common. A pattern is a small
// automaton: state i has read its first i parts. Because a wildcard stands for one
// character or more, the state after one also loops. So questions about patterns are
// questions about automata, and are decided rather than guessed.

// A SubjectSet is the set of subjects that a credential is for, within MaxSubject bytes.
type SubjectSet struct {
	parts []subjectPart
	// Prefix and Suffix are what every subject of the set begins and ends with.
	Prefix, Suffix string
	exact          bool
}

// A subjectPart is one byte of a pattern, or a wildcard.
type subjectPart struct {
	literal byte
	wild    int // 0 for the literal, 1 for *, 2 for **
}

// Subjects returns the subjects that the credential is for.
func (f *Federated) Subjects() SubjectSet {
	if f.SubjectPattern == "" {
		return exactSubject(f.Subject)
	}
	return subjectsLike(f.SubjectPattern)
}

// exactSubject is the set of one subject.
func exactSubject(subject string) SubjectSet {
	s := SubjectSet{Prefix: subject, Suffix: subject, exact: true}
	for i := range len(subject) {
		s.parts = append(s.parts, subjectPart{literal: subject[i]})
	}
	return s
}

// subjectsLike is the set of the subjects that a valid pattern matches.
func subjectsLike(pattern string) SubjectSet {
	s := SubjectSet{Prefix: pattern[:strings.IndexByte(pattern, '*')], Suffix: pattern[strings.LastIndexByte(pattern, '*')+1:]}
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] != '*':
			s.parts = append(s.parts, subjectPart{literal: pattern[i]})
		case i+1 < len(pattern) && pattern[i+1] == '*':
			s.parts = append(s.parts, subjectPart{wild: 2})
			i++
		default:
			s.parts = append(s.parts, subjectPart{wild: 1})
		}
	}
	return s
}

// isSeparator reports whether a byte separates the parts of a subject.
func isSeparator(b byte) bool { return b == '/' || b == ':' }

// reads reports whether the part may read the byte.
func (p subjectPart) reads(b byte) bool {
	return p.wild == 2 || p.wild == 1 && !isSeparator(b) || p.wild == 0 && p.literal == b
}

// next lists the states after state i has read b: at most two, the second -1 for one,
// both for none.
func (s *SubjectSet) next(i int, b byte) [2]int {
	to := [2]int{-1, -1}
	if i < len(s.parts) && s.parts[i].reads(b) {
		to[0] = i + 1
	}
	if i > 0 && s.parts[i-1].wild > 0 && s.parts[i-1].reads(b) {
		to[1] = i
	}
	return to
}

// SharedSubject returns the shortest subject that is in both sets, and false where there
// is none. It is exact, and its cost the product of the lengths.
func SharedSubject(a, b *SubjectSet) (string, bool) {
	if !mayShare(a, b) {
		return "", false
	}
	if a.exact && b.exact {
		return a.Prefix, a.Prefix == b.Prefix
	}
	// A breadth-first search over pairs of states; from holds how each was reached, one
	// more than the index of the pair before it.
	width := len(b.parts) + 1
	from := make([]int32, (len(a.parts)+1)*width)
	read := make([]byte, len(from))
	from[0] = -1
	level := []int{0}
	for length := 0; len(level) > 0 && length <= MaxSubject; length++ {
		var deeper []int
		for _, pair := range level {
			i, j := pair/width, pair%width
			if i == len(a.parts) && j == len(b.parts) {
				return spell(from, read, pair, length), true
			}
			for _, c := range sharedBytes(a, b, i, j) {
				for _, x := range a.next(i, c) {
					for _, y := range b.next(j, c) {
						if to := x*width + y; x >= 0 && y >= 0 && from[to] == 0 {
							from[to], read[to] = int32(pair+1), c
							deeper = append(deeper, to)
						}
					}
				}
			}
		}
		level = deeper
	}
	return "", false
}

// Cost is about how many nanoseconds it takes to find a subject that two sets share. A
// caller that compares many pairs can stop when the sum is too much.
func (s *SubjectSet) Cost(o *SubjectSet) int {
	if !mayShare(s, o) || s.exact && o.exact {
		return 10
	}
	return 5000 + 20*len(s.parts)*len(o.parts)
}

// mayShare is quick to say no: by what the subjects of both begin and end with.
func mayShare(a, b *SubjectSet) bool {
	return (strings.HasPrefix(a.Prefix, b.Prefix) || strings.HasPrefix(b.Prefix, a.Prefix)) &&
		(strings.HasSuffix(a.Suffix, b.Suffix) || strings.HasSuffix(b.Suffix, a.Suffix))
}

// sharedBytes are the bytes that need be tried from a pair of states: the literals that
// may come next and, where both read a wildcard, one letter for all that it may be.
func sharedBytes(a, b *SubjectSet, i, j int) []byte {
	bytes := append(make([]byte, 0, 3), 'x')
	if i < len(a.parts) && a.parts[i].wild == 0 {
		bytes = append(bytes, a.parts[i].literal)
	}
	if j < len(b.parts) && b.parts[j].wild == 0 {
		bytes = append(bytes, b.parts[j].literal)
	}
	return bytes
}

// spell writes the subject that leads to a pair of states.
func spell(from []int32, read []byte, pair, length int) string {
	subject := make([]byte, length)
	for n := length - 1; n >= 0; n-- {
		subject[n] = read[pair]
		pair = int(from[pair]) - 1
	}
	return string(subject)
}

// maxSubjectSteps bounds the comparison of two patterns that were made to be hard to
// compare. All others take a few hundred steps.
const maxSubjectSteps = 50_000

// ContainsSubjects reports whether every subject of b is in a. It is exact, but for pairs
// of patterns that would take longer than maxSubjectSteps: of those it says false.
//
// It searches for a subject of b that is not in a, with all states in which a may be.
// Where b reads a wildcard, a byte that stands nowhere in a leaves it the fewest states,
// so only that byte and the separators need be tried.
func ContainsSubjects(a, b *SubjectSet) bool {
	if !strings.HasPrefix(b.Prefix, a.Prefix) || !strings.HasSuffix(b.Suffix, a.Suffix) {
		return false
	}
	type search struct {
		state int
		in    string // states of a, one byte each: 1 for one that it may be in
	}
	start := make([]byte, len(a.parts)+1)
	start[0] = 1
	level := []search{{0, string(start)}}
	seen := map[search]bool{level[0]: true}
	for length := 0; len(level) > 0 && length <= MaxSubject; length++ {
		var deeper []search
		for _, at := range level {
			if at.state == len(b.parts) && at.in[len(a.parts)] == 0 {
				return false
			}
			for _, c := range strangestBytes(b, at.state) {
				in := a.readAll(at.in, c)
				for _, state := range b.next(at.state, c) {
					if to := (search{state, in}); state >= 0 && !seen[to] {
						seen[to] = true
						deeper = append(deeper, to)
					}
				}
			}
		}
		if level = deeper; len(seen) > maxSubjectSteps {
			return false
		}
	}
	return true
}

// noLiteral is a byte that no text in UTF-8 has.
const noLiteral = 0xff

// strangestBytes are the bytes that need be tried from a state.
func strangestBytes(b *SubjectSet, state int) []byte {
	bytes := []byte{noLiteral, '/', ':'}
	if state < len(b.parts) && b.parts[state].wild == 0 && !isSeparator(b.parts[state].literal) {
		bytes = append(bytes, b.parts[state].literal)
	}
	return bytes
}

// readAll returns the states after any of those has read c.
func (s *SubjectSet) readAll(in string, c byte) string {
	out := make([]byte, len(in))
	for i := range len(in) {
		if in[i] == 0 {
			continue
		}
		for _, to := range s.next(i, c) {
			if to >= 0 {
				out[to] = 1
			}
		}
	}
	return string(out)
}

// IsGitHubActions reports whether a trusted issuer is that of GitHub's workflows: of
// github.com, of an enterprise there, or of an enterprise's own server.
func IsGitHubActions(issuer string) bool {
	const github = "https://token.actions.githubusercontent.com"
	issuer = strings.TrimSuffix(issuer, "/")
	return issuer == github || strings.HasPrefix(issuer, github+"/") || strings.HasSuffix(issuer, "/_services/token")
}

// MutableGitHubSubject says who else may one day have the repository that a subject or
// pattern of GitHub's names, or "" for nobody. A subject begins with repo:OWNER/NAME:, and
// the name of an owner that is renamed or deleted may be registered again. With immutable
// subjects it begins with repo:OWNER@ID/NAME@ID:, which cannot be taken over.
func MutableGitHubSubject(subject string) string {
	rest, ofRepository := strings.CutPrefix(subject, "repo:")
	if !ofRepository {
		return ""
	}
	owner, name, _ := strings.Cut(rest, "/")
	name, _, _ = strings.Cut(name, ":")
	switch {
	case endsInID(owner, '@'):
		return ""
	case strings.Contains(owner, "*"):
		return "the owner is not written out, so everybody whose name fits has such a repository. Write out the owner, as in repo:OWNER@ID/NAME@ID:"
	case endsInID(owner, '-') && endsInID(name, '-'):
		return "anybody may register names that end in -ID. Write @ID, as in repo:OWNER@ID/NAME@ID:"
	}
	return "a name can be registered again once its owner has given it up. Write the immutable form, repo:OWNER@ID/NAME@ID:"
}

// endsInID reports whether a name ends in a number after a mark.
func endsInID(name string, mark byte) bool {
	i := strings.LastIndexByte(name, mark)
	if i <= 0 || strings.Contains(name[:i], "*") {
		return false
	}
	_, err := strconv.ParseUint(name[i+1:], 10, 64)
	return err == nil
}

// pullRequests are the subjects of workflows that a pull request starts.
var pullRequests = subjectsLike("repo:*/*:pull_request")

// OfPullRequest reports whether a workflow that a pull request starts on GitHub has one
// of the subjects.
func OfPullRequest(s *SubjectSet) bool {
	_, shared := SharedSubject(s, &pullRequests)
	return shared
}
