package schema

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/testenv"
)

// TestSubjectSetsAgainstBruteForce compares 1,000 random pairs of patterns with what
// matching every subject up to a length says.
func TestSubjectSetsAgainstBruteForce(t *testing.T) {
	const longest = 7
	var subjects []string
	for level := []string{""}; len(level[0]) < longest; {
		var deeper []string
		for _, s := range level {
			for _, c := range []string{"a", "b", ":"} {
				deeper = append(deeper, s+c)
			}
		}
		level = deeper
		subjects = append(subjects, level...)
	}
	random := rand.New(rand.NewPCG(1, 2))
	shared, contained := 0, 0
	pairs := 1000
	if testenv.RaceDetector { // one goroutine, which the run without it covers
		pairs = 100
	}
	for range pairs {
		a, b := randomSubjects(random), randomSubjects(random)
		setA, setB := a.Subjects(), b.Subjects()
		both, only := "", ""
		for _, s := range subjects {
			if !b.MatchesSubject(s) {
				continue
			}
			if inA := a.MatchesSubject(s); inA && both == "" {
				both = s
			} else if !inA && only == "" {
				only = s
			}
		}
		pair := fmt.Sprintf("%q and %q", a.Subject+a.SubjectPattern, b.Subject+b.SubjectPattern)
		witness, found := SharedSubject(&setA, &setB)
		if found != (both != "") {
			t.Fatalf("%s share %q: %v; by brute force %q", pair, witness, found, both)
		}
		if found && (!a.MatchesSubject(witness) || !b.MatchesSubject(witness) || len(witness) != len(both)) {
			t.Fatalf("%s share %q, by brute force %q", pair, witness, both)
		}
		if got := ContainsSubjects(&setA, &setB); got != (only == "") {
			t.Fatalf("%s: the first contains the second: %v; by brute force not %q", pair, got, only)
		}
		if found {
			shared++
		}
		if only == "" {
			contained++
		}
	}
	if shared < pairs/8 || contained < pairs/40 {
		t.Errorf("of the pairs only %d share a subject, and %d contain one another", shared, contained)
	}
}

// randomSubjects is a credential with a short pattern or subject, which tells pairs
// apart within the lengths of the test.
func randomSubjects(random *rand.Rand) *Federated {
	for {
		var b strings.Builder
		for range 1 + random.IntN(4) {
			b.WriteString([]string{"a", "a", "b", ":", "*", "*", "**"}[random.IntN(7)])
		}
		switch s := b.String(); {
		case !strings.Contains(s, "*"):
			return &Federated{Subject: s}
		case CheckSubjectPattern(s) == nil:
			return &Federated{SubjectPattern: s}
		}
	}
}

// TestSubjectSets are pairs that occur.
func TestSubjectSets(t *testing.T) {
	for _, c := range []struct {
		a, b           string
		shared, within bool // b within a
	}{
		{"repo:acme@1/*:ref:refs/heads/main", "repo:acme@1/billing@2:ref:refs/heads/main", true, true},
		{"repo:acme@1/*:ref:refs/heads/main", "repo:acme@1/*:ref:refs/heads/*", true, false},
		{"repo:acme@1/*:ref:refs/heads/*", "repo:acme@1/*:ref:refs/heads/main", true, true},
		{"repo:acme@1/**", "repo:acme@1/*:environment:*", true, true},
		{"repo:acme@1/*:environment:*", "repo:acme@1/**", true, false},
		{"repo:*/billing:**", "repo:acme/*:**", true, false},
		{"system:serviceaccount:payments:*", "system:serviceaccount:*:billing", true, false},
		{"system:serviceaccount:payments:*", "system:serviceaccount:sales:*", false, false},
		{"spiffe://a/*/x", "spiffe://a/b/c/x", false, false},
		{"spiffe://a/**/x", "spiffe://a/b/c/x", true, true},
		{"ü*", "*ü", true, false},
	} {
		a, b := subjectsOf(c.a), subjectsOf(c.b)
		if witness, shared := SharedSubject(&a, &b); shared != c.shared {
			t.Errorf("%q and %q share %q: %v", c.a, c.b, witness, shared)
		}
		if within := ContainsSubjects(&a, &b); within != c.within {
			t.Errorf("%q contains %q: %v", c.a, c.b, within)
		}
		if !ContainsSubjects(&a, &a) {
			t.Errorf("%q does not contain itself", c.a)
		}
	}
}

func subjectsOf(text string) SubjectSet {
	if strings.Contains(text, "*") {
		return (&Federated{SubjectPattern: text}).Subjects()
	}
	return (&Federated{Subject: text}).Subjects()
}

// TestLongSubjectsAreBounded: patterns that are as long and as wild as they may be end
// soon, whatever the answer; and no subject longer than a token's is shared.
func TestLongSubjectsAreBounded(t *testing.T) {
	hard := subjectsLike(strings.Repeat("**a:/*", 4) + strings.Repeat(":/a", 300))
	other := subjectsLike("**" + strings.Repeat("a:/", 300) + "*" + strings.Repeat("/:a", 30) + "**")
	SharedSubject(&hard, &other)
	ContainsSubjects(&hard, &other)
	ContainsSubjects(&other, &hard)
	head, tail := subjectsLike(strings.Repeat("a", 900)+"*"), subjectsLike("*"+strings.Repeat("b", 900))
	if s, shared := SharedSubject(&head, &tail); shared {
		t.Errorf("they share a subject of %d bytes", len(s))
	}
}

// TestGitHubSubjects says which names may be somebody else's one day.
func TestGitHubSubjects(t *testing.T) {
	for _, c := range []struct {
		subject, why string
		pullRequest  bool
	}{
		{"repo:acme@123/billing@456:ref:refs/heads/main", "", false},
		{"repo:acme@123/*:environment:prod", "", false},
		{"repo:acme@123/*:*", "", true},
		{"repo:acme@123/billing@456:**", "", true},
		{"repo:acme@123/billing@456:pull_request", "", true},
		{"repo:acme/billing:ref:refs/heads/main", "registered again", false},
		{"repo:acme/billing:*", "registered again", true},
		{"repo:acme-123/billing-456:ref:refs/heads/main", "anybody may register", false},
		{"repo:acme-123/billing:ref:refs/heads/main", "registered again", false},
		{"repo:acme@x/billing:ref:refs/heads/main", "registered again", false},
		{"repo:*/billing:ref:refs/heads/main", "not written out", false},
		{"repo:ac*@123/billing@456:ref:refs/heads/main", "not written out", false},
		{"repository_owner_id:123", "", false},
	} {
		if why := MutableGitHubSubject(c.subject); !strings.Contains(why, c.why) || (why == "") != (c.why == "") {
			t.Errorf("%q: %q", c.subject, why)
		}
		if set := subjectsOf(c.subject); OfPullRequest(&set) != c.pullRequest {
			t.Errorf("%q: of a pull request: %v", c.subject, !c.pullRequest)
		}
	}
	for issuer, want := range map[string]bool{
		"https://token.actions.githubusercontent.com": true, "https://token.actions.githubusercontent.com/acme": true,
		"https://github.acme.example/_services/token": true, "https://token.actions.githubusercontent.com.evil.example": false, "https://gitlab.com": false,
	} {
		if IsGitHubActions(issuer) != want {
			t.Errorf("%s: %v", issuer, !want)
		}
	}
}
