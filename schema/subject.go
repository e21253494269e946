package schema

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"unicode/utf8"
)

// MaxSubject is the longest subject or subject pattern of a federated
// credential, in bytes.
const MaxSubject = 1024

// maxWildcards bounds the wildcards of one subject pattern.
const maxWildcards = 8

// CheckSubject reports why s cannot be the exact sub claim of a workload.
func CheckSubject(s string) error {
	if len(s) == 0 || len(s) > MaxSubject || !utf8.ValidString(s) {
		return fmt.Errorf("subject has %d bytes: it must have 1 to %d, in UTF-8", len(s), MaxSubject)
	}
	return checkText("subject", s)
}

// CheckSubjectPattern reports why s is not a subject pattern. A pattern is the
// whole sub claim, anchored at both ends, where "*" stands for one or more
// characters other than the separators "/" and ":", and "**" for one or more
// of any.
func CheckSubjectPattern(s string) error {
	if err := CheckSubject(s); err != nil {
		return err
	}
	switch n := strings.Count(strings.ReplaceAll(s, "**", "*"), "*"); {
	case n == 0:
		return fmt.Errorf("subject_pattern %q has no *: write it as subject, which is exact", s)
	case n > maxWildcards:
		return fmt.Errorf("subject_pattern has %d wildcards: it may have %d", n, maxWildcards)
	case strings.Contains(s, "***"):
		return fmt.Errorf("subject_pattern %q has three * in a row: write * within a part, ** across parts", s)
	case s[0] == '^' || s[len(s)-1] == '$':
		return fmt.Errorf("subject_pattern %q looks like a regular expression: a pattern is anchored already, and only * and ** are special", s)
	case strings.Trim(s, "*/:") == "":
		return errors.New("subject_pattern matches every subject: say whose token it is")
	}
	return nil
}

// LooseSubjectPattern says what more than its author may think a valid pattern
// matches, or "" when nothing of the kind is seen.
func LooseSubjectPattern(pattern string) string {
	first := strings.IndexByte(pattern, '*')
	if first < 0 {
		return ""
	}
	if strings.Contains(pattern, "**") {
		return "** also matches further parts, whatever separators they hold; use * for one part"
	}
	if !strings.ContainsAny(pattern[:first], "/:") {
		return "no whole part stands before the first *, so anyone who can choose the first part matches"
	}
	for i := first; i < len(pattern); i++ {
		if pattern[i] == '*' && pattern[i-1] != '/' && pattern[i-1] != ':' {
			return "a * that begins inside a part matches every longer name, such as another owner's; let it stand for a whole part"
		}
	}
	return ""
}

// MatchSubject reports whether a valid pattern matches the whole subject. Its
// cost is at most the product of the two lengths.
func MatchSubject(pattern, subject string) bool {
	// live[j] says that the pattern read so far matches subject[:j].
	live := make([]bool, len(subject)+1)
	live[0] = true
	for i := 0; i < len(pattern); i++ {
		next := make([]bool, len(subject)+1)
		wild := pattern[i] == '*'
		across := wild && i+1 < len(pattern) && pattern[i+1] == '*'
		for j := range len(subject) {
			from := live[j] || wild && next[j]
			next[j+1] = from && (across || wild && subject[j] != '/' && subject[j] != ':' || !wild && pattern[i] == subject[j])
		}
		if across {
			i++
		}
		live = next
	}
	return live[len(subject)]
}

// MatchesSubject reports whether the credential is for tokens with this whole sub claim:
// by the exact subject or by the pattern. One with neither, or with both, matches nothing.
func (f *Federated) MatchesSubject(subject string) bool {
	switch {
	case subject == "" || f.Subject != "" && f.SubjectPattern != "":
		return false
	case f.Subject != "":
		return f.Subject == subject
	case f.SubjectPattern == "" || len(subject) > MaxSubject:
		return false
	}
	return MatchSubject(f.SubjectPattern, subject)
}

// SpeaksFor reports whether the issuer's tokens may have this sub claim. An issuer that
// is a SPIFFE trust domain, "spiffe://example.org", speaks for that domain alone.
func (t *TrustedIssuer) SpeaksFor(subject string) bool {
	return !IsTrustDomain(t.Issuer) || strings.HasPrefix(subject, strings.TrimSuffix(t.Issuer, "/")+"/")
}

// IsTrustDomain reports whether the URL of a trusted issuer is a SPIFFE trust domain.
func IsTrustDomain(issuer string) bool { return strings.HasPrefix(issuer, "spiffe://") }

// CheckSubjectDN reports why s is not a distinguished name in the shape of RFC
// 4514. The server compares names attribute by attribute; this only keeps out
// what is no name.
func CheckSubjectDN(s string) error {
	attr, value, found := strings.Cut(s, "=")
	if !found || attr == "" || value == "" || len(s) > MaxSubject || !isAlpha(attr[0]) && !isDigit(attr[0]) || !isWord(attr, ".-") {
		return fmt.Errorf("subject_dn %q is not a distinguished name: write it like \"CN=billing,O=Example\"", s)
	}
	return checkText("subject_dn", s)
}

// CheckSANDNS reports why s cannot be a dNSName of a client certificate.
func CheckSANDNS(s string) error {
	_, err := netip.ParseAddr(s)
	bad := len(s) == 0 || len(s) > 253 || err == nil || !isWord(s, ".-")
	for part := range strings.SplitSeq(s, ".") {
		bad = bad || part == "" || len(part) > 63 || part[0] == '-' || part[len(part)-1] == '-'
	}
	if bad {
		return fmt.Errorf("san_dns %q is not a host name without wildcards: write it like \"billing.example.com\"", s)
	}
	return nil
}

// CheckSANURI reports why s cannot be a URI of a client certificate.
func CheckSANURI(s string) error {
	if u, err := url.Parse(s); err != nil || !IsURI(s) || u.Fragment != "" || len(s) > MaxSubject {
		return fmt.Errorf("san_uri %q is not an absolute URI: write it like \"spiffe://example.com/billing\"", s)
	}
	return nil
}
