//go:build nats

package main

import (
	"context"
	"log/slog"

	"github.com/writ-auth/writ/server/store"
)

// openShared opens the store that --store names, and returns what ends it.
func openShared(flags storeFlags, log *slog.Logger) (store.Store, func() error, error) {
	shared, err := store.OpenNATS(context.Background(), flags.url, store.NATSOptions{
		Credentials: flags.creds, CA: flags.ca, Certificate: flags.cert, PrivateKey: flags.key,
		AllowUnsafe: flags.allowUnsafe, Logger: log,
	})
	if err != nil {
		return nil, nil, err
	}
	return shared, shared.Close, nil
}
