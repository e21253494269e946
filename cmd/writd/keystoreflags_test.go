package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// keySetOf is the JWK Set that a program publishes.
func keySetOf(p *program) (string, error) {
	res, err := p.client.Get("http://writd/.well-known/jwks.json")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return string(body), err
}

// writeSeal writes a seal of keys, in base64.
func writeSeal(t *testing.T, dir, name, base64 string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(base64+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const (
	seal1 = "2n2BzJtTyRgUrtqIXXEoTIk2mUPU0OKx9qN6g6xQ3mI="
	seal2 = "wXnP6wYQ2ehcGQOOQoSpHDVFO8Hw7Vmr8eN8h7TjzuY="
)

// Programs on hosts of their own sign with one key, which they keep in a bucket. Without
// it those that have the key go on, and who starts is ready as soon as it is back.
func TestSharedKeys(t *testing.T) {
	t.Parallel()
	address, startStore, stopStore := natsServer(t)
	seals := []string{writeSeal(t, t.TempDir(), "1", seal1), writeSeal(t, t.TempDir(), "2", seal2)}
	args := []string{"--keys", "nats://writd:s3cr3t@" + address + "?replicas=1&timeout=3s", "--store-allow-unsafe", "--keys-seal", seals[0]}
	begin := func(more ...string) *program {
		dir := t.TempDir()
		writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
		return start(t, dir, append(args, more...)...)
	}
	unready := func(p *program) {
		t.Helper()
		eventually(t, func() error { return p.logged("key store") })
		if _, err := p.scope(); err == nil {
			t.Error("a token without a key")
		}
		if err := status(p.admin, "/readyz", http.StatusServiceUnavailable); err != nil {
			t.Error(err)
		}
	}
	all := []*program{begin(), begin()} // before there is a server
	unready(all[0])
	unready(all[1])
	startStore()
	agree := func() error {
		sets := map[string]bool{}
		for _, p := range all {
			if err := errors.Join(p.wantScope("read")(), status(p.admin, "/readyz", http.StatusOK)); err != nil {
				return err
			}
			set, err := keySetOf(p)
			if err != nil || strings.Count(set, `"kid"`) != 1 {
				return fmt.Errorf("%s, %w", set, err)
			}
			sets[set] = true
		}
		if len(sets) != 1 {
			return fmt.Errorf("key sets %v", sets)
		}
		return nil
	}
	eventually(t, agree)
	stopStore()
	if err := agree(); err != nil {
		t.Errorf("without the server: %v", err)
	}
	all = append(all, begin())
	unready(all[2])
	startStore()
	eventually(t, agree)
	eventually(t, func() error { return all[0].logged("UNSAFE KEY STORE") })

	other := begin("--keys-seal", seals[1]) // the new seal beside the old one
	all = append(all, other)
	eventually(t, agree)
	args = append(args[:len(args)-1], seals[1])
	wrong := begin()
	unready(wrong)
	eventually(t, func() error { return wrong.logged("is sealed with") })
	begin("--keys-seal", seals[0]) // seals anew
	all = append(all, wrong)
	eventually(t, agree)
	for _, p := range all {
		if strings.Contains(p.log.String(), "s3cr3t") {
			t.Errorf("the log shows the password:\n%s", p.log)
		}
	}
}

func TestKeyStoreFlagsAreChecked(t *testing.T) {
	address, startStore, _ := natsServer(t)
	startStore()
	dir := t.TempDir()
	snap, seal := filepath.Join(dir, "writ.snapshot"), writeSeal(t, dir, "seal", seal1)
	writeSnapshot(t, snap, 1, "read")
	bucket := "nats://writd:s3cr3t@" + address
	for says, c := range map[string]struct {
		args []string
		code int
	}{
		"needs --keys-seal":                {[]string{"--keys", bucket}, exitUsage},
		"--keys-seal needs a --keys":       {[]string{"--keys", dir, "--keys-seal", seal}, exitUsage},
		"--keys-key need a --keys in NATS": {[]string{"--keys", dir, "--keys-creds", "x"}, exitUsage},
		"--keys-key go together":           {[]string{"--keys", bucket, "--keys-seal", seal, "--keys-cert", "x"}, exitUsage},
		"--store-allow-unsafe needs":       {[]string{"--keys", dir, "--store-allow-unsafe"}, exitUsage},
		"is not 32 bytes":                  {[]string{"--keys", bucket, "--keys-seal", writeSeal(t, dir, "short", "c2hvcnQ")}, exitError},
		"absent.seal":                      {[]string{"--keys", bucket, "--keys-seal", filepath.Join(dir, "absent.seal")}, exitError},
		"is not HOST":                      {[]string{"--keys", "nats://writd:s3cr3t@host/bucket", "--keys-seal", seal}, exitError},
		"asked for instead of 3":           {[]string{"--keys", bucket + "?replicas=1", "--keys-seal", seal}, exitError},
		"replicas > 1 not supported":       {[]string{"--keys", bucket, "--keys-seal", seal}, exitError},
	} {
		args := append([]string{"--snapshot", snap, "--listen", "unix:" + filepath.Join(dir, "p.sock"), "--admin", "off"}, c.args...)
		code, out, log := runOnce(args...)
		if code != c.code || !strings.Contains(out+log, says) || strings.Contains(out+log, "s3cr3t") {
			t.Errorf("%q: exit code %d, want %d:\n%s%s", says, code, c.code, out, log)
		}
	}
}

// A folder of keys that is not there keeps the program up and unready, until it is there.
func TestKeyFolderAppears(t *testing.T) {
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	keys := filepath.Join(dir, "keys")
	p := start(t, dir, "--keys", keys)
	eventually(t, func() error { return p.logged("mkdir -m 700") })
	if err := errors.Join(p.logged(fmt.Sprint("chown ", os.Getuid())), status(p.admin, "/readyz", http.StatusServiceUnavailable)); err != nil {
		t.Error(err)
	}
	if err := os.Mkdir(keys, 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, p.wantScope("read"))
	if err := status(p.admin, "/readyz", http.StatusOK); err != nil {
		t.Error(err)
	}
}
