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

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler/workspace"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/server/token"
)

// "writ keys": private keys as files. The forms that are read and written are package
// jose's, what a key may sign with is its table of algorithms.

// keysCommand is "writ keys": private keys as files. A server that makes its own keys needs
// none of it. No command prints a private key but "keys new -", into a pipe.
func keysCommand() cli.Command {
	return cli.Command{
		Name: "keys", Group: cli.GroupWrite,
		Summary: "make and look at signing keys",
		About: `
Without a signing_key block the server makes its own keys and rotates them.
Declared keys are files in writd's --keys folder, named by private_key =
"file:NAME". The Ed25519 key that signs snapshots (writ apply --sign) is made
here too: writ keys new --alg EdDSA.`,
		Sub: []cli.Command{keysNewCommand(), keysRotateCommand(), keysListCommand(), keysPublicCommand()},
	}
}

// keysNewCommand is "writ keys new", also for the Ed25519 key that signs snapshots.
func keysNewCommand() cli.Command {
	alg := string(schema.RS256)
	return cli.Command{
		Name: "new", Args: "FILE", MaxArgs: 1,
		Summary: "make a private key, PKCS #8 in PEM, mode 0600",
		About: `
An existing file is never overwritten. With "-" as FILE the key goes to standard
output, but not to a terminal.`,
		Example: `$ mkdir -m 700 keys
$ writ keys new --alg ES256 keys/es256-2026-q4.pem
Wrote keys/es256-2026-q4.pem, kid 2Yw0...

  signing_key "es256-2026-q4" {
    algorithm    = "ES256"
    private_key  = "file:es256-2026-q4.pem"
    activates_at = "2026-10-02T09:30:00Z"
  }`,
		Flags: []cli.Flag{
			{Name: "alg", Usage: "sign with `" + strings.Join(jose.Names(jose.SigningKeys), "|") + "`, RS256 by default", Value: &alg},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error {
			return keysNew(env, args, schema.SigningAlg(alg))
		},
	}
}

// keysListCommand is "writ keys list". It shows what may be known of a key, and its mode,
// which should be 0600.
func keysListCommand() cli.Command {
	return cli.Command{
		Name: "list", Args: "[DIR]", MaxArgs: 1,
		Summary: "list the private keys of a folder",
		Example: "$ writ keys list keys\nes256-2026-q4.pem  ES256  0600  2Yw0...",
		Run:     func(_ context.Context, env *cli.Env, args []string) error { return keysList(env, args) },
	}
}

// keysPublicCommand is "writ keys public". The public half is what --trust takes (PEM), or
// what a verifier without access to the server takes (JWKS).
func keysPublicCommand() cli.Command {
	format := "pem"
	return cli.Command{
		Name: "public", Args: "FILE", MaxArgs: 1,
		Summary: "print the public half of a key",
		Example: "$ writ keys public keys/es256-2026-q4.pem\n-----BEGIN PUBLIC KEY-----\n$ writ keys public --format jwks keys/es256-2026-q4.pem\n{\"keys\":[...]}",
		Flags: []cli.Flag{
			{Name: "format", Usage: "print as `pem|jwks`, pem by default", Value: &format},
		},
		Run: func(_ context.Context, env *cli.Env, args []string) error { return keysPublic(env, args, format) },
	}
}

// A keyInfo is what may be printed of a private key: nothing from which the key can be found.
type keyInfo struct {
	File string            `json:"file"`
	Alg  schema.SigningAlg `json:"alg"`
	KID  string            `json:"kid"` // RFC 7638 thumbprint
	Mode string            `json:"mode,omitempty"`

	key *token.Key
}

// keysNew makes a key and writes it to a file of mode 0600, never over an existing one:
// that file may be the only copy of a key that servers sign with. "-" prints the key, for a
// pipe into a secret store, but not to a terminal, whose scrollback keeps it.
func keysNew(env *cli.Env, args []string, alg schema.SigningAlg) error {
	if len(args) == 0 {
		return diag.Usagef("name the file to write")
	}
	kid, content, err := makeKey(env.Rand, alg)
	if err != nil {
		return err
	}
	if args[0] == "-" {
		if cli.Terminal(env.Out) != nil {
			return diag.Usagef("a private key is not printed to a terminal: name a file")
		}
		_, err := env.Out.Write(content)
		return err
	}
	if err := durable.Create(env.Path(args[0]), content, 0o600); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return diag.Failf("file-exists", "Name another file: a key is never overwritten.", "%w", workspace.Plainly(err, "write"))
		}
		return workspace.Unwritable(err)
	}
	return showNewKey(env, keyInfo{File: filepath.ToSlash(args[0]), Alg: alg, KID: kid})
}

// showNewKey prints the key id and the block that declares the key. The block lets it sign
// from tomorrow on, since verifiers have to learn of it first. Nothing is edited: where the
// block belongs is for the author to say.
func showNewKey(env *cli.Env, info keyInfo) error {
	if env.JSON {
		return env.PrintJSON(info)
	}
	base := filepath.Base(info.File)
	fmt.Fprintf(env.Out, "Wrote %s, kid %s\n\n", info.File, info.KID)
	block := signingKeyBlock(strings.TrimSuffix(base, filepath.Ext(base)), info.Alg, base, env.Now().AddDate(0, 0, 1).Unix())
	for line := range strings.Lines(block) {
		fmt.Fprint(env.Out, "  ", line)
	}
	return nil
}

