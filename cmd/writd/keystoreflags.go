package main

import (
	"context"
	"errors"
	"flag"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/token/natskeys"
)

// keyStoreFlags are those that --keys needs when it names a NATS bucket and not a folder.
type keyStoreFlags struct {
	seals []string // paths of files; the first seals new keys, all open old ones
	login natsLogin
}

func (k *keyStoreFlags) register(f *flag.FlagSet) {
	f.Func("keys-seal", "`FILE` of 32 random bytes, raw or base64, that encrypts keys in a bucket; repeatable: the first seals, all open, "+
		"and a key under an older one is sealed anew", func(v string) error {
		k.seals = append(k.seals, v)
		return nil
	})
	k.login.register(f, "keys")
}

// check refuses a bucket without a seal, and the flags of a bucket for a folder. keys is the
// value of --keys.
func (k *keyStoreFlags) check(keys string) error {
	bucket := natsbucket.IsAddress(keys)
	switch {
	case bucket && len(k.seals) == 0:
		return errors.New("a --keys in NATS needs --keys-seal, so that the bucket holds no private key in clear: openssl rand -base64 32 makes what is in the file")
	case !bucket && len(k.seals) > 0:
		return errors.New("--keys-seal needs a --keys that begins with nats:// or tls://: a folder holds keys as they are")
	}
	return k.login.check("keys", bucket)
}

// keyFolder returns the folder of keys, "" when --keys is a bucket or was not given.
func (s *settings) keyFolder() string {
	if natsbucket.IsAddress(s.keys) {
		return ""
	}
	return s.keys
}

// openKeys connects to the bucket of keys, if --keys is one. A folder needs no opening. The
// seals are read once: another one takes a restart.
func (d *daemon) openKeys(opts *server.Options) error {
	if !natsbucket.IsAddress(d.set.keys) {
		return nil
	}
	var seals []natskeys.Seal
	for _, path := range d.set.keyStore.seals {
		seal, err := natskeys.ReadSeal(path)
		if err != nil {
			return err
		}
		if mode, exposed := token.Exposed(path); exposed {
			d.log.Warn("SEAL OF KEYS IS READABLE BY OTHERS: chmod 600 it, and replace it if somebody may have read it", "file", path, "mode", mode.String())
		}
		seals = append(seals, seal)
	}
	// --store-allow-unsafe is for the buckets of --store and --keys alike.
	bucket, err := natskeys.Open(context.Background(), d.set.keys, natskeys.Options{
		Login: d.set.keyStore.login.Login, Seals: seals, Environment: d.set.environment, AllowUnsafe: d.set.store.allowUnsafe, Logger: d.log,
	})
	if err != nil {
		return err
	}
	opts.Keys.Storage, d.keyStore = bucket, bucket
	return nil
}
