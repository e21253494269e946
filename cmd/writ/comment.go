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
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console/graph"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// This file gathers what a comment on a pull request says beside the plan: which commits
// are compared, who answers for an object and where it is written. How policies and
// expectations come out is in guards.go.

// failedComment prints an error of a plan as a comment where --markdown asks for one, and
// returns the error, so that the exit code is that of the failure. w is nil where the
// configuration could not be loaded.
func failedComment(ctx context.Context, env *cli.Env, w *workspace.Workspace, o *planFlags, limit int, err error) error {
	if !o.markdown {
		return err
	}
	// The mistakes of the revision that is compared with are shown as well: its files are
	// not those of the pull request, and nobody would look for them there.
	failure := view.FailureMarkdown{Limit: limit, Problems: diag.ProblemsOf(err)}
	at := "" // the commit that the problems are in, where that is not the head
	if past, ok := errors.AsType[*workspace.RevisionError](err); ok {
		at = past.Commit
		failure.Problems = &diag.Problems{List: append(failure.Problems.List, past.Problems.List...), Sources: past.Problems.Sources}
	}
	if w != nil {
		failure.Command = planCommandLine(w, o, false)
		failure.Environment = w.Environment(ctx, reference(env, o.against))
		// Where git fails as well, the comment has no links; what failed first is what it
		// tells.
		if c, err := newCommits(ctx, env, w, failure.Problems.Sources, ""); err == nil {
			failure.Head, failure.URL = c.head, func(r hcl.Range) string { return c.url(cmp.Or(at, c.head), r) }
		}
	}
	if writeErr := printComment(env, failure.Render); writeErr != nil {
		return errors.Join(err, writeErr)
	}
	return err
}

// printComment prints a comment, and again on the page of the CI step that runs the
// command. It is rendered whole before the first byte is written: half a comment would pass
// for a short one.
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

// reviewOf makes the review of a plan before any check or policy is asked. It also returns
// how places are found, which the guards need. c is nil where links are not wanted, as for
// a terminal.
func reviewOf(p *workspace.Proposal, c *commits) (*view.Review, *places) {
	r := &view.Review{Plan: p.Plan, Environment: p.Model.Document.Issuer.Environment}
	if p.Missing != "" {
		r.Warning = p.Missing + " This plan compares with nothing: whatever is in force already counts as new."
	}
	if c != nil {
		c.describe(r, p)
	}
	where := &places{next: p.Model, prior: p.Prior.Model, commits: c}
	r.Place = where.place
	return r, where
}

// commits are the two commits that a comment compares, and the address at which people look
// at them.
type commits struct {
	head, base string
	dirty      bool
	folder     string // of the configuration, from the top of the repository
	prefix     string // of the address of a file, before the commit; "" where there is none
}

// commitHash is a whole hash of git, SHA-1 or SHA-256.
var commitHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// newCommits finds the commits and the address of the repository's files. sources are the
// files that were compiled, by name: the tree is clean only if git has them all as they
// are. GitHub checks a pull request out as a merge commit that nobody can open, so the head
// comes from the event.
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
	// Outside of CI, and where the runner says something else than a hash, git's own answer
	// counts.
	if !commitHash.MatchString(head) {
		head = at.Hash
	}
	c.head = head
	if u, err := url.Parse(host); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && at.Clean {
		c.prefix = (&url.URL{Scheme: u.Scheme, Host: u.Host}).String() + escapedPath(u.Path)
	}
	return c, nil
}

// eventHead is the head commit of the pull request in the event file of a GitHub workflow;
// "" when there is none, as for a push, or when the file is not what it should be. Then
// $GITHUB_SHA counts.
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

