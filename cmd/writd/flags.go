package main

import (
	"crypto/ed25519"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/schema/snapshot"
	"github.com/writ-auth/writ/server"
)

// settings are the flags' values, from the command line and the environment. The texts that
// are shown as help say what each means; "" is a flag that was not given.
type settings struct {
	snapshot    snapshotFlags
	instance    string // until newDaemon: as given; then never ""
	listen      string
	admin       string // "off" for no admin listener
	adminHosts  []string
	keys        string // a folder, or the address of a bucket; see keyFolder
	keyFlags    keyFlags
	keyStore    keyStoreFlags
	secrets     string // a folder
	state       string // a folder
	trust       []ed25519.PublicKey
	environment string
	tlsCert     string // path of a PEM file, like tlsKey; both or neither
	tlsKey      string
	clients     clientFlags
	store       storeFlags
	connections int
	perAddress  int // 0: unlimited
	pprof       bool
}

const usage = `writd serves access tokens from a snapshot made by "writ apply".

Usage:
  writd --snapshot LOCATION [flags]
  writd --version
  writd version [--json]

Every flag may be given in the environment instead: --tls-cert is WRITD_TLS_CERT.

Flags:
`

const example = `
Example:
  writd --snapshot writ.snapshot --keys ./keys
  curl -d grant_type=client_credentials -d audience=https://api.example.com/orders \
       -u billing:SECRET http://127.0.0.1:8080/oauth/token
`

// parseFlags reads the arguments; flags that they leave out come from the environment. The
// error is flag.ErrHelp after it has written the help that was asked for.
func parseFlags(args []string, getenv func(string) string, help io.Writer) (settings, error) {
	s := settings{}
	f := flag.NewFlagSet("writd", flag.ContinueOnError)
	f.SetOutput(io.Discard) // run prints the error, once and without the whole usage
	s.snapshot.register(f)
	f.StringVar(&s.instance, "instance", "", "`NAME` of this process in its fleet; default: the host's name and a random part that --state keeps")
	f.StringVar(&s.listen, "listen", "127.0.0.1:8080", "`ADDRESS` for clients: host:port, unix:/path, or systemd:NAME for an inherited socket")
	f.StringVar(&s.admin, "admin", "127.0.0.1:8081", "`ADDRESS` for health, status and metrics; \"off\" for none")
	f.Func("admin-host", "`NAME`, beside addresses and localhost, under which health and status may be asked; repeatable", func(v string) error {
		if v == "" {
			return errors.New("it is empty")
		}
		s.adminHosts = append(s.adminHosts, v)
		return nil
	})
	f.StringVar(&s.keys, "keys", "", "`FOLDER` of signing keys, or nats://HOST[:PORT],...?bucket=writ-keys&replicas=3: a NATS JetStream bucket in which writd on any number of hosts share "+
		"those that they make, with --keys-seal; without it they live in memory only")
	s.keyFlags.register(f)
	s.keyStore.register(f)
	f.StringVar(&s.secrets, "secrets", "", "`FOLDER` of the secrets that the configuration names as file:NAME")
	f.StringVar(&s.state, "state", "", "`FOLDER` that remembers the highest serial served and, without --store, which assertions, proofs and refresh tokens were used")
	f.Func("trust", "Ed25519 public `KEY` of which one must have signed the snapshot: a PEM file or base64; repeatable", func(v string) error {
		keys, err := snapshot.ParseTrustedKeys(v, os.ReadFile)
		s.trust = append(s.trust, keys...)
		return err
	})
	f.StringVar(&s.environment, "environment", "", "refuse snapshots for another environment than this `NAME`")
	f.StringVar(&s.tlsCert, "tls-cert", "", "PEM certificate chain `FILE`")
	f.StringVar(&s.tlsKey, "tls-key", "", "PEM private key `FILE`")
	s.clients.register(f)
	s.store.register(f)
	f.IntVar(&s.connections, "connections", 10_000, "how many connections `N` may be open at once, each for up to 30 KiB of memory; further ones wait")
	f.IntVar(&s.perAddress, "connections-per-address", 256, "how many of them `N` one address may have open, loopback excepted; 0 for no such cap")
	f.BoolVar(&s.pprof, "pprof", false, "serve profiles of the running program at /debug/pprof/ beside health and status")
	if err := f.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			printHelp(f, help)
		}
		return settings{}, err
	}
	if f.NArg() > 0 {
		return settings{}, fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	if err := refuseEmpty(f); err != nil {
		return settings{}, err
	}
	if err := fromEnvironment(f, getenv); err != nil {
		return settings{}, err
	}
	err := s.check()
	return s, err
}

// refuseEmpty refuses a flag that is given an empty value, as --environment "$NAME" is where
// nobody has set NAME: the snapshot of any environment would be taken.
func refuseEmpty(f *flag.FlagSet) (err error) {
	f.Visit(func(fl *flag.Flag) {
		if value, ok := fl.Value.(flag.Getter); ok && value.Get() == "" && err == nil {
			err = fmt.Errorf("--%s has an empty value: leave it out, or look whether a variable is not set", fl.Name)
		}
	})
	return err
}

// fromEnvironment sets the flags that the arguments leave out: --tls-cert from
// WRITD_TLS_CERT. An empty variable counts as absent. All bad values are reported at once.
func fromEnvironment(f *flag.FlagSet, getenv func(string) string) error {
	given := map[string]bool{}
	f.Visit(func(fl *flag.Flag) { given[fl.Name] = true })
	var errs []error
	f.VisitAll(func(fl *flag.Flag) {
		name := "WRITD_" + strings.ToUpper(strings.ReplaceAll(fl.Name, "-", "_"))
		value := getenv(name)
		if given[fl.Name] || value == "" {
			return
		}
		if err := f.Set(fl.Name, value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	})
	return errors.Join(errs...)
}

// check refuses values and combinations that cannot work or are dangerous. It opens no file
// and makes no connection; newDaemon does.
func (s *settings) check() error {
	switch {
	case s.instance != "" && !location.ValidInstance(s.instance):
		return fmt.Errorf("--instance %q is not 1 to %d letters, digits, - and _, with single dots between them", s.instance, location.MaxInstance)
	case (s.tlsCert == "") != (s.tlsKey == ""):
		return errors.New("--tls-cert and --tls-key go together")
	case s.connections < 1:
		return errors.New("--connections is not positive")
	case s.perAddress < 0:
		return errors.New("--connections-per-address is negative")
	case s.keys == "" && !server.Loopback(s.listen):
		return fmt.Errorf("--listen %q is reachable from other machines and there is no --keys: tokens signed with "+
			"keys that live in memory only cannot be verified after a restart, nor by another instance", s.listen)
	}
	return errors.Join(s.snapshot.check(len(s.trust) > 0, s.state), s.keyFlags.check(), s.keyStore.check(s.keys), s.clients.check(s.tlsCert),
		s.store.check(natsbucket.IsAddress(s.keys)))
}

// printHelp lists the flags with two dashes, as the documentation writes them. The flag
// package would print one; it accepts both.
func printHelp(f *flag.FlagSet, w io.Writer) {
	fmt.Fprint(w, usage)
	f.VisitAll(func(fl *flag.Flag) {
		name, text := flag.UnquoteUsage(fl)
		if fl.DefValue != "" && fl.DefValue != "false" {
			text += " (default " + fl.DefValue + ")"
		}
		fmt.Fprintf(w, "  --%s %s\n        %s\n", fl.Name, name, text)
	})
	fmt.Fprint(w, example)
}
