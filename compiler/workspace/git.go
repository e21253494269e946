package workspace

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// git runs git's plumbing in one folder. It reads objects and refs and nothing
// else: no hook, no filter, no monitor, no fetch is ever started.
//
// Which repository that is, and which commit a name means there, is decided by
// the checkout around the folder. Neither the files in the folder, which the
// author of a change writes, nor the environment of a hook has a say in it.
type git struct {
	dir       string
	gitDir    string // of a repository without a checkout, such as a submodule that was removed; else ""
	submodule bool   // the checkout around the folder is a submodule of another
}

// openGit returns git in a folder of a checkout. It refuses a folder that is itself a
// repository, or contains the one that git finds: whoever writes the folder's files would
// then choose what every revision is.
func openGit(ctx context.Context, dir string) (git, error) {
	g := git{dir: dir}
	out, err := g.run(ctx, "rev-parse", "--absolute-git-dir")
	if err != nil {
		return git{}, err
	}
	gitDir, folder := realPath(strings.TrimSuffix(out, "\n")), realPath(dir)
	if within(gitDir, folder) || within(folder, gitDir) && gitDir != filepath.Join(folder, ".git") {
		return git{}, embedded(gitDir)
	}
	g.submodule = ofSubmodule(gitDir)
	return g, nil
}

// ofSubmodule reports whether a repository is one that git keeps for a submodule, in the
// folder "modules" of another repository. It looks at the path, which git has chosen. Asking
// git for the surrounding checkout would trust files that the author of a change can write.
func ofSubmodule(gitDir string) bool {
	for at := gitDir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if filepath.Base(at) != "modules" {
			continue
		}
		if info, err := os.Stat(filepath.Join(filepath.Dir(at), "HEAD")); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// reviewed resolves the revision that a review compares with. In a submodule only a full hash
// will do: a change can replace the folder by a submodule, and then every branch and tag is
// one of a repository that the author of the change chose.
func (g git) reviewed(ctx context.Context, revision string) (string, error) {
	if g.submodule && !fullHash.MatchString(revision) {
		return "", diag.Failf("git-failed", "Name the commit by its full hash, --against git:HASH, or run this in a clone of that repository itself.",
			"%q is in a submodule, and whoever changes the checkout around it chooses what %q is there", filepath.ToSlash(g.dir), revision)
	}
	return g.commit(ctx, revision)
}

// errEmbedded is in the chain of the error about a repository among the files.
var errEmbedded = errors.New("the folder holds a git repository among its files")

// embedded is the error about a repository among the files, and how to get rid of it.
func embedded(place string) error {
	return diag.Failf("git-failed", "Remove HEAD, config, objects and refs from it: git takes a folder with these for the repository, so they would decide what every revision is.",
		"%q: %w", filepath.ToSlash(place), errEmbedded)
}

// realPath returns a path without links, or the absolute path if a link cannot be followed.
func realPath(path string) string {
	if absolute, err := filepath.Abs(path); err == nil {
		path = absolute
	}
	if followed, err := filepath.EvalSymlinks(path); err == nil {
		return followed
	}
	return path
}

// within reports whether a clean path is the folder or lies below it.
func within(folder, path string) bool {
	relative, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(relative)
}

// keptVariables are what git may see of its own in the environment: where
// its configuration, its programs and the limits of its search are. All others,
// such as the GIT_DIR and GIT_INDEX_FILE that it sets for a hook, would have it
// read something else than what the folder belongs to.
var keptVariables = regexp.MustCompile(`^GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|EXEC_PATH|CEILING_DIRECTORIES|DISCOVERY_ACROSS_FILESYSTEM)=`)

// gitEnvironment is the environment of this process without what git would take from it to
// read another repository.
func gitEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") && !keptVariables.MatchString(v) })
}

