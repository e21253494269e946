package watch

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// within is how soon a change must be noticed by an event, with room for a busy
// machine. Where events are to notice it, nothing is polled for as long as never.
const (
	within = time.Minute
	never  = time.Hour
)

// A probe is a running watcher and what it has reported.
type probe struct {
	t       *testing.T
	changes chan string
	errs    chan error
}

// watching runs the watcher until the test ends.
func watching(t *testing.T, w *Watcher) *probe {
	t.Helper()
	p := &probe{t: t, changes: make(chan string, 1000), errs: make(chan error, 1000)}
	w.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	w.Debounce = 5 * time.Millisecond
	w.Changed = func(content []byte, err error) {
		if err != nil {
			p.errs <- err
			return
		}
		p.changes <- string(content)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.Run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return p
}

// want waits until the content is reported; an in-place write may be seen half done before.
func (p *probe) want(content string) {
	p.t.Helper()
	deadline := time.After(within)
	for {
		select {
		case got := <-p.changes:
			if got == content {
				return
			}
		case <-deadline:
			p.t.Fatalf("%q was not noticed", content)
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

// The ways in which files are updated. Each is given the path and the content.
var updates = map[string]func(t *testing.T, path, content string){
	"in place": write,
	"rename": func(t *testing.T, path, content string) {
		write(t, path+".new", content)
		must(t, os.Rename(path+".new", path))
	},
	"remove and create": func(t *testing.T, path, content string) {
		must(t, os.Remove(path))
		write(t, path, content)
	},
	"move away and create": func(t *testing.T, path, content string) {
		must(t, os.Rename(path, path+"~"))
		write(t, path, content)
	},
	"hard link": func(t *testing.T, path, content string) {
		write(t, path+".new", content)
		must(t, os.Remove(path), os.Link(path+".new", path), os.Remove(path+".new"))
	},
	"truncate and append": func(t *testing.T, path, content string) {
		must(t, os.Truncate(path, 0))
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
		must(t, err)
		_, err = f.WriteString(content)
		must(t, err, f.Close())
	},
	"modification time set back": func(t *testing.T, path, content string) {
		info, err := os.Stat(path)
		must(t, err)
		write(t, path, content)
		must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	},
	"folder replaced": func(t *testing.T, path, content string) {
		dir := filepath.Dir(path)
		must(t, os.MkdirAll(dir+".new", 0o700))
		write(t, filepath.Join(dir+".new", filepath.Base(path)), content)
		must(t, os.Rename(dir, dir+".old"), os.Rename(dir+".new", dir), os.RemoveAll(dir+".old"))
	},
	"folder removed and made anew": func(t *testing.T, path, content string) {
		must(t, os.RemoveAll(filepath.Dir(path)), os.MkdirAll(filepath.Dir(path), 0o700))
		write(t, path, content)
	},
	"file becomes a link": func(t *testing.T, path, content string) {
		target := path + "-" + strconv.Itoa(len(content)) + strconv.FormatInt(time.Now().UnixNano(), 10)
		write(t, target, content)
		must(t, os.Remove(path), os.Symlink(target, path))
	},
}

// contents all have the same size, so that size tells nothing.
func content(i int) string { return "content " + strconv.Itoa(100+i) }

func TestUpdates(t *testing.T) {
	for name, update := range updates {
		for _, polling := range []bool{false, true} {
			t.Run(name+"/polling "+strconv.FormatBool(polling), func(t *testing.T) {
				t.Parallel()
				dir := filepath.Join(t.TempDir(), "watched")
				must(t, os.Mkdir(dir, 0o700))
				path := filepath.Join(dir, "writ.snapshot")
				write(t, path, content(0))
				w := &Watcher{Path: path, NoEvents: polling, Poll: never}
				if polling {
					w.Poll = 20 * time.Millisecond
				}
				p := watching(t, w)
				p.want(content(0))
				for i := 1; i <= 5; i++ {
					update(t, path, content(i))
					p.want(content(i))
				}
			})
		}
	}
}

// The new folder is watched as the old one was.
func TestFolderReplacedThenWritten(t *testing.T) {
	for _, replace := range []string{"folder replaced", "folder removed and made anew"} {
		dir := filepath.Join(t.TempDir(), "watched")
		must(t, os.Mkdir(dir, 0o700))
		path := filepath.Join(dir, "writ.snapshot")
		write(t, path, content(0))
		p := watching(t, &Watcher{Path: path, Poll: never})
		p.want(content(0))
		updates[replace](t, path, content(1))
		p.want(content(1))
		write(t, path, content(2))
		p.want(content(2))
		updates["rename"](t, path, content(3))
		p.want(content(3))
	}
}

// Kubernetes swaps a link named ..data; the file that is watched is a link
// through it. A watch on the file dies with the first swap.
func TestKubernetesSwap(t *testing.T) {
	dir := t.TempDir()
	swap := func(i int) {
		version := "..2026_" + strconv.Itoa(i)
		must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "writ.snapshot"), content(i))
		must(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")), os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
		if i > 0 {
			must(t, os.RemoveAll(filepath.Join(dir, "..2026_"+strconv.Itoa(i-1))))
		}
	}
	swap(0)
	path := filepath.Join(dir, "writ.snapshot")
	must(t, os.Symlink(filepath.Join("..data", "writ.snapshot"), path))
	p := watching(t, &Watcher{Path: path, Poll: never})
	p.want(content(0))
	for i := 1; i <= 5; i++ {
		swap(i)
		p.want(content(i))
	}
}

// A path that is not there yet, nor its folder, is waited for.
func TestAppearsLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	path := filepath.Join(dir, "writ.snapshot")
	p := watching(t, &Watcher{Path: path, Poll: never})
	select {
	case err := <-p.errs:
		if !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
	case <-time.After(within):
		t.Fatal("the absence was not reported")
	}
	must(t, os.Mkdir(dir, 0o700))
	time.Sleep(50 * time.Millisecond)
	write(t, path, content(1))
	p.want(content(1))
	must(t, os.Remove(path))
	select {
	case <-p.errs:
	case <-time.After(within):
		t.Fatal("the removal was not reported")
	}
	write(t, path, content(2))
	p.want(content(2))
}

// What does not change the content calls nobody.
func TestSameContentIsNoChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "writ.snapshot")
	write(t, path, content(0))
	p := watching(t, &Watcher{Path: path, Poll: 10 * time.Millisecond})
	p.want(content(0))
	for name, update := range map[string]func(t *testing.T, path, content string){
		"overwritten": func(t *testing.T, path, content string) { // what is cut off first is seen as such
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			must(t, err)
			_, err = f.WriteString(content)
			must(t, errors.Join(err, f.Close()))
		},
		"rename": updates["rename"],
		"touch":  func(t *testing.T, path, _ string) { must(t, os.Chtimes(path, time.Now(), time.Now())) },
	} {
		update(t, path, content(0))
		time.Sleep(100 * time.Millisecond)
		if len(p.changes) > 0 {
			t.Errorf("%s: reported %q", name, <-p.changes)
		}
	}
}

