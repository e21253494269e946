package snapshot

import (
	"slices"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// An enum is a closed set of values held as one byte: its position. The empty
// value, which means "not set", is always 0. Values are only ever appended.
type enum[T ~string] []T

var (
	errorStyles = enum[schema.ErrorStyle]{"", schema.ErrorsRFC6749, schema.ErrorsAuth0}
	subStyles   = enum[schema.SubStyle]{"", schema.SubClientsSuffix, schema.SubClientID}
	profiles    = enum[schema.Profile]{"", schema.ProfileAuth0, schema.ProfileRFC9068}
	algs        = append(enum[schema.SigningAlg]{""}, jose.Coded()...)
	scopeModes  = enum[schema.ScopeMode]{"", schema.ScopeNarrow, schema.ScopeAllGranted}
	rotations   = enum[schema.Rotation]{"", schema.RotationRotating, schema.RotationNonRotating}
)

func (e enum[T]) value(code byte) T { return e[code] }

func (e enum[T]) code(value T) (byte, bool) {
	i := slices.Index(e, value)
	return byte(i), i >= 0
}
