package snapshot

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/jose"
)

// A pass goes over the fields of an object and does the same with each: it
// encodes it into its record or decodes it. The function that declares a record's
// fields names each of them once, with its place in the record and its place in
// the schema's struct, and serves both.
//
// Each method below is one way to hold a value. The name of a field is that of the
// attribute in the language, and stands in errors.
type pass struct {
	op          operation
	encoder     *encoder // encoding
	err         error    // encoding: the first error
	kind, label string   // encoding: of the credential around the field
	decoder     decoder  // decoding
}

type operation uint8

const (
	encoding operation = iota
	decoding
)

// A decoder turns records back into values.
type decoder struct {
	*Snapshot
	decoded map[decodedList]any // what was decoded of interned lists before; nil to keep nothing
	granted map[uint32][]string // the same of scope sets
}

type decodedList struct {
	section section
	list    span
}

// decode is a pass that keeps nothing.
func (s *Snapshot) decode() pass { return pass{op: decoding, decoder: decoder{Snapshot: s}} }

// field goes over a field that holds a value of type V as F.
func field[F, V any](p *pass, name string, f *F, v *V, encode func(*encoder, V) (F, error), decode func(decoder, F) V) {
	var err error
	switch p.op {
	case encoding:
		*f, err = encode(p.encoder, *v)
		p.fail(name, err)
	case decoding:
		*v = decode(p.decoder, *f)
	}
}

// fail keeps the first error, with the name of the field if it has one.
func (p *pass) fail(name string, err error) {
	if err == nil || p.err != nil {
		return
	}
	if name != "" {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if p.kind != "" {
		err = fmt.Errorf("%s %q: %w", p.kind, p.label, err)
	}
	p.err = err
}

// text is a string.
func (p *pass) text(name string, f *text, v *string) {
	field(p, name, f, v, func(e *encoder, v string) (text, error) { return e.text(v), nil }, func(d decoder, f text) string { return f.in(d.Snapshot) })
}

// object is a JSON object, or "" for none.
func (p *pass) object(name string, f *text, v *string) {
	field(p, name, f, v, (*encoder).object, func(d decoder, f text) string { return f.in(d.Snapshot) })
}

// flag is one bit.
func (p *pass) flag(name string, f *flags, bit int, v *bool) {
	field(p, name, f, v, func(_ *encoder, v bool) (flags, error) {
		if v {
			return *f | 1<<bit, nil
		}
		return *f, nil
	}, func(_ decoder, f flags) bool { return f.has(bit) })
}

// seconds is a duration in 32 bits.
func (p *pass) seconds(name string, f *le32, v *int64) {
	field(p, name, f, v, func(_ *encoder, v int64) (f le32, err error) {
		if v < 0 || v > math.MaxUint32 {
			err = fmt.Errorf("a duration of %d seconds", v)
		}
		f.set(uint32(v))
		return f, err
	}, func(_ decoder, f le32) int64 { return int64(f.get()) })
}

// number is an integer, for example a duration in seconds.
func (p *pass) number(name string, f *le64, v *int64) {
	field(p, name, f, v, func(_ *encoder, v int64) (f le64, _ error) {
		f.set(uint64(v))
		return f, nil
	}, func(_ decoder, f le64) int64 { return int64(f.get()) })
}

// time is in Unix seconds, 0 for an open end.
func (p *pass) time(name string, f *le64, v *int64) { p.number(name, f, v) }

// rate is a floating-point number from 0.
func (p *pass) rate(name string, f *le64, v *float64) {
	field(p, name, f, v, func(_ *encoder, v float64) (f le64, err error) {
		if !(v >= 0) || math.IsInf(v, 0) {
			err = fmt.Errorf("a rate limit of %v", v)
		}
		f.set(math.Float64bits(v + 0)) // no negative zero
		return f, err
	}, func(_ decoder, f le64) float64 { return math.Float64frombits(f.get()) })
}

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

// The positions in an enum, whose limits are checked when a snapshot is opened.
type (
	errorStyle byte
	subStyle   byte
	profile    byte
	alg        byte
	scopeMode  byte
	rotation   byte
)

func (errorStyle) limit() int { return len(errorStyles) }
func (subStyle) limit() int   { return len(subStyles) }
func (profile) limit() int    { return len(profiles) }
func (alg) limit() int        { return len(algs) }
func (scopeMode) limit() int  { return len(scopeModes) }
func (rotation) limit() int   { return len(rotations) }

// oneOf is one of the values of an enum.
func oneOf[F ~byte, T ~string](p *pass, name string, f *F, values enum[T], v *T) {
	field(p, name, f, v, func(_ *encoder, v T) (F, error) {
		i := slices.Index(values, v)
		if i < 0 {
			return 0, fmt.Errorf("unknown value %q", v)
		}
		return F(i), nil
	}, func(_ decoder, f F) T { return values[f] })
}

// texts is a list of strings, in order.
func texts[T ~string](p *pass, name string, f *span, v *[]T) {
	field(p, name, f, v, func(e *encoder, v []T) (span, error) {
		first := secStrings.count(&e.sections)
		for _, s := range v {
			t := e.text(string(s))
			secStrings.add(e, &t)
		}
		return secStrings.internList(e, first), nil
	}, func(d decoder, f span) []T {
		return shared(d, section(secStrings), f, func() []T {
			return each(f, func(i uint32) T { return T(secStrings.at(&d.sections, i).in(d.Snapshot)) })
		})
	})
}

type metadataRecord struct{ key, value text }

// metadata is a map of strings, sorted by key.
func (p *pass) metadata(name string, f *span, v *map[string]string) {
	field(p, name, f, v, func(e *encoder, v map[string]string) (span, error) {
		first := secMetadata.count(&e.sections)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			secMetadata.add(e, &metadataRecord{e.text(k), e.text(v[k])})
		}
		return secMetadata.internList(e, first), nil
	}, func(d decoder, f span) map[string]string {
		return shared(d, section(secMetadata), f, func() map[string]string {
			m := make(map[string]string, f.count.get())
			for _, r := range secMetadata.of(&d.sections, &f) {
				m[r.key.in(d.Snapshot)] = r.value.in(d.Snapshot)
			}
			return m
		})
	})
}

