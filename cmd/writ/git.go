package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// git runs git's plumbing in one folder. It reads objects and refs and nothing
// else: no hook, no filter, no monitor, no fetch is ever started.
type git struct {
	dir string
}

// command prepares a git process.
func (g git) command(ctx context.Context, args ...string) *exec.Cmd {
	safe := []string{"-c", "core.fsmonitor=", "-c", "core.hooksPath=" + os.DevNull, "--no-pager", "--literal-pathspecs"}
	cmd := exec.CommandContext(ctx, "git", append(safe, args...)...)
	cmd.Dir = g.dir
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_NO_REPLACE_OBJECTS=1",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	return cmd
}

// run runs git to its end and returns what it printed.
func (g git) run(ctx context.Context, args ...string) (string, error) {
	cmd := g.command(ctx, args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", gitError(err, complaint.String())
	}
	return out.String(), nil
}

// gitError says what to do about git's most frequent refusals.
func gitError(err error, complaint string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return failf("git-failed", "Install git, or compare with a snapshot: --against FILE.", "git is not installed")
	}
	complaint = strings.TrimSpace(strings.TrimPrefix(complaint, "fatal: "))
	switch {
	case strings.Contains(complaint, "not a git repository"):
		return failf("git-failed", "Run this inside a git checkout, or compare with a snapshot: --against FILE.", "not a git repository")
	case complaint == "":
		return failf("git-failed", "", "git: %w", err)
	}
	return failf("git-failed", "", "git: %s", complaint)
}

// commit resolves a revision to the commit that it names.
func (g git) commit(ctx context.Context, revision string) (string, error) {
	if revision == "" || strings.HasPrefix(revision, "-") || strings.ContainsAny(revision, "\x00\n") {
		return "", usagef("invalid git revision %q", revision)
	}
	if _, err := g.run(ctx, "rev-parse", "--git-dir"); err != nil {
		return "", err
	}
	out, err := g.run(ctx, "rev-parse", "--verify", "--quiet", revision+"^{commit}")
	if err != nil {
		return "", failf("git-failed", "Fetch it first; a shallow clone lacks older commits: git fetch --unshallow.",
			"git knows no commit %q", revision)
	}
	return strings.TrimSpace(out), nil
}

// prefix is the folder's path below the top of its repository: "" or "a/b/".
func (g git) prefix(ctx context.Context) (string, error) {
	out, err := g.run(ctx, "rev-parse", "--show-prefix")
	return strings.TrimSuffix(out, "\n"), err
}

// A gitEntry is one line of a tree.
type gitEntry struct {
	mode string // "100644", "120000" a link, "160000" a submodule
	oid  string
	size int64
	path string // below the folder, with forward slashes
}

// list is every entry below the folder at a commit.
func (g git) list(ctx context.Context, commit string) ([]gitEntry, error) {
	prefix, err := g.prefix(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{"ls-tree", "-r", "-l", "-z", "--full-tree", commit}
	if prefix != "" {
		args = append(args, "--", prefix)
	}
	out, err := g.run(ctx, args...)
	if err != nil {
		return nil, err
	}
	var entries []gitEntry
	for line := range strings.SplitSeq(out, "\x00") {
		if line == "" {
			continue
		}
		head, path, _ := strings.Cut(line, "\t")
		fields := strings.Fields(head) // mode type oid size
		if len(fields) != 4 {
			return nil, fmt.Errorf("git ls-tree: unexpected line %q", line)
		}
		size, _ := strconv.ParseInt(fields[3], 10, 64) // "-" for a submodule
		entries = append(entries, gitEntry{fields[0], fields[2], size, strings.TrimPrefix(path, prefix)})
	}
	return entries, nil
}

// A gitBlobs reads objects through one "git cat-file --batch". It is safe for
// use by many goroutines.
type gitBlobs struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (g git) blobs(ctx context.Context) (*gitBlobs, error) {
	cmd := g.command(ctx, "cat-file", "--batch")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, gitError(err, "")
	}
	return &gitBlobs{cmd: cmd, in: in, out: bufio.NewReader(out)}, nil
}

// read returns the content of an object.
func (b *gitBlobs) read(oid string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := io.WriteString(b.in, oid+"\n"); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	head, err := b.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	fields := strings.Fields(head) // oid type size, or oid "missing"
	if len(fields) != 3 {
		return nil, fmt.Errorf("git cat-file: object %s is missing", oid)
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size > maxInput {
		return nil, fmt.Errorf("git cat-file: object %s of %s bytes", oid, fields[2])
	}
	content := make([]byte, size+1) // a newline follows
	if _, err := io.ReadFull(b.out, content); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	return content[:size], nil
}

func (b *gitBlobs) Close() error {
	b.in.Close()
	return b.cmd.Wait()
}

// submodule is git in a submodule's checkout, which must be there.
func (g git) submodule(ctx context.Context, path string) (git, error) {
	sub := git{dir: filepath.Join(g.dir, filepath.FromSlash(path))}
	if _, err := os.Stat(sub.dir); err == nil {
		if prefix, err := sub.prefix(ctx); err == nil && prefix == "" {
			return sub, nil
		}
	}
	return git{}, failf("git-failed", "Run: git submodule update --init.", "submodule %q is not checked out", path)
}
