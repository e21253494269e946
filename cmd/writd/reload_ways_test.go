//go:build linux

package main

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/watch"
)

// What is promised for a replaced snapshot file.
const (
	byEvent   = 250 * time.Millisecond
	byPolling = 6 * time.Second
)

// slowMedian is when a way that has events has evidently been found by polling:
// an update that comes as soon as the one before is in force waits for a whole
// interval then, however fast the machine is.
const slowMedian = watch.DefaultPoll - time.Second

// A way is one way in which snapshot files are updated.
type way struct {
	name    string
	polling bool // there are no events
	start   func(t *testing.T, first []byte) target
	update  func(t *testing.T, at target, content []byte)
	check   func(t *testing.T, at target) // after the last update
}

// A target is a server and the file that it watches, as the updater sees it.
type target struct {
	path   string
	serial func() (uint64, error)
	server *process // nil when it runs in this process
}

var ways = []way{
	{name: "in-place write", start: inFolder, update: func(t *testing.T, at target, content []byte) { put(t, at.path, content) }},
	{name: "rename over", start: inFolder, update: func(t *testing.T, at target, content []byte) { renameOver(t, at.path, content) }},
	{name: "as vim does", start: inFolder, update: likeVim},
	{name: "as emacs does", start: inFolder, update: likeEmacs},
	{name: "as Kubernetes does", start: inVolume, update: swapData},
	{name: "remove and create", start: inFolder, update: func(t *testing.T, at target, content []byte) {
		must(t, os.Remove(at.path))
		put(t, at.path, content)
	}},
	{name: "folder replaced", start: inFolder, update: replaceFolder},
	{name: "hard link", start: inFolder, update: func(t *testing.T, at target, content []byte) {
		put(t, at.path+".new", content)
		must(t, os.Remove(at.path), os.Link(at.path+".new", at.path), os.Remove(at.path+".new"))
	}},
	{name: "modification time set back", start: inFolder, update: func(t *testing.T, at target, content []byte) {
		info := stat(t, at.path)
		put(t, at.path, content)
		must(t, os.Chtimes(at.path, info.ModTime(), info.ModTime()))
	}},
	{name: "same size", start: inFolder, update: overwrite},
	{name: "event queue overflow", start: inFolder, update: overflow, check: overflowed},
	{name: "bind mount of the folder", start: boundFolder, update: func(t *testing.T, at target, content []byte) {
		renameOver(t, at.path, content)
	}},
	{name: "bind mount of the file", polling: true, start: boundFile, update: func(t *testing.T, at target, content []byte) {
		put(t, at.path, content)
	}},
	{name: "watcher dead", polling: true, start: withoutEvents, update: func(t *testing.T, at target, content []byte) {
		renameOver(t, at.path, content)
	}, check: func(t *testing.T, at target) {
		if !strings.Contains(at.server.log.String(), "watch without events") {
			t.Errorf("there were events:\n%s", at.server.log)
		}
	}},
	{name: "polling only", polling: true, start: pollingOnly, update: func(t *testing.T, at target, content []byte) {
		renameOver(t, at.path, content)
	}},
}

// However a snapshot file is updated, it is in force soon afterwards: within
// 250 ms where there are events and 6 s where there are none. The times are
// logged; the test fails when an update is missed, or when events evidently do
// not work.
func TestWaysToUpdate(t *testing.T) {
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			times := rounds(100, 5)
			if w.polling {
				times = rounds(100, 2)
				t.Parallel()
			}
			const first = 1001 // so that all serials, and files, have the same size
			at := w.start(t, numbered(t, first))
			inForce(t, at.serial, first)
			var took []time.Duration
			for serial := uint64(first + 1); len(took) < times; serial++ {
				if w.polling && soak() { // not always right after a poll
					time.Sleep(rand.N(watch.DefaultPoll))
				}
				w.update(t, at, numbered(t, serial))
				took = append(took, inForce(t, at.serial, serial))
			}
			if w.check != nil {
				w.check(t, at)
			}
			judge(t, took, w.polling)
		})
	}
}

func judge(t *testing.T, took []time.Duration, polling bool) {
	t.Helper()
	promise := byEvent
	if polling {
		promise = byPolling
	}
	slices.Sort(took)
	late := len(took)
	for late > 0 && took[late-1] > promise {
		late--
	}
	median := took[len(took)/2]
	t.Logf("%d updates, 0 missed; in force after %v (median), %v (99 %%), %v (longest); %d later than %v",
		len(took), median, took[(len(took)-1)*99/100], took[len(took)-1], len(took)-late, promise)
	if !polling && median > slowMedian {
		t.Errorf("the median is %v: it is not events that tell", median)
	}
}