// command prepares a git process that reads local objects and starts nothing: the folder's
// own configuration of git may have been written by somebody else.
func (g git) command(ctx context.Context, args ...string) *exec.Cmd {
	// No bare repository that the search finds by itself, no monitor of the file system and
	// no hook, no pager, and no path that is a pattern.
	safe := []string{
		"-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=", "-c", "core.hooksPath=" + os.DevNull,
		"--no-pager", "--literal-pathspecs",
	}
	if g.gitDir != "" {
		safe = append(safe, "--git-dir="+g.gitDir, "--work-tree=.") // the one that it is configured with is gone
	}
	cmd := exec.CommandContext(ctx, "git", append(safe, args...)...)
	cmd.Dir = g.dir
	// An empty list of protocols overrides every protocol.*.allow; a missing object
	// is then an error for a git that does not know GIT_NO_LAZY_FETCH too.
	cmd.Env = append(gitEnvironment(), "GIT_OPTIONAL_LOCKS=0", "GIT_NO_LAZY_FETCH=1", "GIT_ALLOW_PROTOCOL=", "GIT_NO_REPLACE_OBJECTS=1",
		"GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	return cmd
}

// run runs git to its end and returns its standard output. An error is worded by gitError.
func (g git) run(ctx context.Context, args ...string) (string, error) {
	cmd := g.command(ctx, args...)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", gitError(err, complaint.String())
	}
	return out.String(), nil
}

// Git's words for two refusals that have a remedy of their own. LC_ALL=C keeps them in
// English. Where they change, gitError shows git's own text instead.
var (
	dubiousOwner = regexp.MustCompile(`(?s)dubious ownership in repository at '(.*?)'\n`)
	bareRefused  = regexp.MustCompile(`cannot use bare repository '(.*)' \(safe\.bareRepository`)
)

// gitError says what to do about git's most frequent refusals.
func gitError(err error, complaint string) error {
	if errors.Is(err, exec.ErrNotFound) {
		return diag.Failf("git-failed", "Install git, or compare with a snapshot: --against FILE.", "git is not installed")
	}
	complaint = strings.TrimSpace(strings.TrimPrefix(complaint, "fatal: "))
	if m := dubiousOwner.FindStringSubmatch(complaint); m != nil {
		return diag.Failf("git-failed", "If you trust it, say so:\n\n  git config --global --add safe.directory "+schema.ShellQuote(m[1]),
			"the repository %q belongs to another user, and git does not read it", m[1])
	}
	if m := bareRefused.FindStringSubmatch(complaint); m != nil {
		return embedded(m[1])
	}
	switch {
	case strings.Contains(complaint, "not a git repository"):
		return diag.Failf("git-failed", "Run this inside a git checkout, or compare with a snapshot: --against FILE.", "not a git repository")
	case complaint == "":
		return diag.Failf("git-failed", "", "git: %w", err)
	}
	return diag.Failf("git-failed", "", "git: %s", complaint)
}

// commit resolves a revision to the full hash of the commit that it names. What git would
// accept and a reviewer could not foresee is refused: an option, a range, a search in the
// texts of commits, a name that several refs have.
func (g git) commit(ctx context.Context, revision string) (string, error) {
	if revision == "" || strings.HasPrefix(revision, "-") || strings.ContainsAny(revision, "\x00\n") {
		return "", diag.Usagef("invalid git revision %q", revision)
	}
	if left, right, isRange := strings.Cut(revision, ".."); isRange {
		right = strings.TrimPrefix(right, ".")
		return "", diag.Failf(diag.CodeUsage, fmt.Sprintf("Name one. Where the two parted is: --against git:$(git merge-base %s %s)", orHead(left), orHead(right)),
			"%q is a range of commits, and a plan compares with one", revision)
	}
	if strings.HasPrefix(revision, ":/") {
		return "", diag.Usagef("%q searches the commits for a text, which whoever writes a commit chooses: name the commit", revision)
	}
	if err := g.unambiguous(ctx, revision); err != nil {
		return "", err
	}
	out, err := g.run(ctx, "rev-parse", "--verify", "--quiet", revision+"^{commit}")
	if err != nil {
		return "", g.unknown(ctx, revision)
	}
	return strings.TrimSpace(out), nil
}

// orHead returns one side of a range, quoted for a shell. git takes a missing one for HEAD.
func orHead(name string) string {
	if name == "" {
		return "HEAD"
	}
	return schema.ShellQuote(name)
}

// fullHash matches the name of an object in full, by SHA-1 or by SHA-256. Such a name means
// one object in every repository.
var fullHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// abbreviated is how a name ends that git also takes for the first digits of a
// commit's: "1f3a9c0", and "v1.2-14-g1f3a9c0" as "git describe" prints it.
var abbreviated = regexp.MustCompile(`(?:^|-g)([0-9a-f]{4,})$`)

