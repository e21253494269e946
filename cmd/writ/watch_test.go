package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchTree(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("a.hcl", "a")
	synctest.Test(t, func(t *testing.T) { // its clock stands still while files are written
		ctx, stop := context.WithCancel(t.Context())
		changes := watchTree(ctx, dir)
		expect := func(what string) {
			t.Helper()
			select {
			case <-changes:
			case <-time.After(4 * watchEvery):
				t.Fatalf("%s: not seen", what)
			}
		}
		write("a.hcl", "ab")
		expect("a longer file")
		write("sub/deep/b.hcl", "b")
		expect("a new folder")
		if err := os.Rename(filepath.Join(dir, "sub"), filepath.Join(dir, "moved")); err != nil {
			t.Fatal(err)
		}
		expect("a moved folder")
		if err := os.RemoveAll(filepath.Join(dir, "moved")); err != nil {
			t.Fatal(err)
		}
		expect("a removed folder")
		write(".hidden/c.hcl", "c")
		write(".swp", "c")
		select {
		case <-changes:
			t.Error("hidden files are not the configuration's")
		case <-time.After(4 * watchEvery):
		}
		stop()
	})
}

// An editor empties a file and then writes it: what is taken is the file written.
func TestWatchWaitsForTheWriter(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "a.hcl")
	write := func(text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("before")
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		changes := watchTree(ctx, dir)
		time.Sleep(watchEvery - time.Millisecond)
		write("")
		go func() {
			time.Sleep(watchRest / 2)
			write("written whole")
		}()
		<-changes
		if got, err := os.ReadFile(name); err != nil || string(got) != "written whole" {
			t.Errorf("taken as %q, %v", got, err)
		}
		stop()
	})
}
