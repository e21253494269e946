package compiler

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// A federatedBlock is one federated credential beside those that it is compared with.
type federatedBlock struct {
	*schema.Federated
	client   *schema.Client
	declared *config.Client
	issuer   *schema.TrustedIssuer
	subjects schema.SubjectSet
}

// address is how diagnostics name the block.
func (b *federatedBlock) address() string { return config.FederatedAddress(b.client.Label, b.Label) }

// at is where the subject or pattern is written.
func (b *federatedBlock) at() hcl.Range {
	name := "subject"
	if b.SubjectPattern != "" {
		name = "subject_pattern"
	}
	return b.declared.NestedRange("federated", b.Label, name)
}

// checkFederation warns about federated blocks that let in more than one would think:
// tokens of two clients, of a pull request, of whoever takes over a name. What two
// patterns have in common is decided, see schema.SharedSubject.
func (c *compilation) checkFederation() {
	blocks := c.federatedBlocks()
	for i := range blocks {
		if b := &blocks[i]; schema.IsGitHubActions(b.issuer.Issuer) {
			c.checkGitHub(b)
		}
	}
	// Sorted by what their subjects begin with, those that may share one follow each
	// other: the prefix of one begins the prefix of the other.
	order := make([]int, len(blocks))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := &blocks[i], &blocks[j]
		return cmp.Or(cmp.Compare(a.issuer.Issuer, b.issuer.Issuer), cmp.Compare(a.subjects.Prefix, b.subjects.Prefix), cmp.Compare(i, j))
	})
	found := make([][]int, len(blocks)) // of each block, the earlier ones that it overlaps with
	spent := 0
	for n, i := range order {
		for _, j := range order[n+1:] {
			a, b := &blocks[i], &blocks[j]
			if a.issuer.Issuer != b.issuer.Issuer || !strings.HasPrefix(b.subjects.Prefix, a.subjects.Prefix) {
				break
			}
			if spent += a.subjects.Cost(&b.subjects); spent > maxFederationTime {
				c.reportTitled(b.at(), "overlapping-subjects", "Subjects not compared",
					"There are too many federated blocks with subjects that begin alike to compare all of them. Write out more of what their patterns begin with.")
				c.reportOverlaps(blocks, found)
				return
			}
			if first, second := min(i, j), max(i, j); blocks[first].overlaps(&blocks[second]) {
				found[second] = append(found[second], first)
			}
		}
	}
	c.reportOverlaps(blocks, found)
}

// maxFederationTime bounds the comparison of all federated blocks, in nanoseconds by
// their estimated costs.
const maxFederationTime = 300_000_000

// federatedBlocks lists what can be compared, in the order of the document.
func (c *compilation) federatedBlocks() []federatedBlock {
	var blocks []federatedBlock
	for i, declared := range c.clients {
		client := &c.Document.Clients[i]
		if c.refused.has(&declared.Decl) {
			continue
		}
		for j := range client.Federated {
			f := &client.Federated[j]
			t, known := search(c.trustedIssuers, f.TrustedIssuer, func(t *config.TrustedIssuer) string { return t.Label })
			if !known || c.refused.has(&c.trustedIssuers[t].Decl) {
				continue
			}
			blocks = append(blocks, federatedBlock{f, client, declared, &c.Document.TrustedIssuers[t], f.Subjects()})
		}
	}
	return blocks
}

// overlaps reports whether one token can match both blocks, at some time.
func (b *federatedBlock) overlaps(o *federatedBlock) bool {
	if b.client == o.client && b.TrustedIssuer != o.TrustedIssuer {
		return false // two issuers with one URL are told apart by audiences, on purpose
	}
	if !slices.ContainsFunc(b.issuer.Audiences, func(audience string) bool { return slices.Contains(o.issuer.Audiences, audience) }) {
		return false
	}
	if b.Window.NotBefore >= endOf(o.Window.ExpiresAt) || o.Window.NotBefore >= endOf(b.Window.ExpiresAt) {
		return false
	}
	// A claim that both demand with different values tells their tokens apart.
	mine, theirs := members(b.Claims), members(o.Claims)
	for name, value := range mine {
		if other, both := theirs[name]; both && !bytes.Equal(value, other) {
			return false
		}
	}
	_, shared := schema.SharedSubject(&b.subjects, &o.subjects)
	return shared
}

