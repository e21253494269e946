package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/cmd/writ/internal/console"
	"github.com/writ-auth/writ/cmd/writ/internal/view"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// What the Changes page of the console shows: the files held against a snapshot or a
// commit. Plans are made by package workspace and laid out by view.NewPlanPage; here are
// the choices, and what is kept between two requests.

// A folderComparer implements console.Comparer: it says what the files of a folder change,
// in the words of "writ plan". Several pages may be open and each asks after every change,
// so results are kept: a base is read again when it is another snapshot or commit, and a
// comparison is made again when the files or the base are others.
//
// Two locks are held in this order: comparedBase.mu for one base, then planning for the
// model that all bases share.
type folderComparer struct {
	env  *cli.Env
	w    *workspace.Workspace
	tree func() (*workspace.Tree, error) // as it was compiled last

	bases map[string]*comparedBase // by what a page may ask for; fixed when it is made

	// planning guards the fields below, and the tree's model during a plan: planning marks
	// in the model which warnings were accepted, so there is one plan of it at a time.
	planning sync.Mutex
	last     *workspace.Tree
	trees    int // how many trees were seen; it numbers them
}

// A comparedBase is what the files are compared with, such as git:main, and the last
// comparison. mu guards all fields but against.
type comparedBase struct {
	against       string // for workspace.Baseline
	mu            sync.Mutex
	askedAt       time.Time // when id was asked for
	id            string
	err           error // why there is no id
	notes         []string
	base          *workspace.Baseline // of readID; nil until it is read
	readID        string
	comparison    console.Comparison
	comparedAt    time.Time
	comparedState string // base and tree that are compared in comparison; "" for none yet
}

// What a comparison is made of and how long it is kept.
const (
	// inForce is what a page calls the snapshot in force.
	inForce = "snapshot"
	// baseMaxAge is how long a base counts as unchanged. Git is asked by three processes, and
	// each open page asks after every change.
	baseMaxAge = 2 * time.Second
	// comparisonMaxAge is how long a comparison is shown whatever the clock says: access that
	// begins or ends makes another plan of the same files.
	comparisonMaxAge = time.Minute
	// baseWait is how long a page waits for a snapshot from elsewhere.
	baseWait = 10 * time.Second
	// maxChanges is how many sentences of a section and how many objects are on a page.
	maxChanges = 100
)

// newFolderComparer compares the tree that the editor of the pages has now, so that a page
// about changes and a page that edits never disagree about what the files hold. Nothing is
// read before the first page asks.
func newFolderComparer(env *cli.Env, w *workspace.Workspace, editor *treeEditor) *folderComparer {
	c := &folderComparer{env: env, w: w, tree: editor.current, bases: map[string]*comparedBase{inForce: {}}}
	for _, revision := range []string{"git:HEAD", "git:main"} {
		c.bases[revision] = &comparedBase{against: revision}
	}
	return c
}

// choices are what a page may compare with, for its menu. There are no others: a page
// cannot have the process read any revision or address that somebody puts into a URL.
func (c *folderComparer) choices() []console.Base {
	return []console.Base{{Ref: inForce, Name: c.inForceName()}, {Ref: "git:HEAD", Name: "git:HEAD"}, {Ref: "git:main", Name: "git:main"}}
}

// inForceName is where the snapshot in force is: the path of a file as seen from the root
// of the configuration, or the address of a location.
func (c *folderComparer) inForceName() string {
	if path, ok := c.w.Snapshot.File(); ok {
		return c.w.FromRoot(path)
	}
	return c.w.Snapshot.String()
}

// ID implements console.Comparer. Two comparisons with the same ID say the same, so that a page
// whose ID has not changed is not sent again.
func (c *folderComparer) ID(ctx context.Context, ref string) string {
	ref, b := c.choose(ctx, ref)
	t, err := c.tree()
	if err != nil {
		return ref
	}
	return ref + " " + c.state(t, b)
}

// state names a base and a tree. A tree is named by its number and not by the digest of its
// files: one that was compiled again may have another lockfile beside it, which the plan
// depends on.
func (c *folderComparer) state(t *workspace.Tree, b *comparedBase) string {
	c.planning.Lock()
	if c.last != t {
		c.last = t
		c.trees++
	}
	n := c.trees
	c.planning.Unlock()
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("%s %v, tree %d", b.id, b.err, n)
}