// escapedPath escapes each part of a path for an address. url.PathEscape also escapes the
// brackets and parentheses that would end a link in Markdown.
func escapedPath(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// url is the address of a line at a commit, or "" where nobody could look it up: outside of
// a known host, in a folder that has changes which are not committed, or without a place.
func (c *commits) url(commit string, r hcl.Range) string {
	if c.prefix == "" || commit == "" || r.Filename == "" {
		return ""
	}
	return fmt.Sprintf("%s%s/%s#L%d", c.prefix, commit, escapedPath(c.folder+r.Filename), r.Start.Line)
}

// describe adds to a review which commits are compared, whether the files changed although
// nothing follows from it, and what could not be compared.
func (c *commits) describe(r *view.Review, p *workspace.Proposal) {
	r.Head, r.Base, r.Dirty = c.head, c.base, c.dirty
	if was := p.Prior.Model; was != nil {
		r.Refactored = was.Config.Digest != p.Model.Config.Digest
	} else if p.Prior.Document != nil {
		r.Unchecked = append(r.Unchecked, "policies, expectations and retired names as they were") // a snapshot has none
	}
}

// A places finds the line that declares an object and who answers for it: in the
// configuration after the change, or, of an object that is gone, in the one before, if that
// was compiled.
type places struct {
	next, prior *compiler.Model
	commits     *commits              // nil for no links
	tests       map[string]view.Place // of expectations, by address
}

// place is view.Review.Place: where an attribute of the object at an address is set. label
// chooses a nested block, such as a secret; an attribute that is not written has the place
// of its block.
func (s *places) place(address, attribute, label string) view.Place {
	if strings.HasPrefix(address, "expect ") {
		return s.expectation(address)
	}
	// An object that is gone has its place on the side that is compared with.
	model, commit, gone := s.next, "", false
	if s.commits != nil {
		commit = s.commits.head
	}
	r, ok := model.AttributeRange(address, attribute, label)
	if !ok && s.prior != nil {
		if model, gone = s.prior, true; s.commits != nil {
			commit = s.commits.base
		}
		r, ok = model.AttributeRange(address, attribute, label)
	}
	if !ok {
		return view.Place{}
	}
	p := s.at(r, commit, owner(model, address))
	p.Gone = gone
	return p
}

// at is a place with its link at a commit.
func (s *places) at(r hcl.Range, commit, owner string) view.Place {
	p := view.Place{Owner: owner, Range: r}
	if s.commits != nil {
		p.URL = s.commits.url(commit, r)
	}
	return p
}

// atHead is a place in the configuration after the change, which nobody owns by name.
func (s *places) atHead(r hcl.Range) view.Place {
	if s.commits == nil {
		return s.at(r, "", "")
	}
	return s.at(r, s.commits.head, "")
}

// expectation is where an expectation is written, or was. The map is made when the first is
// asked for: most plans are about none.
func (s *places) expectation(address string) view.Place {
	if s.tests == nil {
		s.tests = map[string]view.Place{}
		if s.prior != nil {
			commit := ""
			if s.commits != nil {
				commit = s.commits.base
			}
			for _, t := range s.prior.Config.Tests {
				p := s.at(t.Range, commit, "")
				p.Gone = true
				s.tests[t.Address] = p
			}
		}
		for _, t := range s.next.Config.Tests {
			s.tests[t.Address] = s.atHead(t.Range)
		}
	}
	return s.tests[address]
}

// owner is who answers for an object, by its metadata; "" where nothing says so. An
// authorization is answered for by the owner of the API, since that is what somebody gets
// access to, and by the client's only where the API names nobody.
func owner(m *compiler.Model, address string) string {
	kind, label, _ := compiler.ParseAddress(address)
	switch kind {
	case compiler.KindAPI:
		if a, _, ok := m.API(label); ok {
			return graph.OwnerOf(a.Metadata)
		}
	case compiler.KindClient:
		if c, _, ok := m.Client(label); ok {
			return graph.OwnerOf(c.Metadata)
		}
	case compiler.KindAuthorization:
		if a, _, ok := m.Authorization(label); ok {
			return cmp.Or(owner(m, compiler.Address(compiler.KindAPI, a.API)), owner(m, compiler.Address(compiler.KindClient, a.Client)))
		}
	}
	return ""
}