// numbered is a snapshot whose size does not depend on the serial.
func numbered(t *testing.T, serial uint64) []byte {
	t.Helper()
	scope := fmt.Sprintf("scope:%d", serial)
	doc := small(scope)
	return marshal(t, snapshot.Envelope{Serial: serial}, doc, nil)
}

// small is one API with one scope, one client and its authorization.
func small(scope string) *schema.Document {
	return &schema.Document{
		Issuer: schema.Issuer{URL: "https://auth.example.com/", ErrorStyle: schema.ErrorsRFC6749, SubStyle: schema.SubClientsSuffix},
		APIs: []schema.API{{
			Label: "orders", Name: "Orders", Identifier: ordersURL, Profile: schema.ProfileRFC9068, Alg: schema.EdDSA,
			TokenLifetime: 3600, ScopeMode: schema.ScopeNarrow, Scopes: []schema.Scope{{Name: scope}},
		}},
		Clients: []schema.Client{{
			Label: "billing", Name: "Billing", ClientID: "billing", GrantTypes: []string{schema.GrantClientCredentials},
			Secrets: []schema.Secret{{Label: "a", Hash: hashOf(clientSecret)}},
		}},
		Authorizations: []schema.Authorization{{
			Label: "a", Client: "billing", API: "orders", SubjectType: schema.SubjectClient, Scopes: []string{scope},
		}},
	}
}

// watched is a folder of its own for the snapshot, and the snapshot's path.
func watched(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "etc")
	must(t, os.Mkdir(dir, 0o700))
	return filepath.Join(dir, "writ.snapshot")
}

func inFolder(t *testing.T, first []byte) target {
	path := watched(t)
	put(t, path, first)
	p := spawn(t, path, "")
	return target{path, p.serial, p}
}

// inVolume is a volume as Kubernetes lays it out: the file is a link through
// ..data, and ..data is a link that is swapped.
func inVolume(t *testing.T, first []byte) target {
	path := watched(t)
	at := target{path: path}
	swapData(t, at, first)
	must(t, os.Symlink(filepath.Join("..data", filepath.Base(path)), path))
	at.server = spawn(t, path, "")
	at.serial = at.server.serial
	return at
}

func swapData(t *testing.T, at target, content []byte) {
	dir := filepath.Dir(at.path)
	data, next := filepath.Join(dir, "..data"), filepath.Join(dir, "..data_tmp")
	before, _ := os.Readlink(data)
	version, err := os.MkdirTemp(dir, "..2026_11_23_")
	must(t, err)
	put(t, filepath.Join(version, filepath.Base(at.path)), content)
	must(t, os.Symlink(filepath.Base(version), next), os.Rename(next, data))
	if before != "" {
		must(t, os.RemoveAll(filepath.Join(dir, before)))
	}
}

// likeVim looks whether it may write here, moves the file away, writes it anew
// and removes the old one.
func likeVim(t *testing.T, at target, content []byte) {
	probe := filepath.Join(filepath.Dir(at.path), "4913")
	put(t, probe, nil)
	must(t, os.Remove(probe), os.Rename(at.path, at.path+"~"))
	put(t, at.path, content)
	must(t, os.Chmod(at.path, 0o600), os.Remove(at.path+"~"))
}

// likeEmacs locks by a link to nowhere and saves itself now and then; the first
// save moves the file to its backup, further ones write in place.
func likeEmacs(t *testing.T, at target, content []byte) {
	dir, name := filepath.Split(at.path)
	lock, saved := filepath.Join(dir, ".#"+name), filepath.Join(dir, "#"+name+"#")
	must(t, os.Symlink("somebody@somewhere.1:1", lock))
	put(t, saved, content)
	if _, err := os.Stat(at.path + "~"); err != nil {
		must(t, os.Rename(at.path, at.path+"~"))
	} else if rand.N(2) == 0 {
		must(t, os.Remove(at.path+"~")) // the next save begins anew
	}
	put(t, at.path, content)
	must(t, os.Remove(saved), os.Remove(lock))
}

func replaceFolder(t *testing.T, at target, content []byte) {
	dir := filepath.Dir(at.path)
	must(t, os.Mkdir(dir+".new", 0o700))
	put(t, filepath.Join(dir+".new", filepath.Base(at.path)), content)
	must(t, os.Rename(dir, dir+".old"), os.Rename(dir+".new", dir), os.RemoveAll(dir+".old"))
}

