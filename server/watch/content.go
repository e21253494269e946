package watch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// errSame is the error of a Reader that knows without reading that the content is
// the same as last time.
var errSame = errors.New("the content has not changed")

// A Reader returns the content that is watched.
type Reader func() ([]byte, error)

// settled is how old a file's last change must be before an equal status proves
// equal content. The kernel's clock for change times is coarse: a second write
// right after the first may leave the same time.
const settled = 2 * time.Second

// maxFile bounds the content that File and Remote read, in bytes: sixteen times a
// snapshot of a million authorizations. Reading much more would exhaust the
// process's memory.
const maxFile = 1 << 30

// File reads one file of at most 1 GiB, and follows links. It does not read a file
// again whose size, change time and identity are those of the last time: a
// program can set a file's modification time back, but not its change time.
func File(path string) Reader { return file(path, time.Now) }

func file(path string, now func() time.Time) Reader {
	var last fs.FileInfo
	var lastRead time.Time
	return func() ([]byte, error) {
		info, err := os.Stat(path)
		if err != nil {
			last = nil
			return nil, err
		}
		if !info.Mode().IsRegular() {
			last = nil
			return nil, fmt.Errorf("%q is not a regular file", path)
		}
		if info.Size() > maxFile {
			last = nil
			return nil, fmt.Errorf("%q of %d bytes is longer than %d", path, info.Size(), maxFile)
		}
		if last != nil && untouched(last, info, lastRead) {
			return nil, errSame
		}
		began := now()
		content, err := os.ReadFile(path)
		last, lastRead = info, began
		if err != nil {
			last = nil
		}
		return content, err
	}
}

// untouched reports whether the status of a file proves that its content is the one
// read at that time.
func untouched(last, now fs.FileInfo, read time.Time) bool {
	before, ok1 := changeTime(last)
	after, ok2 := changeTime(now)
	return ok1 && ok2 && before.Equal(after) && os.SameFile(last, now) && last.Size() == now.Size() &&
		last.ModTime().Equal(now.ModTime()) && read.Sub(after) > settled
}

// maxFolderFile bounds a file that Folder reads, in bytes.
const maxFolderFile = 64 << 10

// Folder reads the names and digests of the regular files in a folder, in the
// order of names, and follows links. It is for folders of secrets and keys: a
// change is noticed, and no secret is kept in memory.
func Folder(dir string) Reader {
	return func() ([]byte, error) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, err
		}
		var content bytes.Buffer
		for _, entry := range entries {
			path := filepath.Join(dir, entry.Name())
			info, err := os.Stat(path)
			if err != nil || !info.Mode().IsRegular() || info.Size() > maxFolderFile {
				continue
			}
			file, err := os.ReadFile(path)
			if err != nil {
				continue // it counts as missing until it can be read
			}
			sum := sha256.Sum256(file)
			content.WriteString(entry.Name())
			content.WriteByte(0)
			content.Write(sum[:])
		}
		return content.Bytes(), nil
	}
}

// An observation is the outcome of the last look.
type observation struct {
	seen   bool // digest is that of content that was read
	failed bool // the last read failed, and that was reported
	digest [sha256.Size]byte
}

// update reads once and calls changed if the content, or whether it can be read,
// differs from the last look.
func (l *observation) update(read Reader, changed func([]byte, error)) {
	content, err := read()
	if errors.Is(err, errSame) {
		return
	}
	if err != nil {
		report := !l.failed
		l.failed = true
		if report && changed != nil {
			changed(nil, err)
		}
		return
	}
	digest := digestOf(content)
	same := l.seen && digest == l.digest
	l.seen, l.failed, l.digest = true, false, digest
	if !same && changed != nil {
		changed(content, nil)
	}
}

// digestOf hashes in chunks. The hash of a large snapshot is one long loop in
// assembly that the scheduler cannot interrupt, and requests would wait for its end.
func digestOf(content []byte) (sum [sha256.Size]byte) {
	const step = 64 << 10
	hash := sha256.New()
	for chunk := range slices.Chunk(content, step) {
		hash.Write(chunk)
	}
	hash.Sum(sum[:0])
	return sum
}

// The limits of one fetch.
const (
	remoteTimeout   = 60 * time.Second // from the connection to the last byte
	remoteConnect   = 5 * time.Second
	remoteHeader    = 10 * time.Second
	remoteRedirects = 3
)

// Remote reads the content at an https address, at most 1 GiB, until ctx ends. It
// asks only for content that has changed (If-None-Match, RFC 9110 section 13.1.2)
// and follows redirects to https only. roots are the CAs that may certify the host;
// nil means the system's. The host is not trusted with the content, which has a
// signature of its own. Errors name the host and no other part of the address,
// which may contain a credential.
func Remote(ctx context.Context, address string, roots *x509.CertPool) Reader {
	client := &http.Client{
		Timeout: remoteTimeout,
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: remoteConnect}).DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    remoteConnect,
			ResponseHeaderTimeout:  remoteHeader,
			MaxResponseHeaderBytes: 64 << 10,
			DisableCompression:     true, // the entity tag is that of the bytes sent, and a small answer could expand to a large one
			DisableKeepAlives:      true,
		},
		CheckRedirect: RedirectToHTTPS,
	}
	tag := ""
	return func() ([]byte, error) {
		content, next, err := fetch(ctx, client, address, tag)
		if tag = next; err != nil && !errors.Is(err, errSame) {
			tag = "" // the next request asks for the whole content
		}
		return content, err
	}
}

// RedirectToHTTPS is a CheckRedirect for http.Client that follows up to three
// redirects, to https addresses only.
func RedirectToHTTPS(r *http.Request, before []*http.Request) error {
	if r.URL.Scheme != "https" || len(before) > remoteRedirects {
		return errors.New("redirected elsewhere than to https, or too often")
	}
	return nil
}

// fetch requests the content unless it still has the given entity tag, and returns
// its new tag. The error is errSame if the content has not changed.
func fetch(ctx context.Context, client *http.Client, address, tag string) (content []byte, next string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", errors.New("the address is malformed")
	}
	if tag != "" {
		r.Header.Set("If-None-Match", tag)
	}
	res, err := client.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, "", fmt.Errorf("fetch from %q: %w", r.URL.Host, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusNotModified && tag != "":
		return nil, tag, errSame
	case res.StatusCode != http.StatusOK:
		return nil, "", fmt.Errorf("fetch from %q: answer %d", r.URL.Host, res.StatusCode)
	}
	content, err = io.ReadAll(io.LimitReader(res.Body, maxFile+1))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("fetch from %q: %w", r.URL.Host, err)
	case len(content) > maxFile:
		return nil, "", fmt.Errorf("fetch from %q: longer than %d bytes", r.URL.Host, maxFile)
	}
	return content, res.Header.Get("ETag"), nil
}

// RemotePoll returns a pause between looks at a Remote: DefaultPoll, up to a fifth
// shorter or longer at random, so that many instances do not ask at the same time.
func RemotePoll() time.Duration { return DefaultPoll*4/5 + rand.N(DefaultPoll*2/5) }