// choose finds the base that a page asks for. A page that asks for none, or for one that is not
// offered, gets the snapshot in force, or the last commit where there is no snapshot yet.
func (c *folderComparer) choose(ctx context.Context, ref string) (string, *comparedBase) {
	b, known := c.bases[ref]
	if !known {
		ref, b = inForce, c.bases[inForce]
		if id, err := c.currentID(ctx, b); id == "" && err == nil {
			ref, b = "git:HEAD", c.bases["git:HEAD"]
		}
	}
	c.currentID(ctx, b)
	return ref, b
}

// currentID asks which snapshot or commit the base is now, at most every baseMaxAge. An
// empty id without an error means that there is no snapshot.
func (c *folderComparer) currentID(ctx context.Context, b *comparedBase) (id string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := c.env.Now(); now.Sub(b.askedAt).Abs() >= baseMaxAge {
		// The answer is for every page, so the request that asks for it may end without
		// ending it.
		b.id, b.err = c.w.BaselineID(context.WithoutCancel(ctx), b.against)
		b.askedAt = now
	}
	return b.id, b.err
}

// Compare implements console.Comparer. It holds the base's lock while it compares, so that
// pages which ask at the same time wait for one comparison and do not each make their own.
func (c *folderComparer) Compare(ctx context.Context, ref string) console.Comparison {
	asked := ref
	ref, b := c.choose(ctx, ref)
	t, err := c.tree()
	if err != nil {
		return console.Comparison{Ref: ref, Choices: c.choices(), Problem: problem(err).Problem}
	}
	state := c.state(t, b)
	b.mu.Lock()
	defer b.mu.Unlock()
	now := c.env.Now()
	if b.comparedState != state || now.Sub(b.comparedAt).Abs() >= comparisonMaxAge {
		ctx, cancel := context.WithTimeout(ctx, baseWait)
		defer cancel()
		result := c.compare(ctx, t, b)
		if ctx.Err() != nil && errors.Is(context.Cause(ctx), context.Canceled) {
			return result // nobody waits for this page any more: the half-made result is not kept
		}
		b.comparison, b.comparedAt, b.comparedState = result, now, state
	}
	// The rest is for this page alone: two pages may ask for the same base in different ways.
	result := b.comparison
	result.Ref, result.Choices, result.ID = ref, c.choices(), ref+" "+state
	if _, known := c.bases[asked]; !known && result.Absent && ref == "git:HEAD" {
		result.Problem = fmt.Sprintf("There is no snapshot at %s yet, which \"writ apply\" writes, and git has nothing to compare with: %s", c.inForceName(), result.Problem)
	}
	return result
}

// compare makes a comparison; the caller holds b.mu. Whatever goes wrong is part of the
// result: a page shows it where the changes would be.
func (c *folderComparer) compare(ctx context.Context, t *workspace.Tree, b *comparedBase) console.Comparison {
	if b.err != nil {
		return failedComparison(b.err, c.env.Now())
	}
	// A revision is loaded and compiled here, once for as long as it is the same commit.
	if b.base == nil || b.readID != b.id {
		b.base, b.notes = nil, nil
		w := c.w.WithNote(func(text string) { b.notes = append(b.notes, text) })
		base, err := w.Baseline(ctx, b.against)
		if err != nil {
			return failedComparison(err, c.env.Now())
		}
		b.base, b.readID = base, b.id
	}
	c.planning.Lock()
	defer c.planning.Unlock()
	// guardsOf collects test results in its env. A copy keeps those of a page out of the report
	// that the command itself prints at its end.
	env := *c.env
	w := c.w.WithNote(func(string) {})
	p, refused := w.Plan(ctx, t.Clone(), workspace.PlanOptions{Against: b.against, Prior: b.base})
	if p == nil {
		result := failedComparison(refused, c.env.Now())
		result.Problem = "These files cannot be applied as they are, so there is no plan:"
		return result
	}
	if b.against == "" && b.base.Document == nil {
		return console.Comparison{Absent: true, Problem: cmp.Or(p.Missing, fmt.Sprintf("There is no snapshot at %s: nothing was applied yet. \"writ apply\" writes the first one.", c.inForceName()))}
	}
	review, where := reviewOf(p, new(commits)) // places without links
	var err error
	if review.Guards, err = guardsOf(&env, p.Tree, refused, where); err != nil {
		return failedComparison(err, c.env.Now())
	}
	result := comparisonOf(view.NewPlanPage(review, maxChanges), t.Sources)
	result.Base, result.Made = baseName(b.base)
	result.Notes = b.notes
	result.Differs = !p.Plan.Empty() || review.Guards.Errors() > 0
	for _, noun := range review.Unchecked {
		result.Notes = append(slices.Clip(result.Notes), "Not compared: "+noun+".")
	}
	if refused != nil && !onlyPolicies(refused) {
		result.Report = rejection(refused, c.env.Now()).Reason
	}
	return result
}

