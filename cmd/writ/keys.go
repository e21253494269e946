package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/token"
)

func (a *app) keysCommand() command {
	return command{
		name:    "keys",
		summary: "make and look at signing keys",
		about: `
Without a signing_key block the server makes its own keys and rotates them.
Declared keys are files in writd's --keys folder, named by private_key =
"file:NAME". The Ed25519 key that signs snapshots (writ apply --sign) is made
here too: writ keys new --alg EdDSA.`,
		sub: []command{a.keysNewCommand(), a.keysListCommand(), a.keysPublicCommand()},
	}
}

func (a *app) keysNewCommand() command {
	var alg string
	return command{
		name: "new", args: "FILE", maxArgs: 1,
		summary: "make a private key, PKCS #8 in PEM, mode 0600",
		about: `
An existing file is never overwritten. With "-" as FILE the key goes to standard
output, but not to a terminal.`,
		example: `$ mkdir -m 700 keys
$ writ keys new --alg ES256 keys/es256-2026-q4.pem
Wrote keys/es256-2026-q4.pem, kid 2Yw0...

  signing_key "es256-2026-q4" {
    algorithm    = "ES256"
    private_key  = "file:es256-2026-q4.pem"
    activates_at = "2026-10-02T09:30:00Z"
  }`,
		flags: []cli.Flag{
			&cli.StringFlag{Name: "alg", Value: string(schema.RS256), Usage: "sign with `" + strings.Join(jose.Names(jose.SigningKeys), "|") + "`, RS256 by default", Destination: &alg},
		},
		run: func(_ context.Context, args []string) error { return a.keysNew(args, schema.SigningAlg(alg)) },
	}
}

func (a *app) keysListCommand() command {
	return command{
		name: "list", args: "[DIR]", maxArgs: 1,
		summary: "list the private keys of a folder",
		example: "$ writ keys list keys\nes256-2026-q4.pem  ES256  0600  2Yw0...",
		run:     func(_ context.Context, args []string) error { return a.keysList(args) },
	}
}

func (a *app) keysPublicCommand() command {
	var format string
	return command{
		name: "public", args: "FILE", maxArgs: 1,
		summary: "print the public half of a key",
		example: "$ writ keys public keys/es256-2026-q4.pem\n-----BEGIN PUBLIC KEY-----\n$ writ keys public --format jwks keys/es256-2026-q4.pem\n{\"keys\":[...]}",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "pem", Usage: "print as `pem|jwks`, pem by default", Destination: &format},
		},
		run: func(_ context.Context, args []string) error { return a.keysPublic(args, format) },
	}
}

// A keyInfo is what may be said of a private key.
type keyInfo struct {
	File string            `json:"file"`
	Alg  schema.SigningAlg `json:"alg"`
	KID  string            `json:"kid"` // RFC 7638 thumbprint
	Mode string            `json:"mode,omitempty"`

	key *token.Key
}

func (a *app) keysNew(args []string, alg schema.SigningAlg) error {
	if len(args) == 0 {
		return usagef("name the file to write")
	}
	private, err := newPrivateKey(a.rand, alg)
	if err != nil {
		return err
	}
	key, err := token.NewKey(alg, private)
	if err != nil {
		return err
	}
	content, err := jose.EncodePrivateKey(private)
	if err != nil {
		return err
	}
	if args[0] == "-" {
		if a.outTTY {
			return usagef("a private key is not printed to a terminal: name a file")
		}
		_, err := a.out.Write(content)
		return err
	}
	if err := createFile(a.path(args[0]), content, 0o600); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return failf("file-exists", "Name another file: a key is never overwritten.", "%w", plainly(err, "write"))
		}
		return unwritable(err)
	}
	return a.showNewKey(keyInfo{File: filepath.ToSlash(args[0]), Alg: alg, KID: key.KID()})
}

func (a *app) showNewKey(info keyInfo) error {
	if a.json {
		return a.printJSON(info)
	}
	base := filepath.Base(info.File)
	fmt.Fprintf(a.out, "Wrote %s, kid %s\n\n", info.File, info.KID)
	fmt.Fprintf(a.out, "  signing_key %q {\n    algorithm    = %q\n    private_key  = %q\n    activates_at = %q\n  }\n",
		strings.TrimSuffix(base, filepath.Ext(base)), info.Alg, "file:"+base, a.now().UTC().AddDate(0, 0, 1).Format("2006-01-02T15:04:05Z"))
	return nil
}

