package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"strings"
	"time"
)

// How "writ dev" and "writ console" notice an edit.

// How often the tree is looked at, and how long it has to rest before it is read.
const (
	watchEvery = 300 * time.Millisecond // fast enough that a page shows an edit within a second
	watchRest  = 50 * time.Millisecond  // an editor that empties a file before it writes is between the two for less
	watchShare = 20                     // a look at the tree may take a twentieth of the time
)

// watchTree sends on the channel when a file below dir appears, goes or changes, until ctx
// ends. It compares names, sizes and times; whether the configuration changed is for the
// compiler to say. A look at a large tree may take long, so the pause grows with it: see
// watchShare.
func watchTree(ctx context.Context, dir string) <-chan struct{} {
	changes := make(chan struct{}, 1)
	last := fingerprint(dir)
	go func() {
		pause := watchEvery
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			// Of a tree that takes long to look at, the pause grows: see watchShare.
			began := time.Now()
			now := fingerprint(dir)
			pause = max(watchEvery, watchShare*time.Since(began))
			if now == last {
				continue
			}
			last = settledPrint(ctx, dir, now)
			select {
			case changes <- struct{}{}:
			default: // one is waiting already
			}
		}
	}()
	return changes
}

// settledPrint waits until the tree is the same for watchRest, so that a file is not read
// half written, and returns its fingerprint. After twenty looks, a second, it goes on:
// something may write all the time.
func settledPrint(ctx context.Context, dir string, now uint64) uint64 {
	for range 20 {
		select {
		case <-ctx.Done():
			return now
		case <-time.After(watchRest):
		}
		before := now
		if now = fingerprint(dir); now == before {
			break
		}
	}
	return now
}

// fingerprint is a hash over the names, sizes and times of the files below dir. Hidden
// files and folders such as .git are left out: they hold no configuration, and git changes
// them all the time.
func fingerprint(dir string) uint64 {
	sum := fnv.New64a()
	fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // it may come back
		}
		if name := entry.Name(); path != "." && strings.HasPrefix(name, ".") {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if info, err := os.Stat(dir + "/" + path); err == nil && !info.IsDir() {
			fmt.Fprintf(sum, "%s\x00%d\x00%d\x00", path, info.Size(), info.ModTime().UnixNano())
		}
		return nil
	})
	return sum.Sum64()
}
