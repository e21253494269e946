package compiler

import (
	"time"

	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// CompileOptions are the inputs of Compile besides the configuration.
type CompileOptions struct {
	// Now is the time that the warnings expired-credential and expires-soon
	// compare with; the zero time gives none of them. No error depends on it.
	Now time.Time
}

// Compile resolves a configuration and checks every rule that involves two
// places. It collects everything it finds, and says nothing about blocks that
// config.Load has already refused.
func Compile(cfg *config.Config, opts CompileOptions) (*Model, diag.List) {
	m := &Model{Document: &schema.Document{}, Config: cfg}
	return m, nil
}
