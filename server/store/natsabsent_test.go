//go:build !nats

package store_test

func runNode() bool { return false }

func natsBackends() []benchBackend { return nil }
