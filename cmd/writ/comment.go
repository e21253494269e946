package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// This file gathers what a comment on a pull request says beside the plan: which commits
// are compared, who answers for an object and where it is written, and how policies and
// expectations come out.

// runComment is plan --markdown. Whatever goes wrong once the command line is understood is
// told in a comment too: a pull request must not keep an older plan as its last word.
func runComment(ctx context.Context, env *cli.Env, args []string, flags *cli.ConfigFlags, o *planFlags, checks []compiler.AccessCheck) error {
	limit := view.MarkdownLimit
	if o.limit != "" {
		var err error
		if limit, err = strconv.Atoi(o.limit); err != nil || limit < view.MinMarkdownLimit {
			return diag.Usagef("--markdown-limit takes a number of characters, %d or more, not %q", view.MinMarkdownLimit, o.limit)
		}
	}
	w, err := flags.Load(env, args)
	if err != nil {
		return failedComment(ctx, env, nil, o, limit, err)
	}
	if err := checkPlanFile(env, w, o.out); err != nil {
		return err
	}
	t, err := env.CompileForReview(w)
	if err != nil {
		return failedComment(ctx, env, w, o, limit, err)
	}
	p, refused := o.plan(ctx, w, t, workspace.PlanOptions{Against: reference(env, o.against)})
	if p == nil || refused != nil && !onlyPolicies(refused) {
		return failedComment(ctx, env, w, o, limit, refused)
	}
	c, err := newCommits(ctx, env, w, t.Model.Config.Sources, p.Prior.Commit())
	if err != nil {
		return failedComment(ctx, env, w, o, limit, err)
	}
	review := reviewOf(p)
	c.describe(review, p)
	if review.Guards, err = guardsOf(env, t, refused, c); err != nil {
		return failedComment(ctx, env, w, o, limit, err)
	}
	if err := o.addNotes(env, review, p); err != nil {
		return failedComment(ctx, env, w, o, limit, err)
	}
	if review.Checks, err = runChecks(p, checks, env.Now()); err != nil {
		return failedComment(ctx, env, w, o, limit, err)
	}
	if review.Warning != "" {
		env.Warn(t.Model.Accept(diag.List{w.SnapshotMissing(diag.Warning, review.Warning)}), nil)
	} else if p.Prior.Document == nil {
		review.Warning = "There is nothing to compare with: everything counts as new."
	}
	if refused == nil {
		env.Remind(t)
	}
	noteStage(env, p.Prior.Staged())
	// The comment is written before the command fails for a guard: whoever reads why it
	// failed has to see what the change would do.
	comment := view.PlanMarkdown{Command: planCommandLine(w, o, p.Plan), Limit: limit}
	if err := printComment(env, func(out io.Writer) error { return comment.Render(out, review) }); err != nil {
		return err
	}
	switch {
	case len(t.Unsatisfied) > 0:
		return t.Refused()
	case refused != nil:
		return refused
	case review.Guards.Errors() > 0:
		env.Note("An expectation fails, so no plan can go on from here: \"writ check\" says more.")
		return cli.Status(cli.ExitError)
	}
	return endPlan(env, w, o, p, review)
}

// failedComment tells an error as a comment, and returns it.
func failedComment(ctx context.Context, env *cli.Env, w *workspace.Workspace, o *planFlags, limit int, err error) error {
	failure := view.FailureMarkdown{Limit: limit, Problems: diag.ProblemsOf(err)}
	if past, ok := errors.AsType[*workspace.RevisionError](err); ok {
		failure.Problems = &diag.Problems{List: append(failure.Problems.List, past.Problems.List...), Sources: past.Problems.Sources}
	}
	if w != nil {
		failure.Environment = w.Environment(ctx, reference(env, o.against))
		// Where git fails as well, the comment has no links; what failed first is what it tells.
		if c, err := newCommits(ctx, env, w, failure.Problems.Sources, ""); err == nil {
			failure.Head, failure.URL = c.head, func(r hcl.Range) string { return c.url(c.head, r) }
		}
	}
	if writeErr := printComment(env, failure.Render); writeErr != nil {
		return errors.Join(err, writeErr)
	}
	return err
}

// printComment prints a comment, also on the page of the step that runs the command.
func printComment(env *cli.Env, render func(io.Writer) error) error {
	var text bytes.Buffer
	if err := render(&text); err != nil {
		return err
	}
	if _, err := env.Out.Write(text.Bytes()); err != nil {
		return err
	}
	return env.Summarize(func(page io.Writer) error {
		_, err := page.Write(text.Bytes())
		return err
	})
}