// signingKeyBlock is the block that declares a key in a file below writd's --keys folder;
// activatesAt is in Unix seconds.
func signingKeyBlock(label string, alg schema.SigningAlg, file string, activatesAt int64) string {
	return fmt.Sprintf("signing_key %q {\n  algorithm    = %q\n  private_key  = %q\n  activates_at = %q\n}\n", label, alg, "file:"+file, schema.FormatTime(activatesAt))
}

// rsaBits is the length of an RSA key that is made to be declared. It is longer than that
// of a key which the server makes and rotates, since nothing replaces this one by itself.
const rsaBits = 3072

// makeKey makes a private key for the algorithm and returns its key id and its file: PKCS #8 in
// PEM, the one form that writ and writd read.
func makeKey(random io.Reader, alg schema.SigningAlg) (kid string, file []byte, err error) {
	private, err := newPrivateKey(random, alg)
	if err != nil {
		return "", nil, err
	}
	key, err := token.NewKey(alg, private)
	if err != nil {
		return "", nil, err
	}
	file, err = jose.EncodePrivateKey(private)
	return key.KID(), file, err
}

// newPrivateKey makes a key of the kind that the algorithm signs with. An HMAC algorithm
// has no key pair, and its error says what to make instead.
func newPrivateKey(random io.Reader, alg schema.SigningAlg) (crypto.Signer, error) {
	switch {
	case alg.For(jose.SigningKeys):
		return alg.Generate(random, rsaBits)
	case alg.Shared():
		return nil, diag.Usagef("%s has no key pair: make a secret with \"writ secret new\" and name it in signing_secret", alg)
	}
	usage := diag.Usagef("unknown algorithm %q", alg)
	usage.Hint = schema.DidYouMean(string(alg), jose.Names(jose.SigningKeys))
	return nil, usage
}

// keysList lists the private keys of a folder, *.pem, in the order of their names. A file
// that is no key is reported on standard error and does not end the list.
func keysList(env *cli.Env, args []string) error {
	dir := env.Folder(args)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return workspace.Unreadable(err)
	}
	keys := []keyInfo{}
	for _, entry := range entries {
		if !entry.Type().IsRegular() || filepath.Ext(entry.Name()) != ".pem" {
			continue
		}
		info, err := readKey(filepath.Join(dir, entry.Name()))
		if err != nil {
			fmt.Fprintf(env.Err, "%s: %s\n", diag.OneLine(entry.Name()), diag.OneLine(err.Error()))
			continue
		}
		info.File = entry.Name()
		keys = append(keys, info)
	}
	if env.JSON {
		return env.PrintJSON(map[string]any{"keys": keys})
	}
	if len(keys) == 0 {
		fmt.Fprintf(env.Err, "%q holds no private key (*.pem).\n", filepath.ToSlash(dir))
	}
	for _, k := range keys {
		fmt.Fprintf(env.Out, "%s\t%s\t%s\t%s\n", diag.OneLine(k.File), k.Alg, k.Mode, k.KID)
	}
	return nil
}

// keysPublic prints the public half of a key; --json means JWKS. A public key is no secret,
// so a terminal gets it too.
func keysPublic(env *cli.Env, args []string, format string) error {
	if len(args) == 0 {
		return diag.Usagef("name the key file")
	}
	info, err := readKey(env.Path(args[0]))
	if err != nil {
		return err
	}
	if env.JSON { // a PEM text is no JSON, and a JWK Set is
		format = "jwks"
	}
	switch format {
	case "jwks":
		set := token.NewKeys([]token.Scheduled{{Key: info.key}}, nil).JWKS(env.Now().Unix())
		return env.PrintJSON(json.RawMessage(set))
	case "pem":
		content, err := jose.EncodePublicKey(info.key.Public())
		if err != nil {
			return err
		}
		_, err = env.Out.Write(content)
		return err
	}
	return diag.Usagef("unknown format %q: pem or jwks", format)
}

// readKey reads a private key file. The key is shown for the first algorithm that it can
// sign with: an RSA key serves RS256 and PS256, and the signing_key block says which.
func readKey(path string) (keyInfo, error) {
	content, err := workspace.ReadFile(path)
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
		return keyInfo{}, diag.Failf("invalid-key", "Make one with \"writ keys new\".", "read key %q: %w", info.File, err)
	}
	info.KID = info.key.KID()
	return info, nil
}

// parseSigningKey reads the Ed25519 key that signs snapshots; from is where it came from,
// for the error, which quotes nothing of the content.
func parseSigningKey(content []byte, from string) (ed25519.PrivateKey, error) {
	if private, err := jose.ParsePrivateKey(content); err == nil {
		if key, ok := private.(ed25519.PrivateKey); ok {
			return key, nil
		}
	}
	return nil, diag.Failf("invalid-key", "Make one with \"writ keys new --alg EdDSA FILE\".",
		"read key %q: snapshots are signed with an Ed25519 key in PKCS #8", from)
}