// covers reports whether every token that matches the other block matches this one.
func (b *federatedBlock) covers(o *federatedBlock) bool {
	// What this block demands the other must demand too, else it takes tokens that this
	// one refuses.
	theirs := members(o.Claims)
	for name, value := range members(b.Claims) {
		if !bytes.Equal(theirs[name], value) {
			return false
		}
	}
	return b.TrustedIssuer == o.TrustedIssuer && b.Window.NotBefore <= o.Window.NotBefore &&
		endOf(b.Window.ExpiresAt) >= endOf(o.Window.ExpiresAt) && schema.ContainsSubjects(&b.subjects, &o.subjects)
}

// reportOverlaps reports each block once: what it shares with another client, and that
// another block of its client makes it idle.
func (c *compilation) reportOverlaps(blocks []federatedBlock, found [][]int) {
	// Of blocks that cover each other one stays: what is already reported covers nothing.
	covered := make([]bool, len(blocks))
	for i := range blocks {
		b := &blocks[i]
		var others []*federatedBlock
		slices.Sort(found[i])
		for _, j := range found[i] {
			o := &blocks[j]
			switch {
			case o.client != b.client:
				others = append(others, o)
			case !covered[i] && !covered[j] && o.covers(b):
				covered[i] = true
				c.reportCovered(b, o)
			case !covered[i] && !covered[j] && b.covers(o):
				covered[j] = true
				c.reportCovered(o, b)
			}
		}
		if len(others) > 0 {
			c.reportOverlap(b, others)
		}
	}
}

// reportCovered warns about a block that another of the same client makes idle.
func (c *compilation) reportCovered(b, by *federatedBlock) {
	c.report(b.at(), "covered-subject",
		fmt.Sprintf("%s matches every token that %s matches, so that removing this block would take nothing away. Remove it, or narrow the other.", by.address(), b.address()),
		diag.Related{Message: by.address() + " matches them", Range: by.at()})
}

// reportOverlap warns about a block that shares tokens with other clients.
func (c *compilation) reportOverlap(b *federatedBlock, others []*federatedBlock) {
	first := others[0]
	subject, _ := schema.SharedSubject(&b.subjects, &first.subjects)
	what := "Some tokens match both"
	switch {
	case first.covers(b):
		what = "Every token that matches the first matches the second"
	case b.covers(first):
		what = "Every token that matches the second matches the first"
	}
	more := ""
	if len(others) > 1 {
		more = fmt.Sprintf(" The same holds for %s.", schema.Plural(len(others)-1, "other block"))
	}
	c.report(b.at(), "overlapping-subjects",
		fmt.Sprintf("%s and %s are of two clients. %s, such as one with the sub %q: its holder can act as either client.%s "+
			"Write out subjects that tell them apart, or claims with different values.", b.address(), first.address(), what, subject, more),
		diag.Related{Message: first.address() + " is here", Range: first.at()})
}

// checkGitHub warns about subjects of GitHub's workflows that others than the owner of
// the repository can have, or come to have.
func (c *compilation) checkGitHub(b *federatedBlock) {
	// GitHub never gives the same number to another owner or repository, so a claim with
	// one settles whose token it is, whatever the names say.
	claims := members(b.Claims)
	_, ofOwner := claims["repository_owner_id"]
	_, ofRepository := claims["repository_id"]
	if why := schema.MutableGitHubSubject(b.Subject + b.SubjectPattern); why != "" && !ofOwner && !ofRepository {
		c.report(b.at(), "mutable-subject",
			fmt.Sprintf("The subject of %s names a repository of GitHub by a name that may be or become somebody else's: %s. "+
				"Or demand the claim repository_owner_id or repository_id.", b.address(), why))
	}
	if schema.OfPullRequest(&b.subjects) && !excludesPullRequests(claims) {
		c.report(b.at(), "pull-request-subject",
			fmt.Sprintf("%s matches the tokens of workflows that a pull request starts, whose steps the pull request itself may change: "+
				"whoever can open one from a branch of the repository gets what %s can. "+
				"Write out a branch or an environment, or demand the claim event_name.", b.address(), b.declared.Address))
	}
}

// excludesPullRequests reports whether claims are demanded that the token of a workflow
// started by a pull request does not have.
func excludesPullRequests(claims map[string]json.RawMessage) bool {
	// Such a token has event_name "pull_request" and a ref below refs/pull/, which no rule
	// protects.
	text := func(name string) (value string) {
		_ = json.Unmarshal(claims[name], &value) // "" for what is absent or no text
		return value
	}
	event, ref := text("event_name"), text("ref")
	return event != "" && event != "pull_request" || ref != "" && !strings.HasPrefix(ref, "refs/pull/") || text("ref_protected") == "true"
}
