//go:build !linux

package main

import (
	"errors"
	"os"
)

// openTerminal is for Linux alone: elsewhere a pseudo-terminal is made in other ways.
func openTerminal() (person, program *os.File, err error) {
	return nil, nil, errors.ErrUnsupported
}

func resize(*os.File, int) error { return errors.ErrUnsupported }