// baseName is what a page calls a base beside its reference, a commit or a serial, and when
// a snapshot was made. Of a commit there is no time: that of the commit says nothing about
// the deployment.
func baseName(b *workspace.Baseline) (string, time.Time) {
	switch {
	case b.Commit() != "":
		return "commit " + b.Commit()[:12], time.Time{}
	case b.Snapshot != nil:
		envelope := b.Snapshot.Envelope()
		return fmt.Sprintf("serial %d", envelope.Serial), envelope.Created
	}
	return "", time.Time{}
}

// failedComparison is a comparison that could not be made: the sentence of the error, and a
// report of what is wrong in files where that is the reason. Mistakes in the files of a
// revision are reported too, since nobody sees those files in the editor.
func failedComparison(err error, now time.Time) console.Comparison {
	result := console.Comparison{Absent: true}
	if past, ok := errors.AsType[*workspace.RevisionError](err); ok {
		var text bytes.Buffer
		diag.WriteText(&text, past.Problems.List.Sorted(), past.Problems.Sources, consoleWidth, false)
		result.Problem, result.Report = diag.FromError(err).Detail, strings.TrimSpace(text.String())
		return result
	}
	if _, ok := errors.AsType[*diag.Problems](err); ok {
		result.Report = rejection(err, now).Reason
		return result
	}
	result.Problem = diag.FromError(err).Detail
	if failed, ok := errors.AsType[*diag.Failure](err); ok && strings.Contains(failed.Hint, "--against") {
		result.Problem = schema.Sentence(err.Error()) // a page has no flags
	}
	return result
}

// comparisonOf turns a plan's page into that of the console, with the lines around each
// place. Lines of the side before have no excerpt: sources hold the files as they are now.
func comparisonOf(page view.PlanPage, sources map[string][]byte) console.Comparison {
	result := console.Comparison{Summary: page.Summary, Guards: page.Guards, Count: page.Count, More: page.More}
	for _, from := range page.Sections {
		s := console.ChangeSection{Heading: from.Heading, Widens: from.Widens, CutsOff: from.CutsOff, More: from.More}
		for _, sentence := range from.Sentences {
			line := console.ChangeLine{PlanLine: console.PlanLine(sentence.Sentence), Owner: sentence.Place.Owner, Place: sentence.Place.Line(), Notes: sentence.Notes, Before: sentence.Place.Gone}
			if !line.Before {
				line.Excerpt = excerpt(sources, sentence.Place.Range)
			}
			s.Lines = append(s.Lines, line)
		}
		result.Sections = append(result.Sections, s)
	}
	for _, from := range page.Objects {
		object := console.ObjectDiff{Address: from.Address, What: from.What}
		for _, line := range from.Lines {
			object.Lines = append(object.Lines, console.DiffLine{Sign: line.Sign, Text: diag.Visible(line.Text, "\t")})
		}
		result.Objects = append(result.Objects, object)
	}
	return result
}

// excerptAround is how many lines before and after a place are shown with it: enough to see
// which block it is in, and no more than a reader takes in at a glance.
const excerptAround = 2

// excerpt is the line of a place with excerptAround lines before and after it; nil where
// the file is not among the sources, as with a place in the older side.
func excerpt(sources map[string][]byte, at hcl.Range) []console.SourceLine {
	line := at.Start.Line
	var lines []console.SourceLine
	n := 0
	for text := range bytes.Lines(sources[at.Filename]) {
		if n++; n > line+excerptAround {
			break
		}
		if n >= line-excerptAround {
			lines = append(lines, console.SourceLine{Number: n, Text: diag.Visible(string(bytes.TrimRight(text, "\r\n")), "\t"), Meant: n == line})
		}
	}
	return lines
}
