package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/storetest"
)

// putterVariable makes the test binary put keys into the state file that it
// names until it is killed, and print each number once its key is stored.
const putterVariable = "STORE_TEST_PUTTER"

func runPutter() bool {
	path := os.Getenv(putterVariable)
	if path == "" {
		return false
	}
	b, err := store.OpenBolt(path, store.BoltOptions{Now: storetest.NewClock().Now})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		if err := b.PutOnce(context.Background(), putterKey(os.Getpid(), i), time.Hour); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(i)
	}
}

func putterKey(pid, i int) store.Key { return store.NewKey("putter", fmt.Sprint(pid), fmt.Sprint(i)) }

func TestBoltSurvivesAKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	acknowledged := map[store.Key]int{}
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), putterVariable+"="+path)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged[putterKey(cmd.Process.Pid, n)] = n
			if n == 30+7*round {
				cmd.Process.Signal(syscall.SIGKILL)
			}
		}
		if err := cmd.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
			t.Fatalf("round %d: the putter ended by itself: %v", round, err)
		}
	}
	if len(acknowledged) < 5*30 {
		t.Fatalf("only %d keys were acknowledged", len(acknowledged))
	}
	b := openBolt(t, path, storetest.NewClock())
	for key, n := range acknowledged {
		if err := b.PutOnce(t.Context(), key, time.Hour); !errors.Is(err, store.ErrExists) {
			t.Fatalf("key %d was acknowledged and is gone: %v", n, err)
		}
	}
}

func TestBoltKeepsStateAcrossOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	clock := storetest.NewClock()
	b := openBolt(t, path, clock)
	key := store.NewKey("test", "a")
	first, err := b.CompareAndSwap(t.Context(), key, 0, []byte("value"), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b = openBolt(t, path, clock)
	entry, err := b.Get(t.Context(), key)
	if err != nil || string(entry.Value) != "value" || entry.Revision != first {
		t.Fatalf("after reopening: %+v, %v", entry, err)
	}
	if err := b.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if again, err := b.CompareAndSwap(t.Context(), key, 0, nil, time.Hour); err != nil || again <= first {
		t.Fatalf("revision %d after %d: %v", again, first, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("state file mode %v, %v", info.Mode(), err)
	}
}

func TestBoltHoldsNoCallersString(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	b := openBolt(t, path, storetest.NewClock())
	if err := b.PutOnce(t.Context(), store.NewKey("canary-kind", "canary-part"), time.Hour); err != nil {
		t.Fatal(err)
	}
	b.Close()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(content, []byte("canary")) {
		t.Error("the state file holds what a key was made from")
	}
}

func TestBoltSweepsExpiredKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	clock := storetest.NewClock()
	b := openBolt(t, path, clock)
	put := func(round int) {
		for i := range 100 {
			key := store.NewKey("test", fmt.Sprint(round), fmt.Sprint(i))
			if _, err := b.CompareAndSwap(t.Context(), key, 0, make([]byte, 1000), time.Minute); err != nil {
				t.Fatal(err)
			}
		}
		clock.Advance(time.Minute)
	}
	for round := range 3 {
		put(round)
	}
	before := fileSize(t, path)
	for round := range 15 {
		put(3 + round)
	}
	if after := fileSize(t, path); after > 2*before {
		t.Errorf("the file grew from %d to %d bytes with nothing alive", before, after)
	}
}

func fileSize(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestOpenBoltRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	held := filepath.Join(dir, "held.db")
	openBolt(t, held, storetest.NewClock())
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"in use by another process": held,
		"not a regular file":        dir,
		"regular file":              fifo,
		"invalid database":          write("text", bytes.Repeat([]byte("not a database\n"), 2000)),
		"no such file":              filepath.Join(dir, "missing", "state.db"),
	} {
		b, err := store.OpenBolt(path, store.BoltOptions{})
		if err == nil {
			b.Close()
			t.Errorf("%s was opened", path)
			continue
		}
		if damaged := strings.Contains(err.Error(), "move it away"); damaged != (name == "invalid database") {
			t.Errorf("error %q offers the wrong way out", err)
		}
		if !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), path) {
			t.Errorf("error %q does not say %q and the file", err, name)
		}
	}
}

// Damage anywhere in a file of some size ends in an error or in working calls,
// never in a crash.
func TestBoltDamagedFile(t *testing.T) {
	testenv.OneByOne(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	clock := storetest.NewClock()
	b := openBolt(t, path, clock)
	for i := range 200 {
		if err := b.PutOnce(t.Context(), store.NewKey("test", fmt.Sprint(i)), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	noticed := 0
	for at := 0; at < len(good); at += 251 {
		bad := bytes.Clone(good)
		for i := at; i < min(at+8, len(bad)); i++ {
			bad[i] ^= 0xff
		}
		if callEverything(t, filepath.Join(dir, fmt.Sprint("flipped-", at)), bad, clock) {
			noticed++
		}
	}
	for _, size := range []int{1, 100, 4096, 8192, 16384, len(good) / 2, len(good) - 4096, len(good) - 1} {
		if callEverything(t, filepath.Join(dir, fmt.Sprint("cut-", size)), good[:size], clock) {
			noticed++
		}
	}
	if noticed < 8 {
		t.Errorf("only %d damages of %d were noticed", noticed, len(good)/251+8)
	}
}

// callEverything opens a file with this content and calls every method; it
// reports whether one of them said that something is wrong. A damaged file may
// stay locked, so each content has a file of its own.
func callEverything(t *testing.T, path string, content []byte, clock *storetest.Clock) (noticed bool) {
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := store.OpenBolt(path, store.BoltOptions{Now: clock.Now})
	if err != nil {
		return true
	}
	defer b.Close()
	for i := range 4 {
		key := store.NewKey("test", fmt.Sprint(i))
		_, getErr := b.Get(t.Context(), key)
		_, swapErr := b.CompareAndSwap(t.Context(), key, 1, []byte("x"), time.Hour)
		for _, err := range []error{b.PutOnce(t.Context(), key, time.Hour), getErr, swapErr, b.Delete(t.Context(), key)} {
			expected := err == nil || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrConflict)
			noticed = noticed || !expected
		}
	}
	return noticed
}