// overwrite changes bytes of the file and nothing else that a listing shows.
func overwrite(t *testing.T, at target, content []byte) {
	info := stat(t, at.path)
	if info.Size() != int64(len(content)) {
		t.Fatalf("%d bytes, want %d as before", len(content), info.Size())
	}
	f, err := os.OpenFile(at.path, os.O_WRONLY, 0)
	must(t, err)
	_, err = f.Write(content)
	must(t, err, f.Close(), os.Chtimes(at.path, info.ModTime(), info.ModTime()))
}

// overflow fills the kernel's queue of events while the server stands still, so
// that the event of the update itself is lost.
func overflow(t *testing.T, at target, content []byte) {
	var queue int
	limit, err := os.ReadFile("/proc/sys/fs/inotify/max_queued_events")
	must(t, err)
	if _, err := fmt.Sscan(string(limit), &queue); err != nil || queue > 1<<20 {
		t.Skipf("the queue holds %s events: %v", limit, err)
	}
	must(t, syscall.Kill(at.server.pid, syscall.SIGSTOP))
	defer func() { must(t, syscall.Kill(at.server.pid, syscall.SIGCONT)) }()
	standStill(t, at.server.pid)
	noise := [2]string{at.path + ".a", at.path + ".b"} // two, as equal events in a row are one
	put(t, noise[0], nil)
	put(t, noise[1], nil)
	for i := range queue + 100 {
		must(t, os.Chmod(noise[i%2], 0o600))
	}
	renameOver(t, at.path, content)
}

// standStill waits until the kernel has stopped the process.
func standStill(t *testing.T, pid int) {
	t.Helper()
	eventually(t, func() error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") T ") {
			return err
		}
		return fmt.Errorf("it runs: %s", stat)
	})
}

func overflowed(t *testing.T, at target) {
	if log := at.server.log.String(); !strings.Contains(log, "overflow") {
		t.Errorf("the queue did not overflow:\n%s", log)
	}
}

// boundFolder is served through a bind mount of the folder that is updated.
func boundFolder(t *testing.T, first []byte) target {
	source, inside := watched(t), watched(t)
	put(t, source, first)
	p := spawn(t, inside, bindFirst+"="+filepath.Dir(source)+"\n"+filepath.Dir(inside))
	return target{source, p.serial, p}
}

// boundFile is served through a bind mount of the file alone, as containers do
// it: only a write in place reaches the mount, and no event of it.
func boundFile(t *testing.T, first []byte) target {
	source, inside := watched(t), watched(t)
	put(t, source, first)
	put(t, inside, nil)
	p := spawn(t, inside, bindFirst+"="+source+"\n"+inside)
	return target{source, p.serial, p}
}

// withoutEvents is a process that gets no inotify instance: EMFILE.
func withoutEvents(t *testing.T, first []byte) target {
	path := watched(t)
	put(t, path, first)
	p := spawn(t, path, inotifyZero+"=max_inotify_instances")
	return target{path, p.serial, p}
}

// pollingOnly is a server and a watcher that are told to do without events.
func pollingOnly(t *testing.T, first []byte) target {
	path := watched(t)
	put(t, path, first)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := server.New(server.Options{Logger: log})
	must(t, err)
	w := &watch.Watcher{Path: path, NoEvents: true, Logger: log, Changed: func(content []byte, err error) {
		if err == nil {
			_ = s.Activate(content)
		}
	}}
	runUntilEnd(t, w.Run)
	return target{path: path, serial: func() (uint64, error) { return s.Status().Serial, nil }}
}

// Events that cannot be had at the start are used as soon as they can, and a
// watcher that loses its folder for a while finds it again by itself.
func TestEventsComeBack(t *testing.T) {
	path := watched(t)
	put(t, path, numbered(t, 1001))
	p := spawn(t, path, "")
	inForce(t, p.serial, 1001)
	dir := filepath.Dir(path)
	must(t, os.Rename(dir, dir+".away"))
	eventually(t, func() error {
		if !strings.Contains(p.log.String(), "snapshot unreadable") {
			return fmt.Errorf("the log does not say that the folder is gone")
		}
		return nil
	})
	if serial, err := p.serial(); serial != 1001 || err != nil {
		t.Errorf("without its folder: serial %d, %v", serial, err)
	}
	must(t, os.Rename(dir+".away", dir))
	var took []time.Duration
	for serial := uint64(1002); serial < 1007; serial++ {
		renameOver(t, path, numbered(t, serial))
		took = append(took, inForce(t, p.serial, serial))
	}
	judge(t, took, false)
}
