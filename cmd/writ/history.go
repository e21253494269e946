package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
)

// manySnapshots is the default of --limit. Each snapshot is read whole, since
// what it widened is found by comparing it with the one before.
const manySnapshots = 20

// historyCommand is "writ history". It follows the chain of "previous" from the newest
// snapshot, so that one which lost a race between two applies is in nobody's history. It
// only reads.
func historyCommand() cli.Command {
	limit, trusted := strconv.Itoa(manySnapshots), new([]string)
	return cli.Command{
		Name: "history", Group: cli.GroupShip, Args: "LOCATION", MaxArgs: 1,
		Summary: "list the snapshots of a location, newest first",
		About: `
Of each: the serial, when it was made, of which revision, its name, and which
changes widened access. A registry and NATS keep what was in force before; a file
and a web server have the newest only. "writ rollback LOCATION --to SERIAL" puts
one of them in force again. With --trust each must be signed by one of those keys.`,
		Example: "$ writ history oci://ghcr.io/acme/writ:prod\nSERIAL  CREATED               REVISION  DIGEST           WIDENED\n12      2026-11-28T16:20:04Z  4f1c02ab  sha256:4be1...   authorization.billing-reads-orders\n11      2026-11-27T09:03:51Z  9d0e77c1  sha256:19c0...   -",
		Flags: []cli.Flag{
			{Name: "limit", Usage: "list the `N` newest, " + limit + " by default; 0 for all", Value: &limit},
			trustFlag(trusted),
		},
		Run: func(ctx context.Context, env *cli.Env, args []string) error {
			return runHistory(ctx, env, args, limit, *trusted)
		},
	}
}

// runHistory reads the newest n snapshots, 0 for all, and prints them. With --trust one
// that is signed by nobody of these ends it with an error.
func runHistory(ctx context.Context, env *cli.Env, args []string, limit string, trusted []string) error {
	if len(args) == 0 {
		return diag.Usagef("name the location, such as oci://ghcr.io/acme/writ:prod")
	}
	n, err := strconv.Atoi(limit)
	if err != nil || n < 0 {
		return diag.Usagef("--limit takes a number, not %q", limit)
	}
	trust, err := env.Trust(trusted)
	if err != nil {
		return err
	}
	place, err := workspace.OpenPlace(env.Place(args[0]), env.LocationOptions())
	if err != nil {
		return err
	}
	all, more, err := place.Trusting(trust).History(ctx, n)
	if err != nil {
		return err
	}
	if env.JSON {
		return env.PrintJSON(newHistoryResult(all))
	}
	if len(all) > 0 {
		noteStage(env, all[0].Staged)
	}
	if err := writeHistory(env.Out, all); err != nil {
		return err
	}
	if more { // ten times as many, so that a few tries reach the end of any history
		env.Note(fmt.Sprintf("There are older ones: --limit %d or --limit 0 shows them.", 10*n))
	}
	return nil
}

// A historyResult is what history prints with --json.
type historyResult struct {
	FormatVersion string         `json:"format_version"`
	Snapshots     []pastSnapshot `json:"snapshots"` // newest first
	Staged        *stageResult   `json:"staged,omitempty"`
}

// A stageResult is what is staged beside the newest snapshot, as promote would put it in force.
type stageResult struct {
	Serial  uint64 `json:"serial"`
	Digest  string `json:"digest"`
	Percent int    `json:"percent"` // of the fleet
}

// A pastSnapshot is one snapshot of a history. Whether its signatures hold is not said
// here: with --trust each does, and without it nobody has looked.
type pastSnapshot struct {
	Serial   uint64   `json:"serial"`
	Digest   string   `json:"digest"`
	Previous string   `json:"previous"` // "" for the first
	Revision string   `json:"revision"`
	Created  string   `json:"created"`   // RFC 3339
	SignedBy []string `json:"signed_by"` // key ids; whether the signatures hold says --trust
	Widened  *int     `json:"widened"`   // changes that widened access; null where what was before is not kept
}

// newHistoryResult collects the snapshots for --json. Lists are empty and not null, and
// widened is null where the snapshot before was not kept, as nobody can tell then.
func newHistoryResult(all []workspace.Past) historyResult {
	result := historyResult{FormatVersion: "1", Snapshots: []pastSnapshot{}}
	for _, past := range all {
		e := past.Envelope
		s := pastSnapshot{Serial: e.Serial, Digest: e.Digest, Previous: e.Previous, Revision: e.Revision, Created: e.Created.Format(time.RFC3339), SignedBy: []string{}}
		for _, signature := range e.Signatures {
			s.SignedBy = append(s.SignedBy, signature.KeyID)
		}
		if past.Compared {
			n := len(past.Widened)
			s.Widened = &n
		}
		result.Snapshots = append(result.Snapshots, s)
		if stage := past.Staged; stage != nil {
			result.Staged = &stageResult{stage.Head.Serial, stage.Head.Digest, stage.Percent}
		}
	}
	return result
}

// manyAddresses is how many addresses stand in a row of the history; --json has their number.
const manyAddresses = 3

// writeHistory prints the table for people. The revision comes from whoever applied and is
// shown on one line, whatever it holds.
func writeHistory(w io.Writer, all []workspace.Past) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SERIAL\tCREATED\tREVISION\tDIGEST\tWIDENED")
	for _, past := range all {
		e := past.Envelope
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%s\n", e.Serial, e.Created.Format(time.RFC3339), cmp.Or(diag.OneLine(e.Revision), "-"), e.Digest, widened(past))
	}
	return table.Flush()
}

// widened is the last column: the addresses that widened access, the first manyAddresses of
// them, "-" for none, and "?" where the snapshot before was not kept.
func widened(past workspace.Past) string {
	switch n := len(past.Widened) - manyAddresses; {
	case !past.Compared:
		return "?"
	case n > 0:
		return fmt.Sprintf("%s and %d more", strings.Join(past.Widened[:manyAddresses], ", "), n)
	}
	return cmp.Or(strings.Join(past.Widened, ", "), "-")
}
