package main

import (
	"context"
	"errors"
	"flag"
	"path/filepath"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
)

// A storeFlags is the store that several writd share.
type storeFlags struct {
	url         string
	creds       string
	ca          string
	cert, key   string
	allowUnsafe bool
}

func (s *storeFlags) register(f *flag.FlagSet) {
	f.StringVar(&s.url, "store", "", "`URL` of a NATS JetStream bucket in which several writd remember used assertions, proofs and refresh tokens together: "+
		"nats://HOST[:PORT],...?bucket=writ&replicas=3&timeout=1500ms; give its servers sync_interval: always, which writd cannot see: "+
		"without it they can lose in a power failure what they acknowledged")
	f.StringVar(&s.creds, "store-creds", "", "NATS credentials `FILE` for --store")
	f.StringVar(&s.ca, "store-ca", "", "PEM `FILE` of the only CAs for the servers of --store, which then must speak TLS; default: the system's")
	f.StringVar(&s.cert, "store-cert", "", "PEM certificate chain `FILE` of this client of --store")
	f.StringVar(&s.key, "store-key", "", "PEM private key `FILE` of this client of --store")
	f.BoolVar(&s.allowUnsafe, "store-allow-unsafe", false, "take a bucket that can forget what it acknowledged, so that used assertions work again: "+
		"fewer than 3 replicas, memory storage, keys dropped early")
}

func (s *storeFlags) check() error {
	switch {
	case s.url == "" && (s.creds != "" || s.ca != "" || s.cert != "" || s.key != "" || s.allowUnsafe):
		return errors.New("--store-creds, --store-ca, --store-cert, --store-key and --store-allow-unsafe need --store")
	case (s.cert == "") != (s.key == ""):
		return errors.New("--store-cert and --store-key go together")
	}
	return nil
}

// stateFile is the name, in the state folder, of what remembers used assertions
// and proofs. One process at a time has it open.
const stateFile = "used.db"

// openStore opens what remembers used assertions and proofs: the shared store,
// the file in the state folder, or neither.
func (d *daemon) openStore(opts *server.Options) error {
	flags := d.set.store
	switch {
	case flags.url != "":
		shared, err := natskv.Open(context.Background(), flags.url, natskv.Options{
			Login:       natsbucket.Login{Credentials: flags.creds, CA: flags.ca, Certificate: flags.cert, PrivateKey: flags.key},
			AllowUnsafe: flags.allowUnsafe, Logger: d.log,
		})
		if err != nil {
			return err
		}
		opts.Store, d.close = shared, shared.Close
	case d.set.state != "":
		state, err := store.OpenBolt(filepath.Join(d.set.state, stateFile), store.BoltOptions{})
		if err != nil {
			return err
		}
		opts.Store, d.close = state, state.Close
	}
	return nil
}
