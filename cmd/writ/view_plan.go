package main

import (
	"io"

	"github.com/writ-auth/writ/compiler"
)

// A planView prints a plan.
type planView interface {
	render(w io.Writer, p *compiler.Plan) error
}

// planText prints a plan for people at a terminal.
type planText struct{ color bool }

// planJSON prints a plan for machines.
type planJSON struct{}

// planMarkdown prints a plan as a comment on a pull request.
type planMarkdown struct{}

func (v planText) render(w io.Writer, p *compiler.Plan) error     { return nil }
func (v planJSON) render(w io.Writer, p *compiler.Plan) error     { return nil }
func (v planMarkdown) render(w io.Writer, p *compiler.Plan) error { return nil }
