package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server/watch"
)

// snapshotPath is where the snapshot in force stands.
func (a *app) snapshotPath(root, flag string) string {
	if flag != "" {
		return a.path(flag)
	}
	return filepath.Join(root, snapshotName)
}

// openSnapshot reads a snapshot file. digest is of the whole file.
func openSnapshot(path string) (snap *snapshot.Snapshot, digest string, err error) {
	content, err := readRegular(path)
	if err != nil {
		return nil, "", err
	}
	digest = compiler.FileDigest(content)
	snap, err = snapshot.Open(content)
	return snap, digest, snapshotError(err, filepath.ToSlash(path))
}

// snapshotError says what to do about a file that snapshot.Open refused.
func snapshotError(err error, name string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*snapshot.VersionError](err); ok {
		return failf("snapshot-version", "", "read snapshot %q: %w", name, err)
	}
	return failf("snapshot-invalid", "It is damaged or no snapshot. Fetch the one in force again; where that is lost, move this file away: \"writ apply\" says how to go on.",
		"read snapshot %q: %w", name, err)
}

// A standing is what a plan compares with.
type standing struct {
	compiler.Prior
	snap       *snapshot.Snapshot // nil when there is none
	fileDigest string             // of the snapshot file, "" when there is none
}

func standingOf(snap *snapshot.Snapshot, fileDigest string) *standing {
	s := &standing{snap: snap, fileDigest: fileDigest}
	s.Document = snapshot.Decode(snap)
	s.Records = compiler.LockFromDocument(s.Document)
	s.Digest = snap.Digest()
	s.Serial = snap.Envelope().Serial
	s.PastLifetimes = snap.Envelope().PastLifetimes
	return s
}

// inForce is the snapshot at a path, the zero standing when there is none.
func inForce(path string) (*standing, error) {
	snap, digest, err := openSnapshot(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &standing{}, nil
	}
	if err != nil {
		return nil, err
	}
	return standingOf(snap, digest), nil
}

// against is what --against names: git:REV, a URL or a file.
func (w *workspace) against(ctx context.Context, ref string) (*standing, error) {
	if revision, ok := strings.CutPrefix(ref, "git:"); ok {
		return w.atRevision(ctx, revision)
	}
	if strings.HasPrefix(ref, "https://") || strings.HasPrefix(ref, "http://") {
		content, err := fetchSnapshot(ctx, ref)
		if err != nil {
			return nil, err
		}
		digest := compiler.FileDigest(content)
		snap, err := snapshot.Open(content)
		if err != nil {
			return nil, snapshotError(err, ref)
		}
		return standingOf(snap, digest), nil
	}
	snap, digest, err := openSnapshot(w.app.path(ref))
	if err != nil {
		return nil, err
	}
	return standingOf(snap, digest), nil
}

// atRevision compiles the configuration as it stood at a git revision.
func (w *workspace) atRevision(ctx context.Context, revision string) (*standing, error) {
	repository, err := openGit(ctx, w.dir)
	if err != nil {
		return nil, err
	}
	commit, err := repository.reviewed(ctx, revision)
	if err != nil {
		return nil, err
	}
	files, err := openGitFS(ctx, repository, commit)
	if err != nil {
		return nil, err
	}
	defer files.Close()
	if !files.hasConfiguration() {
		w.app.note("There was no configuration here at %s: everything is new.", revision)
		return &standing{}, nil
	}
	past := &pastInputs{workspace: w, repository: repository, commit: commit, revision: revision}
	options, err := past.options(ctx)
	if err != nil {
		return nil, err
	}
	t, err := w.compileFS(files, options)
	if absent := files.absent.Load(); absent != nil {
		return nil, *absent
	}
	if problems, ok := errors.AsType[*diagnosed](err); ok {
		w.app.warn(errorsOnly(problems.list), problems.sources)
		return nil, failf("git-failed", "Compare with a revision that does.", "the configuration at %q does not compile", revision)
	}
	if err != nil {
		return nil, err
	}
	for _, name := range t.model.Config.LeftOut {
		w.app.note("var.%s is not declared at %s: its value is left out there.", name, revision)
	}
	body, err := snapshot.Encode(t.model.Document)
	if err != nil {
		return nil, err
	}
	s := &standing{}
	s.Document, s.Digest, s.Model = t.model.Document, snapshot.Digest(body), t.model
	s.Records, err = past.lock(ctx)
	return s, err
}

// errorsOnly leaves out the warnings.
func errorsOnly(list diag.List) diag.List {
	return slices.DeleteFunc(slices.Clone(list), func(d diag.Diagnostic) bool { return d.Severity != diag.Error })
}

// fetchTimeout bounds every request that a command makes.
const fetchTimeout = 30 * time.Second

// fetchSnapshot gets a snapshot over HTTP. Plain http is for loopback only: a
// plan decides what a reviewer believes.
func fetchSnapshot(ctx context.Context, ref string) ([]byte, error) {
	target, err := url.Parse(ref)
	if err != nil {
		return nil, usagef("invalid URL %q", ref)
	}
	if target.Scheme == "http" && !isLoopback(target.Hostname()) {
		return nil, usagef("%q: plain http is for loopback addresses only", ref)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, ref, nil)
	if err != nil {
		return nil, usagef("invalid URL %q", ref)
	}
	client := &http.Client{CheckRedirect: watch.RedirectToHTTPS}
	response, err := client.Do(request)
	if err != nil {
		return nil, failf("unreachable", "", "fetch snapshot: %w", err) // net/http leaves the password out
	}
	defer response.Body.Close()
	ref = target.Redacted()
	if response.StatusCode != http.StatusOK {
		return nil, failf("unreachable", "", "fetch snapshot %q: %s", ref, response.Status)
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, maxInput+1))
	if err == nil && len(content) > maxInput {
		err = fmt.Errorf("larger than %d bytes", maxInput)
	}
	if err != nil {
		return nil, failf("unreachable", "", "fetch snapshot %q: %w", ref, err)
	}
	return content, nil
}

// isLoopback reports whether a host name or address is this machine.
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
