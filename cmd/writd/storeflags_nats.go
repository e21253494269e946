//go:build nats

package main

import (
	"context"
	"log/slog"

	"github.com/writ-auth/writ/server/store/natskv"
)

func openShared(flags storeFlags, log *slog.Logger) (sharedStore, error) {
	return natskv.Open(context.Background(), flags.url, natskv.Options{
		Credentials: flags.creds, CA: flags.ca, Certificate: flags.cert, PrivateKey: flags.key,
		AllowUnsafe: flags.allowUnsafe, Logger: log,
	})
}