// reviewOf is what a plan says without git: places without links.
func reviewOf(p *workspace.Proposal) *view.Review {
	r := &view.Review{Plan: p.Plan, Environment: p.Model.Document.Issuer.Environment}
	if p.Missing != "" {
		r.Warning = p.Missing + " This plan compares with nothing: whatever is in force already counts as new."
	}
	places := &places{next: p.Model, prior: p.Prior.Model}
	r.Place = places.place
	return r
}

// commits are those that a comment compares, and where they can be looked at.
type commits struct {
	head, base string
	dirty      bool
	folder     string // of the configuration, from the top of the repository
	prefix     string // of the address of a file, before the commit; "" where there is none
}

// commitHash is a whole hash of git, SHA-1 or SHA-256.
var commitHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// newCommits asks git, and the variables of GitHub's and GitLab's runners. A pull request's
// checkout is a merge that nobody can look at, so the event says which commit is meant.
func newCommits(ctx context.Context, env *cli.Env, w *workspace.Workspace, sources map[string][]byte, base string) (*commits, error) {
	at, err := w.Commit(ctx, sources)
	if err != nil {
		return nil, err
	}
	// All of this comes from the runner's environment, which the author of a change does not
	// choose; it is held to its form all the same, as it becomes a link.
	c := &commits{base: base, dirty: at.Hash != "" && !at.Clean, folder: at.Folder}
	host, head := "", ""
	if repository := env.Getenv("GITHUB_REPOSITORY"); repository != "" {
		host = env.Getenv("GITHUB_SERVER_URL") + "/" + repository + "/blob/"
		head = cmp.Or(eventHead(env.Getenv("GITHUB_EVENT_PATH")), env.Getenv("GITHUB_SHA"))
	} else if project := env.Getenv("CI_PROJECT_URL"); project != "" {
		host, head = project+"/-/blob/", env.Getenv("CI_COMMIT_SHA")
	}
	if !commitHash.MatchString(head) {
		head = at.Hash
	}
	c.head = head
	if u, err := url.Parse(host); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && at.Clean {
		c.prefix = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + escapedPath(u.Path)
	}
	return c, nil
}

// eventHead is the head of the pull request that started a workflow; "" when none did.
func eventHead(path string) string {
	if path == "" {
		return ""
	}
	content, err := workspace.ReadFile(path)
	if err != nil {
		return ""
	}
	var event struct {
		PullRequest struct {
			Head struct {
				SHA string `json:"sha"`
			} `json:"head"`
		} `json:"pull_request"`
	}
	if json.Unmarshal(content, &event) != nil || !commitHash.MatchString(event.PullRequest.Head.SHA) {
		return ""
	}
	return event.PullRequest.Head.SHA
}

// escapedPath is a path in an address, with everything escaped that means something there
// or in Markdown.
func escapedPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// url is the address of a line at a commit; "" where it cannot be looked at.
func (c *commits) url(commit string, r hcl.Range) string {
	if c.prefix == "" || commit == "" || r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s%s/%s#L%d", c.prefix, commit, escapedPath(c.folder+r.Filename), r.Start.Line)
}

// describe says in a review what is compared, and adds links to places.
func (c *commits) describe(r *view.Review, p *workspace.Proposal) {
	r.Head, r.Base, r.Dirty = c.head, c.base, c.dirty
	places := &places{next: p.Model, prior: p.Prior.Model, commits: c}
	r.Place = places.place
	if was := p.Prior.Model; was != nil {
		r.Refactored = was.Config.Digest != p.Model.Config.Digest
	} else if p.Prior.Document != nil {
		r.Unchecked = append(r.Unchecked, "policies, expectations and retired names as they were") // a snapshot has none
	}
}

// places know where objects are declared and who answers for them, after a change and, of
// what is gone, before it.
type places struct {
	next, prior *compiler.Model
	commits     *commits // nil for no links
	tests       map[string]hcl.Range
}

func (s *places) place(address, attribute, label string) view.Place {
	if strings.HasPrefix(address, "expect ") {
		return s.expectation(address)
	}
	// An object that is gone has its place on the side that is compared with.
	model, commit := s.next, ""
	if s.commits != nil {
		commit = s.commits.head
	}
	r, ok := model.AttributeRange(address, attribute, label)
	before := !ok && s.prior != nil
	if before {
		if model = s.prior; s.commits != nil {
			commit = s.commits.base
		}
		r, ok = model.AttributeRange(address, attribute, label)
	}
	if !ok {
		return view.Place{}
	}
	p := s.at(r, commit, owner(model, address))
	p.Before = before
	return p
}