// A burst of events that never ends does not put the look off for ever.
func TestEndlessBurst(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "writ.snapshot")
	write(t, path, content(0))
	p := watching(t, &Watcher{Path: path, Poll: never})
	p.want(content(0))
	stop := make(chan struct{})
	var noise sync.WaitGroup
	noise.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				_ = os.WriteFile(filepath.Join(dir, "noise"), []byte(strconv.Itoa(i)), 0o600)
			}
		}
	})
	write(t, path, content(1))
	p.want(content(1))
	close(stop)
	noise.Wait()
}

// A fifo or a folder at the path is an error, and blocks nobody.
func TestNotARegularFile(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	must(t, syscall.Mkfifo(fifo, 0o600))
	for _, path := range []string{fifo, dir} {
		if _, err := File(path)(); err == nil {
			t.Errorf("%s was read", path)
		}
	}
}

// A file that would fill the memory is not read. It takes no room on the disk.
func TestFileThatIsTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "writ.snapshot")
	write(t, path, content(0))
	read := File(path)
	if _, err := read(); err != nil {
		t.Fatal(err)
	}
	must(t, os.Truncate(path, maxFile+1))
	if _, err := read(); err == nil || !strings.Contains(err.Error(), "is longer than") {
		t.Errorf("%v", err)
	}
	write(t, path, content(1))
	if got, err := read(); err != nil || string(got) != string(content(1)) {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// A file that was left alone is not read again; one that was touched is.
func TestFileReadsOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "writ.snapshot")
	write(t, path, content(0))
	now := func() time.Time { return changedAt(t, path) }
	read := file(path, func() time.Time { return now() })
	if _, err := read(); err != nil {
		t.Fatal(err)
	}
	if _, err := read(); err != nil {
		t.Errorf("a young file: %v, want a second read", err)
	}
	now = func() time.Time { return changedAt(t, path).Add(settled + time.Millisecond) }
	if _, err := read(); err != nil {
		t.Errorf("the first read of a settled file: %v", err)
	}
	if _, err := read(); !errors.Is(err, ErrSame) {
		t.Errorf("a settled file: %v", err)
	}
	info, err := os.Stat(path)
	must(t, err)
	write(t, path, content(1))
	must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	if got, err := read(); err != nil || string(got) != content(1) {
		t.Errorf("%q, %v", got, err)
	}
}

// changedAt is when the file was changed, by the clock of its file system. Where a
// system does not say, nothing counts as settled.
func changedAt(t *testing.T, path string) time.Time {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	changed, ok := changeTime(info)
	if !ok {
		t.Skip("this system does not say when a file was changed")
	}
	return changed
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	read := Folder(dir)
	see := func() string {
		content, err := read()
		must(t, err)
		return string(content)
	}
	seen := map[string]string{}
	step := func(name string) {
		now := see()
		if before, ok := seen[now]; ok {
			t.Errorf("%s looks like %s", name, before)
		}
		seen[now] = name
	}
	step("empty")
	write(t, filepath.Join(dir, "a"), "1")
	step("a file")
	write(t, filepath.Join(dir, "a"), "2")
	step("another content")
	must(t, os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b")))
	step("another name")
	if again := see(); seen[again] != "another name" {
		t.Error("not the same twice")
	}
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700), syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600))
	if again := see(); seen[again] != "another name" {
		t.Error("a folder or a fifo counts")
	}
	must(t, os.RemoveAll(dir))
	if _, err := read(); err == nil {
		t.Error("a folder that is gone was read")
	}
}
