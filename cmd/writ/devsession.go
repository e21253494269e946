package main

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config/diag"
)

// A devSession is what a running "writ dev" leaves for "writ token" of the same user, so
// that nobody copies the throw-away secret from one window into another. It is a file that
// only this user can read. While the process lives it holds an advisory lock on the file,
// which the kernel releases even if the process is killed: a file without its lock is
// stale.
type devSession struct {
	Issuer  string    `json:"issuer"` // what its tokens carry as iss, a URL on a loopback address
	Folder  string    `json:"folder"` // the configuration, an absolute path
	Started time.Time `json:"started"`
	Secret  string    `json:"secret"`  // every client takes it
	Signing string    `json:"signing"` // the secret of every HS256 API
}

// maxSession bounds the file of a session, in bytes. One is a few hundred bytes long.
const maxSession = 64 << 10

// sessionFolder is where this user's sessions are, "" when the environment names no place.
// The runtime folder is in memory and ends with the login (XDG Base Directory); where there
// is none, the cache folder has to do.
func sessionFolder(env *cli.Env) string {
	if runtime := env.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(runtime) {
		return filepath.Join(runtime, "writ")
	}
	if env.Getenv("HOME") == "" {
		return ""
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(cache, "writ")
}

// publish writes the session into the folder, with mode 0600. The returned function removes
// it; a file that is left behind by a crash is stale, since its lock is gone.
func (s *devSession) publish(folder string) (end func(), err error) {
	if folder == "" {
		return nil, errors.New("there is no folder for it")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(folder, "dev-*.new") // mode 0600
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lock := flock.New(f.Name(), flock.SetFlag(os.O_RDWR))
	path := strings.TrimSuffix(f.Name(), ".new") + ".json"
	// The lock goes with the open file and not with its name, so it survives the rename.
	// Locked first and renamed last: nobody finds a file that is unlocked or half written.
	if _, err = lock.TryLock(); err == nil {
		if err = json.NewEncoder(f).Encode(s); err == nil {
			err = os.Rename(f.Name(), path)
		}
	}
	if err != nil {
		return nil, errors.Join(err, lock.Close(), os.Remove(f.Name()))
	}
	return func() {
		os.Remove(path)
		lock.Close()
	}, nil
}

// runningSessions lists the sessions whose process lives, the newest first and one for each
// issuer: two processes cannot serve one address, so the older one is about to end. Stale
// files are removed on the way.
func runningSessions(folder string) []devSession {
	if folder == "" {
		return nil
	}
	// Names are random, so the time of the start is in the file and not in its name.
	paths, _ := filepath.Glob(filepath.Join(globQuote(folder), "dev-*.json")) // a pattern that cannot be malformed
	var running []devSession
	for _, path := range paths {
		if s, ok := readSession(path); ok {
			running = append(running, s)
		}
	}
	slices.SortFunc(running, func(a, b devSession) int { return b.Started.Compare(a.Started) })
	known := map[string]bool{}
	return slices.DeleteFunc(running, func(s devSession) bool {
		older := known[s.Issuer]
		known[s.Issuer] = true
		return older
	})
}

// globQuote escapes what filepath.Glob would take for a pattern: the folder comes from the
// environment.
func globQuote(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// readSession reads a session file if its process lives, which it knows by the lock. A file
// that others may write to is not believed: it would send a request, with a secret, to
// their server. A file that is stale is removed.
func readSession(path string) (s devSession, ok bool) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return s, false
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	if free, err := lock.TryRLock(); err != nil || free {
		if free {
			os.Remove(path)
			lock.Close()
		}
		return s, false
	}
	f, err := os.Open(path)
	if err != nil {
		return s, false
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxSession))
	return s, err == nil && json.Unmarshal(content, &s) == nil && s.Secret != "" && s.Issuer != ""
}

// findSession is the running "writ dev" that a command with this --server means, or nil for
// none. Without --server there may be one only; of several the error lists them with their
// folders.
func findSession(env *cli.Env, server string) (*devSession, error) {
	running := runningSessions(sessionFolder(env))
	if server == "" {
		switch len(running) {
		case 0:
			return nil, nil
		case 1:
			return &running[0], nil
		}
		var list []string
		for _, s := range running {
			list = append(list, diag.OneLine(s.Issuer+" ("+filepath.Base(s.Folder)+")"))
		}
		return nil, diag.Usagef("%d \"writ dev\" are running: name one with --server: %s", len(running), strings.Join(list, ", "))
	}
	for i, s := range running {
		if strings.TrimSuffix(s.Issuer, "/") == strings.TrimSuffix(server, "/") {
			return &running[i], nil
		}
	}
	return nil, nil
}