// at is a place at a commit.
func (s *places) at(r hcl.Range, commit, owner string) view.Place {
	p := view.Place{Owner: owner, Line: lineOf(r)}
	if s.commits != nil {
		p.URL = s.commits.url(commit, r)
	}
	return p
}

// lineOf is a file and a line in it; "" for no place.
func lineOf(r hcl.Range) string {
	if r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", r.Filename, r.Start.Line)
}

// expectation is where an expectation is written. The map is made when the first is asked
// for: most plans are about none.
func (s *places) expectation(address string) view.Place {
	if s.tests == nil {
		s.tests = map[string]hcl.Range{}
		for _, t := range s.next.Config.Tests {
			s.tests[t.Address] = t.Range
		}
	}
	if r, ok := s.tests[address]; ok {
		commit := ""
		if s.commits != nil {
			commit = s.commits.head
		}
		return s.at(r, commit, "")
	}
	return view.Place{}
}

// owner is who answers for an object: for an authorization whoever has the API, since that
// is what is reached.
func owner(m *compiler.Model, address string) string {
	kind, label, _ := compiler.ParseAddress(address)
	switch kind {
	case compiler.KindAPI:
		if a, _, ok := m.API(label); ok {
			return ownerIn(a.Metadata)
		}
	case compiler.KindClient:
		if c, _, ok := m.Client(label); ok {
			return ownerIn(c.Metadata)
		}
	case compiler.KindAuthorization:
		if a, _, ok := m.Authorization(label); ok {
			return cmp.Or(owner(m, compiler.Address(compiler.KindAPI, a.API)), owner(m, compiler.Address(compiler.KindClient, a.Client)))
		}
	}
	return ""
}

func ownerIn(metadata map[string]string) string { return cmp.Or(metadata["owner"], metadata["team"]) }

// onlyPolicies reports whether nothing but policies for changes refuses a plan, so that the
// comment holds the plan and their messages.
func onlyPolicies(refused error) bool {
	return !slices.ContainsFunc(diag.ProblemsOf(refused).List, func(d diag.Diagnostic) bool {
		return d.Severity == diag.Error && d.Code != "policy-failed"
	})
}

// guardsOf says how policies and expectations come out. refused is the error of a plan that
// policies for changes refuse, nil for none.
func guardsOf(env *cli.Env, t *workspace.Tree, refused error, c *commits) (*view.Guards, error) {
	m := t.Model
	g := &view.Guards{Policies: len(m.Config.Policies), Expectations: len(m.Config.Tests), Exercisable: len(m.Document.Authorizations)}
	findings := slices.Concat(t.Unsatisfied, t.Warnings)
	if refused != nil { // the tree's warnings are among them
		findings = slices.Concat(t.Unsatisfied, diag.ProblemsOf(refused).List)
	}
	for _, d := range findings {
		if d.Code == "policy-failed" {
			g.Failed = append(g.Failed, policyFinding(d, c))
		}
	}
	if g.Expectations == 0 {
		return g, nil // without any there is no snapshot to make
	}
	report, err := checkAll(env, t, true)
	if err != nil {
		return nil, err
	}
	for i, result := range report.Tests {
		if !result.Passed {
			g.Failed = append(g.Failed, expectationFinding(m.Config.Tests[i], result, c))
		}
	}
	for _, gap := range report.Uncovered {
		if gap.Whole {
			g.Unexercised = append(g.Unexercised, gap.Address)
		}
	}
	return g, nil
}

// policyFinding is an object that does not satisfy a policy, at the line of the object.
func policyFinding(d diag.Diagnostic, c *commits) view.Finding {
	f := view.Finding{Text: d.Detail, Line: lineOf(d.Range), URL: c.url(c.head, d.Range), Warning: d.Severity != diag.Error}
	for _, related := range d.Related { // where the policy is declared
		f.Guard = strings.TrimSuffix(related.Message, " is declared here")
	}
	return f
}

// expectationFinding is what an expectation expected, and what came.
func expectationFinding(test *config.Test, result testResult, c *commits) view.Finding {
	var said []string
	for _, m := range result.Failures {
		said = append(said, fmt.Sprintf("%s: expected %s, got %s", m.What, m.Expected, m.Actual))
	}
	sentences := append([]string{strings.Join(said, "; ") + "."}, result.Why...)
	return view.Finding{Guard: test.Address, Text: strings.Join(sentences, " "), Line: lineOf(test.Range), URL: c.url(c.head, test.Range)}
}
