package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
)

// A clientSecret is a new secret and what the configuration may hold of it, as --json
// prints it.
type clientSecret struct {
	Client string `json:"client"`
	Label  string `json:"label"`
	Secret string `json:"secret"`
	Hash   string `json:"hash"`
	Block  string `json:"block"` // to paste into the client
}

// secretCommand is "writ secret". The secret is printed once and written nowhere: whoever
// pipes it into a secret store decides where it is kept.
func secretCommand() cli.Command {
	flags := new(cli.ConfigFlags)
	return cli.Command{
		Name: "secret", Group: cli.GroupWrite,
		Summary: "make client secrets",
		Sub: []cli.Command{{
			Name: "new", Args: "CLIENT [LABEL]", MaxArgs: 2, Config: flags,
			Summary: "make a client secret and the block that lets it in",
			About: `
The secret is 32 random bytes. It is printed once and kept nowhere: the
configuration holds its SHA-256, which is safe in git because nobody can guess
32 random bytes. Give the secret to the client, paste the block into the client.

CLIENT is one of the configuration around the working folder, by its label or
client_id. Where there is no configuration any name will do.

To rotate: add the new block beside the old one, let the client change over,
remove the old block.`,
			Example: `$ writ secret new billing 2027-q1
Secret, shown only now: 8oR0...

Paste into client "billing":

  secret "2027-q1" {
    hash = "sha256:R4n1..."
  }`,
			Complete: completeClients,
			Run:      func(_ context.Context, env *cli.Env, args []string) error { return secretNew(env, args, flags) },
		}},
	}
}

// secretNew makes a secret for a client and prints it with the block that lets it in.
// Without LABEL the label is the day, which orders the secrets of a client by age.
func secretNew(env *cli.Env, args []string, flags *cli.ConfigFlags) error {
	if len(args) == 0 {
		return diag.Usagef("name the client that the secret is for")
	}
	client, declared, err := declaredClient(env, flags, args[0])
	if err != nil {
		return err
	}
	label := env.Now().UTC().Format("2006-01-02")
	if len(args) == 2 {
		label = args[1]
	}
	if !plainName(label) {
		return invalidName(label)
	}
	secret, err := newSecret(env.Rand)
	if err != nil {
		return err
	}
	s := clientSecret{Client: client, Label: label, Secret: secret, Hash: hashSecret(secret)}
	s.Block = fmt.Sprintf("secret %q {\n  hash = %q\n}\n", s.Label, s.Hash)
	if env.JSON {
		return env.PrintJSON(s)
	}
	where := "Paste into"
	if declared != nil && declared.NestedRange("secret", label, "") != declared.Range {
		where = fmt.Sprintf("Paste in the place of secret %q, which then is accepted no more, into", label)
	}
	fmt.Fprintf(env.Out, "Secret, shown only now: %s\n\n%s client %q:\n\n", s.Secret, where, s.Client)
	for line := range strings.Lines(s.Block) {
		io.WriteString(env.Out, "  "+line)
	}
	return nil
}

// declaredClient is the label of the client that a name means, and its declaration. Where there
// is a configuration it must declare the client. A configuration with errors may lack the client
// because of them, so there the name is taken with a note, and found is nil; that is the usual
// state while a client is being written.
func declaredClient(env *cli.Env, flags *cli.ConfigFlags, name string) (label string, found *config.Client, err error) {
	m, whole := around(env, flags)
	if m == nil {
		if !plainName(name) {
			return "", nil, invalidName(name)
		}
		return name, nil, nil
	}
	declared := m.Config.Clients
	i, err := compiler.FindNamed(compiler.KindClient, name, len(declared), func(i int) (id, label string) {
		return cmp.Or(declared[i].ClientID, declared[i].Label), declared[i].Label
	})
	switch {
	case err == nil:
		return declared[i].Label, declared[i], nil
	case whole:
		return "", nil, err
	}
	env.Note(fmt.Sprintf("No client %q is found, in a configuration that has errors.", name))
	return name, nil, nil
}

// invalidName is the error about a name that plainName refuses.
func invalidName(name string) error {
	return diag.Usagef("invalid name %q: letters, digits, hyphens and underscores", name)
}

// plainName reports whether a word may stand in a pasted block without quoting: ASCII letters
// and digits, dots, hyphens and underscores.
func plainName(name string) bool {
	return name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// newSecret is 32 random bytes in unpadded base64url, 43 characters. That is what makes an
// unsalted hash safe: nobody can guess 256 random bits.
func newSecret(random io.Reader) (string, error) {
	var secret [32]byte
	if _, err := io.ReadFull(random, secret[:]); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(secret[:]), nil
}

// secretMaker makes secrets for the console, with the hash for the block.
func secretMaker(random io.Reader) func() (secret, hash string, err error) {
	return func() (string, string, error) {
		secret, err := newSecret(random)
		return secret, hashSecret(secret), err
	}
}

// hashSecret is a secret as a secret block holds it: SHA-256 in unpadded base64url.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return "sha256:" + base64.RawURLEncoding.EncodeToString(sum[:])
}