// rsaBits is the length of an RSA key that is made to be declared, which nothing
// replaces by itself.
const rsaBits = 3072

// newPrivateKey makes a key of the kind that the algorithm signs with.
func newPrivateKey(random io.Reader, alg schema.SigningAlg) (crypto.Signer, error) {
	switch {
	case alg.For(jose.SigningKeys):
		return alg.Generate(random, rsaBits)
	case alg.Shared():
		return nil, usagef("%s has no key pair: make a secret with \"writ secret new\" and name it in signing_secret", alg)
	}
	usage := usagef("unknown algorithm %q", alg)
	if near := schema.Suggest(string(alg), jose.Names(jose.SigningKeys)); near != "" {
		usage.hint = fmt.Sprintf("Did you mean %q?", near)
	}
	return nil, usage
}

func (a *app) keysList(args []string) error {
	dir := a.dir(args)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return unreadable(err)
	}
	keys := []keyInfo{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || filepath.Ext(entry.Name()) != ".pem" {
			continue
		}
		info, err := readKey(filepath.Join(dir, entry.Name()))
		if err != nil {
			fmt.Fprintf(a.err, "%s: %s\n", visible(entry.Name()), visible(err.Error()))
			continue
		}
		info.File = entry.Name()
		keys = append(keys, info)
	}
	if a.json {
		return a.printJSON(map[string]any{"keys": keys})
	}
	if len(keys) == 0 {
		fmt.Fprintf(a.err, "%q holds no private key (*.pem).\n", filepath.ToSlash(dir))
	}
	for _, k := range keys {
		fmt.Fprintf(a.out, "%s\t%s\t%s\t%s\n", visible(k.File), k.Alg, k.Mode, k.KID)
	}
	return nil
}

func (a *app) keysPublic(args []string, format string) error {
	if len(args) == 0 {
		return usagef("name the key file")
	}
	info, err := readKey(a.path(args[0]))
	if err != nil {
		return err
	}
	if a.json {
		format = "jwks"
	}
	switch format {
	case "jwks":
		set := token.NewKeys([]token.Scheduled{{Key: info.key}}, nil).JWKS(a.now().Unix())
		return a.printJSON(json.RawMessage(set))
	case "pem":
		content, err := jose.EncodePublicKey(info.key.Public())
		if err != nil {
			return err
		}
		_, err = a.out.Write(content)
		return err
	}
	return usagef("unknown format %q: pem or jwks", format)
}

// readKey reads a private key file. It is shown for the first algorithm that the key
// can sign with: an RSA key serves RS256 and PS256, and the signing_key block says which.
func readKey(path string) (keyInfo, error) {
	content, err := readRegular(path)
	if err != nil {
		return keyInfo{}, err
	}
	info := keyInfo{File: filepath.ToSlash(path)}
	if stat, err := os.Stat(path); err == nil {
		info.Mode = fmt.Sprintf("%04o", stat.Mode().Perm())
	}
	private, err := jose.ParsePrivateKey(content)
	if err == nil {
		if info.Alg, err = jose.AlgOf(private.Public(), jose.SigningKeys); err == nil {
			info.key, err = token.NewKey(info.Alg, private)
		}
	}
	if err != nil {
		return keyInfo{}, failf("invalid-key", "Make one with \"writ keys new\".", "read key %q: %w", info.File, err)
	}
	info.KID = info.key.KID()
	return info, nil
}

// readSigningKey reads the Ed25519 key that signs snapshots.
func readSigningKey(path string) (ed25519.PrivateKey, error) {
	content, err := readRegular(path)
	if err != nil {
		return nil, err
	}
	if private, err := jose.ParsePrivateKey(content); err == nil {
		if key, ok := private.(ed25519.PrivateKey); ok {
			return key, nil
		}
	}
	return nil, failf("invalid-key", "Make one with \"writ keys new --alg EdDSA FILE\".",
		"read key %q: snapshots are signed with an Ed25519 key in PKCS #8", filepath.ToSlash(path))
}
