package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
)

// storeFlags say which store several writd share, and how to log in to it.
type storeFlags struct {
	url         string // "": no shared store
	login       natsLogin
	allowUnsafe bool // also for the bucket of --keys
}

func (s *storeFlags) register(f *flag.FlagSet) {
	f.StringVar(&s.url, "store", "", "`URL` of a NATS JetStream bucket in which several writd remember used assertions, proofs and refresh tokens together: "+
		"nats://HOST[:PORT],...?bucket=writ&replicas=3&timeout=1500ms; give its servers sync_interval: always, which writd cannot see: "+
		"without it they can lose in a power failure what they acknowledged")
	s.login.register(f, "store")
	f.BoolVar(&s.allowUnsafe, "store-allow-unsafe", false, "take buckets, of --store and of --keys, that can forget what they acknowledged, so that used assertions work again and keys are withdrawn: "+
		"fewer than 3 replicas, memory storage, keys dropped early")
}

// check refuses the flags of a store without one. keysInBucket says that --keys is a bucket.
func (s *storeFlags) check(keysInBucket bool) error {
	if s.allowUnsafe && s.url == "" && !keysInBucket {
		return errors.New("--store-allow-unsafe needs --store, or a --keys in NATS")
	}
	return s.login.check("store", s.url != "")
}

// A natsLogin is the login for the servers of a flag that names a bucket: --store or --keys.
type natsLogin struct{ natsbucket.Login }

// register adds the flags of the login for the servers of the flag --name.
func (l *natsLogin) register(f *flag.FlagSet, name string) {
	f.StringVar(&l.Credentials, name+"-creds", "", "NATS credentials `FILE` for --"+name)
	f.StringVar(&l.CA, name+"-ca", "", "PEM `FILE` of the only CAs for the servers of --"+name+", which then must speak TLS; default: the system's")
	f.StringVar(&l.Certificate, name+"-cert", "", "PEM certificate chain `FILE` of this client of --"+name)
	f.StringVar(&l.PrivateKey, name+"-key", "", "PEM private key `FILE` of this client of --"+name)
}

// check refuses a login for no servers, and a certificate without its key. used says that
// the flag --name does name a bucket.
func (l *natsLogin) check(name string, used bool) error {
	switch {
	case !used && l.Login != natsbucket.Login{}:
		return fmt.Errorf("--%[1]s-creds, --%[1]s-ca, --%[1]s-cert and --%[1]s-key need a --%[1]s in NATS", name)
	case (l.Certificate == "") != (l.PrivateKey == ""):
		return fmt.Errorf("--%[1]s-cert and --%[1]s-key go together", name)
	}
	return nil
}

// stateFile is the name, in the state folder, of the store of used assertions and proofs.
// Only one process at a time can have it open.
const stateFile = "used.db"

// openStore opens the store of used assertions, proofs and refresh tokens: the one that
// instances share, or a file in the state folder. With neither flag it opens none, and the
// server remembers in memory.
func (d *daemon) openStore(opts *server.Options) error {
	flags := d.set.store
	switch {
	case flags.url != "":
		shared, err := natskv.Open(context.Background(), flags.url, natskv.Options{
			Login: flags.login.Login, AllowUnsafe: flags.allowUnsafe, Logger: d.log,
		})
		if err != nil {
			return err
		}
		opts.Store, d.store = shared, shared
	case d.set.state != "":
		state, err := store.OpenBolt(filepath.Join(d.set.state, stateFile), store.BoltOptions{})
		if err != nil {
			return err
		}
		opts.Store, d.store = state, state
	}
	return nil
}
