//go:build !nats

package main

import (
	"errors"
	"log/slog"

	"github.com/writ-auth/writ/server/store"
)

// openShared refuses: this program was built without NATS.
func openShared(storeFlags, *slog.Logger) (store.Store, func() error, error) {
	return nil, nil, errors.New("--store needs a writd that was built with -tags nats, and this one was not")
}