// unambiguous refuses a revision whose name more than one ref has. Git itself
// would take a tag before a branch of the same name, and a branch of one's own
// before one of the remote: whoever may push a tag named "origin/main" would
// choose what a review compares with.
func (g git) unambiguous(ctx context.Context, revision string) error {
	name, rest := revision, ""
	if end := strings.IndexAny(revision, "^~:"); end >= 0 {
		name, rest = revision[:end], revision[end:]
	}
	if end := strings.Index(name, "@{"); end >= 0 {
		name, rest = name[:end], revision[end:]
	}
	if name == "" || name == "@" || name == "HEAD" || fullHash.MatchString(name) {
		return nil // git looks for no ref of that name
	}
	// The places of gitrevisions(7), in its order.
	places := []string{name, "refs/" + name, "refs/tags/" + name, "refs/heads/" + name, "refs/remotes/" + name, "refs/remotes/" + name + "/HEAD"}
	out, err := g.run(ctx, append([]string{"for-each-ref", "--format=%(refname)"}, places...)...)
	if err != nil {
		return err
	}
	found := slices.DeleteFunc(strings.Split(strings.TrimSpace(out), "\n"), func(ref string) bool { return !slices.Contains(places, ref) })
	switch {
	case strings.HasPrefix(name, "refs/"):
		if !slices.Contains(found, name) {
			return g.unknown(ctx, revision)
		}
		return nil // the full name comes first
	case len(found) == 0:
		return nil
	case len(found) == 1 && !strings.HasSuffix(name, "_HEAD"): // FETCH_HEAD and the like are no refs
		digits := abbreviated.FindStringSubmatch(name)
		if digits == nil {
			return nil
		}
		objects, err := g.run(ctx, "rev-parse", "--disambiguate="+digits[1])
		if err != nil || objects == "" {
			return nil
		}
		found = append(found, strings.Fields(objects)...)
	}
	for i, ref := range found {
		found[i] = "git:" + ref + rest
	}
	return diag.Failf("git-failed", "Write which one is meant: --against "+strings.Join(found, ", or --against ")+".",
		"git knows more than one %q", name)
}

// unknown returns the error about a revision that git does not know, with the likely reason:
// a shallow clone, an empty repository, or a fetch that is missing.
func (g git) unknown(ctx context.Context, revision string) error {
	hint := "Fetch it first: git fetch."
	if shallow, err := g.run(ctx, "rev-parse", "--is-shallow-repository"); err == nil && strings.TrimSpace(shallow) == "true" {
		hint = "This clone is shallow. Fetch all of it: git fetch --unshallow."
	} else if refs, err := g.run(ctx, "for-each-ref", "--count=1"); err == nil && refs == "" {
		return diag.Failf("git-failed", "Commit first, or compare with a snapshot: --against FILE.", "git knows no commit %q: the repository has none yet", revision)
	}
	return diag.Failf("git-failed", hint, "git knows no commit %q", revision)
}

