// Package snapshot owns the snapshot format: writer and reader side by side.
package snapshot