// apis is a list of labels of APIs.
func (p *pass) apis(name string, f *span, v *[]string) {
	field(p, name, f, v, func(e *encoder, v []string) (span, error) {
		first := secAPILists.count(&e.sections)
		for _, label := range v {
			api, err := reference("api", e.apis, label)
			if err != nil {
				return span{}, err
			}
			secAPILists.add(e, &api)
		}
		return secAPILists.internList(e, first), nil
	}, func(d decoder, f span) []string {
		return each(f, func(i uint32) string { return d.API(int(secAPILists.at(&d.sections, i).get())).Label() })
	})
}

// api is the label of an API, or "" for none.
func (p *pass) api(name string, f *optionalRef, v *string) {
	field(p, name, f, v, func(e *encoder, v string) (optionalRef, error) {
		if v == "" {
			return optionalRef{le(none)}, nil
		}
		i, err := reference("api", e.apis, v)
		return optionalRef(i), err
	}, func(d decoder, f optionalRef) string {
		if i := f.get(); i != none {
			return d.API(int(i)).Label()
		}
		return ""
	})
}

// trustedIssuer is the label of a trusted issuer.
func (p *pass) trustedIssuer(name string, f *ref, v *string) {
	field(p, name, f, v, func(e *encoder, v string) (ref, error) { return reference("trusted_issuer", e.trusted, v) },
		func(d decoder, f ref) string { return secTrustedIssuers.at(&d.sections, f.get()).label.in(d.Snapshot) })
}

// reference returns the index that a label stands for.
func reference(kind string, indexes map[string]uint32, label string) (ref, error) {
	i, ok := indexes[label]
	if !ok {
		return ref{}, fmt.Errorf("there is no %s %q", kind, label)
	}
	return ref{le(i)}, nil
}

type windowRecord struct{ notBefore, expiresAt le64 }

func (r *windowRecord) fields(p *pass, w *schema.Window) {
	p.time("not_before", &r.notBefore, &w.NotBefore)
	p.time("expires_at", &r.expiresAt, &w.ExpiresAt)
}

// window is the two ends of a window.
func (p *pass) window(f *ref, v *schema.Window) {
	field(p, "", f, v, func(e *encoder, v schema.Window) (ref, error) {
		var r windowRecord
		r.fields(&pass{encoder: e}, &v)
		return secWindows.intern(e, &r), nil
	}, func(d decoder, f ref) (w schema.Window) {
		p := d.decode()
		secWindows.at(&d.sections, f.get()).fields(&p, &w)
		return w
	})
}

// records are objects in a table of their own, in order.
func records[R, T any](p *pass, t table[R], f *span, v *[]T, fields func(*R, *pass, *T)) {
	switch p.op {
	case encoding:
		first := t.count(&p.encoder.sections)
		for i := range *v {
			p.fail("", addObject(p.encoder, t, &(*v)[i], fields))
		}
		*f = t.internList(p.encoder, first)
	case decoding:
		*v = each(*f, func(i uint32) (object T) {
			fields(t.at(&p.decoder.sections, i), p, &object)
			return object
		})
	}
}

// record is an object in a table of its own, or nil.
func record[R, T any](p *pass, t table[R], f *optionalRef, v **T, fields func(*R, *pass, *T)) {
	switch {
	case p.op == decoding && f.get() != none:
		*v = new(T)
		fields(t.at(&p.decoder.sections, f.get()), p, *v)
	case p.op == encoding && *v == nil:
		f.set(none)
	case p.op == encoding:
		r := new(R)
		fields(r, p, *v)
		*f = optionalRef(t.intern(p.encoder, r))
	}
}

// each decodes the records of a span, nil for none.
func each[T any](f span, decode func(i uint32) T) []T {
	first, end := f.bounds()
	return collect(int(end-first), func(i int, v *T) { *v = decode(first + uint32(i)) })
}

// collect returns the n values that fill fills in, nil for none.
func collect[T any](n int, fill func(i int, v *T)) []T {
	if n == 0 {
		return nil
	}
	list := make([]T, n)
	for i := range list {
		fill(i, &list[i])
	}
	return list
}

// shared returns what was decoded of a list before, or decodes it: a million
// authorizations have a few scope lists between them.
func shared[T any](d decoder, sec section, list span, decode func() T) (none T) {
	if list.count.get() == 0 {
		return none
	}
	v, ok := d.decoded[decodedList{sec, list}].(T)
	if !ok {
		v = decode()
		if d.decoded != nil {
			d.decoded[decodedList{sec, list}] = v
		}
	}
	return v
}
