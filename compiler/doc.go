// Package compiler turns a declared configuration into what a server needs to
// know: it applies defaults, resolves references, checks every rule that
// involves two places, compares with the lockfile and the prior snapshot, and
// plans and applies the difference.
//
// The way of the data:
//
//	config.Config ─ Compile ─▶ Model ─ CheckLock ─▶ next lockfile
//	                             └──── NewPlan ───▶ Plan ─ Apply
//
// Rules that can be seen inside one block belong to package config, the bytes of
// the lockfile to compiler/lockfile, the bytes of the snapshot to
// schema/snapshot. Apart from Apply nothing here does I/O, and no error depends
// on the clock.
package compiler