// prefix returns the folder's path below the top of its repository: "" or "a/b/".
func (g git) prefix(ctx context.Context) (string, error) {
	if g.gitDir != "" {
		return "", nil
	}
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

// list returns every file, link and submodule below the folder at a commit. Names are
// separated by NUL (-z), because git quotes unusual ones otherwise.
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

// A gitBlobs reads objects through one "git cat-file --batch": a process for each file would
// take longer than all the rest. It is safe for use by many goroutines, which take turns.
// Once read has failed in the middle of an answer, it is of no more use.
type gitBlobs struct {
	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// blobs starts the process, which ends with Close or with the context.
func (g git) blobs(ctx context.Context) (*gitBlobs, error) {
	cmd := g.command(ctx, "cat-file", "--batch", "--follow-symlinks")
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

// read returns the content of a file: by the id of its object, or as
// "COMMIT:PATH" with the links on the way followed as far as they stay in the
// tree of the commit. The error has fs.ErrNotExist or errLinkOut in its chain
// where the path leads to nothing or out of the tree.
func (b *gitBlobs) read(object string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if strings.Contains(object, "\n") {
		return nil, fmt.Errorf("git cat-file: a line break in %q", object)
	}
	if _, err := io.WriteString(b.in, object+"\n"); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	head, err := b.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if head == object+" missing\n" {
		return nil, fmt.Errorf("git cat-file: object %s is missing: %w", object, fs.ErrNotExist)
	}
	fields := strings.Fields(head) // oid type size; or what came of a link, and the size of its text
	size, err := strconv.ParseInt(fields[len(fields)-1], 10, 64)
	if err != nil || size > maxInput {
		return nil, fmt.Errorf("git cat-file: unexpected answer %q about %s", strings.TrimSpace(head), object)
	}
	content := make([]byte, size+1) // a newline follows
	if _, err := io.ReadFull(b.out, content); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	switch {
	case len(fields) == 3 && fields[1] == "blob":
		return content[:size], nil
	case fields[0] == "symlink":
		return nil, fmt.Errorf("git cat-file: %s: %w", object, errLinkOut)
	case fields[0] == "loop":
		return nil, fmt.Errorf("git cat-file: %s: %w", object, errLinkCycle)
	case len(fields) == 3:
		return nil, fmt.Errorf("git cat-file: %s is a %s, not a file", object, fields[1])
	}
	return nil, fmt.Errorf("git cat-file: %s: %w", object, fs.ErrNotExist) // dangling, or below what is no folder
}

// Close ends the input, at which git ends by itself, and waits for it.
func (b *gitBlobs) Close() error {
	b.in.Close()
	return b.cmd.Wait()
}

// file is a file of the repository at a commit, by its path from the top.
func (g git) file(ctx context.Context, commit, path string) ([]byte, error) {
	blobs, err := g.blobs(ctx)
	if err != nil {
		return nil, err
	}
	content, err := blobs.read(commit + ":" + path)
	return content, errors.Join(err, blobs.Close())
}

// openSubmodule is git in a submodule that has the commit: where it is checked out
// below the folder, else where git keeps it after the submodule was removed.
func (g git) openSubmodule(ctx context.Context, outer string, entry gitEntry) (git, error) {
	places := []func() (git, error){
		func() (git, error) { return g.checkedOut(ctx, entry.path) },
		func() (git, error) { return g.keptModule(ctx, outer, entry.path) },
	}
	for _, place := range places {
		sub, err := place()
		if err != nil {
			continue
		}
		if _, err := sub.run(ctx, "cat-file", "-e", entry.oid+"^{commit}"); err == nil {
			return sub, nil
		}
	}
	update := "git submodule update --init -- " + schema.ShellQuote(entry.path)
	return git{}, diag.Failf("git-failed",
		fmt.Sprintf("Check it out: %s. Where the change removes it, do that on the commit that has it: git checkout %s && %s && git checkout -", update, shortHash(outer), update),
		"submodule %q is not checked out at commit %s", entry.path, shortHash(entry.oid))
}

// checkedOut is the submodule in its place below the folder.
func (g git) checkedOut(ctx context.Context, path string) (git, error) {
	dir := filepath.Join(g.dir, filepath.FromSlash(path))
	if _, err := os.Lstat(filepath.Join(dir, ".git")); err != nil {
		return git{}, err
	}
	return openGit(ctx, dir)
}

// keptModule is the submodule's repository below the outer one's, where it stays
// when its checkout goes. Its name there is what .gitmodules said at the commit.
func (g git) keptModule(ctx context.Context, commit, path string) (git, error) {
	prefix, err := g.prefix(ctx)
	if err != nil {
		return git{}, err
	}
	out, err := g.run(ctx, "config", "--blob", commit+":.gitmodules", "-z", "--get-regexp", `^submodule\..*\.path$`)
	if err != nil {
		return git{}, err
	}
	common, err := g.run(ctx, "rev-parse", "--git-common-dir")
	if err != nil {
		return git{}, err
	}
	if common = strings.TrimSuffix(common, "\n"); !filepath.IsAbs(common) {
		common = filepath.Join(realPath(g.dir), common)
	}
	for line := range strings.SplitSeq(out, "\x00") {
		key, value, _ := strings.Cut(line, "\n")
		name := strings.TrimSuffix(strings.TrimPrefix(key, "submodule."), ".path")
		if value == prefix+path && filepath.IsLocal(filepath.FromSlash(name)) {
			return git{dir: g.dir, gitDir: filepath.Join(common, "modules", filepath.FromSlash(name))}, nil
		}
	}
	return git{}, fs.ErrNotExist
}

// shortHash is as much of a hash as people read.
func shortHash(oid string) string { return oid[:min(len(oid), 10)] }

// maxRevisions is how many names Revisions returns: nobody chooses from more.
const maxRevisions = "1000"

// Revisions returns the branches and tags of the repository around a folder, by names that
// say which is meant, the youngest first; none where git fails.
func Revisions(ctx context.Context, dir string) []string {
	g, err := openGit(ctx, dir)
	if err != nil {
		return nil
	}
	out, err := g.run(ctx, "for-each-ref", "--count="+maxRevisions, "--sort=-creatordate", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
	if err != nil {
		return nil
	}
	return strings.Fields(out)
}
