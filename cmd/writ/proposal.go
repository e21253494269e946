package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/schema/snapshot"
)

// A proposal is a configuration beside what stands: everything that plan shows
// and apply writes.
type proposal struct {
	*tree
	lock  *lockCheck
	prior *standing
	body  []byte // of the snapshot to be
	plan  *compiler.Plan
}

// proposalOptions are the flags that plan and apply have in common.
type proposalOptions struct {
	snapshot string
	locked   bool
	replace  []string
	at       time.Time // of the saved plan that is made again; the zero time is now
}

// propose compiles the configuration and compares it with the snapshot in
// force, or with what against names.
func (w *workspace) propose(ctx context.Context, opts proposalOptions, against string) (*proposal, error) {
	t, err := w.compile()
	if err != nil {
		return nil, err
	}
	p := &proposal{tree: t}
	lockOptions := compiler.LockOptions{Replace: opts.replace, Locked: opts.locked}
	if against != "" {
		p.prior, err = w.against(ctx, against)
	} else if p.prior, err = inForce(w.app.snapshotPath(w.dir, opts.snapshot)); err == nil {
		lockOptions.Prior = p.prior.Document
	}
	if err != nil {
		return nil, err
	}
	if p.lock, err = w.checkLock(t, lockOptions); err != nil {
		return nil, err
	}
	p.prior.Lock, p.prior.LockDigest = p.lock.before, compiler.FileDigest(p.lock.bytes)
	if p.body, err = snapshot.Encode(t.model.Document); err != nil {
		return nil, err
	}
	plan, list := compiler.NewPlan(p.prior.Prior, t.model, compiler.PlanOptions{
		Digest: snapshot.Digest(p.body), Renames: p.lock.renames, Now: w.app.now(), At: opts.at, Lock: p.lock.next,
		LockChanged: against == "" && p.lock.changed(), // a comparison writes nothing
	})
	if list.HasErrors() {
		return nil, t.refuse(list)
	}
	t.warnings = append(t.warnings, list...)
	p.plan = plan
	return p, nil
}

// saved binds the plan to its inputs.
func (p *proposal) saved(replace, flags []string) *compiler.SavedPlan {
	digest := p.model.Config.Digest
	return &compiler.SavedPlan{
		ConfigDigest: "sha256:" + hex.EncodeToString(digest[:]),
		LockDigest:   p.prior.LockDigest,
		Replace:      replace,
		Flags:        flags,
		Plan:         p.plan,
	}
}

// sourcesOf says where each object of a body was declared.
func sourcesOf(body []byte, model *compiler.Model) (*snapshot.Sources, error) {
	type object struct {
		kind  snapshot.Kind
		label string
	}
	places := map[object]compiler.Source{}
	for _, source := range model.Sources() {
		places[object{snapshot.Kind(source.Kind), source.Label}] = source
	}
	sources, err := snapshot.NewSources(body, func(kind snapshot.Kind, label string) (string, int, bool) {
		source, ok := places[object{kind, label}]
		return source.File, source.Line, ok
	})
	if err != nil {
		return nil, fmt.Errorf("record sources: %w", err)
	}
	return sources, nil
}
