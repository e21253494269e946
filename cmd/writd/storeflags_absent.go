//go:build !nats

package main

import (
	"errors"
	"log/slog"
)

func openShared(storeFlags, *slog.Logger) (sharedStore, error) {
	return nil, errors.New("--store: this writd was built without the client of NATS: go build -tags nats ./cmd/writd makes one with it")
}
