package eval

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/writ-auth/writ/config/source"
)

// lengthFunc behaves as Terraform's: the number of elements of a collection or of
// characters of a string.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		_, err := length(args)
		return cty.Number, err
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return length(args) },
})

// length is the implementation of length().
func length(args []cty.Value) (cty.Value, error) {
	v := args[0]
	ty := v.Type()
	switch {
	case len(args) > 1:
		return cty.NilVal, errors.New("it takes one value")
	case !v.IsKnown():
		return cty.UnknownVal(cty.Number), nil
	case ty == cty.String:
		return stdlib.Strlen(v)
	case ty.IsCollectionType() || ty.IsTupleType() || ty.IsObjectType():
		return cty.NumberIntVal(int64(v.LengthInt())), nil
	}
	return cty.NilVal, function.NewArgError(0, errors.New("it must be a string, a list, a set, a map or an object"))
}

// distinctFunc keeps the first of equal elements. It uses keys, as the go-cty
// library's function compares each element with every other.
var distinctFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.List(cty.DynamicPseudoType)}},
	Type: func(args []cty.Value) (cty.Type, error) {
		return args[0].Type(), nil
	},
	Impl: func(args []cty.Value, retType cty.Type) (cty.Value, error) {
		if !args[0].IsWhollyKnown() {
			return cty.UnknownVal(retType), nil
		}
		var kept []cty.Value
		seen := map[string]bool{}
		for it := args[0].ElementIterator(); it.Next(); {
			_, v := it.Element()
			if key := string(appendKey(nil, v)); !seen[key] {
				seen[key] = true
				kept = append(kept, v)
			}
		}
		if len(kept) == 0 {
			return cty.ListValEmpty(retType.ElementType()), nil
		}
		return cty.ListVal(kept), nil
	},
})

// indexFunc behaves as Terraform's: it returns the place of a value in a list,
// from zero.
var indexFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}, {Name: "value", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if ty := args[0].Type(); !ty.IsListType() && !ty.IsTupleType() {
			return cty.NilVal, function.NewArgError(0, errors.New("it must be a list"))
		}
		i := int64(0)
		for it := args[0].ElementIterator(); it.Next(); i++ {
			_, v := it.Element()
			if eq, err := stdlib.Equal(v, args[1]); err == nil && eq.IsKnown() && eq.True() {
				return cty.NumberIntVal(i), nil
			}
		}
		return cty.NilVal, errors.New("the list does not hold the value")
	},
})

// sumFunc behaves as OpenTofu's: it adds up one or more numbers.
var sumFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type:   function.StaticReturnType(cty.Number),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		total := cty.Zero
		if lt := args[0].Type(); (lt.IsListType() || lt.IsSetType() || lt.IsTupleType()) && args[0].LengthInt() == 0 {
			return cty.NilVal, function.NewArgError(0, errors.New("there is nothing to add up"))
		}
		err := eachElement(args[0], cty.Number, func(v cty.Value) { total = total.Add(v) })
		return total, err
	},
})

// The functions alltrue and anytrue.
var (
	allTrueFunc = boolFold(true, func(so, v bool) bool { return so && v })
	anyTrueFunc = boolFold(false, func(so, v bool) bool { return so || v })
)

// boolFold behaves as OpenTofu's alltrue and anytrue: a null counts as false.
func boolFold(start bool, fold func(so, v bool) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			so := start
			err := eachElement(args[0], cty.Bool, func(v cty.Value) { so = fold(so, !v.IsNull() && v.True()) })
			return cty.BoolVal(so), err
		},
	})
}

// eachElement calls use for each element of a list, set or tuple, converted to
// ty.
func eachElement(list cty.Value, ty cty.Type, use func(cty.Value)) error {
	if lt := list.Type(); !lt.IsListType() && !lt.IsSetType() && !lt.IsTupleType() {
		return function.NewArgError(0, errors.New("it must be a list or a set"))
	}
	for it := list.ElementIterator(); it.Next(); {
		_, v := it.Element()
		v, err := convert.Convert(v, ty)
		if err != nil || v.IsNull() && ty != cty.Bool {
			return function.NewArgErrorf(0, "every element must be a %s", ty.FriendlyName())
		}
		use(v)
	}
	return nil
}

// coalesceFunc behaves as OpenTofu's: unlike the go-cty library's function it
// also skips empty strings.
var coalesceFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "vals", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		types := make([]cty.Type, len(args))
		for i, v := range args {
			types[i] = v.Type()
		}
		common, _ := convert.UnifyUnsafe(types)
		if common == cty.NilType {
			return cty.NilType, errors.New("all arguments must have the same type")
		}
		return common, nil
	},
	Impl: func(args []cty.Value, retType cty.Type) (cty.Value, error) {
		for _, v := range args {
			v, err := convert.Convert(v, retType)
			if err != nil {
				return cty.NilVal, err
			}
			if v.IsNull() || retType == cty.String && v.AsString() == "" {
				continue
			}
			return v, nil
		}
		return cty.NilVal, errors.New("no argument is other than null or text without characters")
	},
})

// oneFunc returns the only element of a list or set, or null if it is empty.
var oneFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "list", Type: cty.DynamicPseudoType}},
	Type: func(args []cty.Value) (cty.Type, error) {
		ty := args[0].Type()
		switch {
		case ty == cty.DynamicPseudoType:
			return ty, nil
		case ty.IsListType() || ty.IsSetType():
			return ty.ElementType(), nil
		case ty.IsTupleType() && ty.Length() == 0:
			return cty.DynamicPseudoType, nil
		case ty.IsTupleType() && ty.Length() == 1:
			return ty.TupleElementType(0), nil
		}
		return cty.NilType, function.NewArgError(0, errors.New("it must be a list or a set with at most one element"))
	},
	Impl: func(args []cty.Value, retType cty.Type) (cty.Value, error) {
		switch args[0].LengthInt() {
		case 0:
			return cty.NullVal(retType), nil
		case 1:
			it := args[0].ElementIterator()
			it.Next()
			_, v := it.Element()
			return v, nil
		}
		return cty.NilVal, function.NewArgError(0, errors.New("it must have at most one element"))
	},
})

// lookupFunc behaves as Terraform's: it returns an element of a map or an
// attribute of an object, or else the default. It visits that element only.
var lookupFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "map", Type: cty.DynamicPseudoType},
		{Name: "key", Type: cty.String},
	},
	VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		v, err := lookup(args)
		if err != nil || !v.IsKnown() {
			return cty.DynamicPseudoType, err
		}
		return v.Type(), nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return lookup(args) },
})

// lookup is the implementation of lookup(). The library's would visit the whole map.
func lookup(args []cty.Value) (cty.Value, error) {
	if len(args) < 2 || len(args) > 3 {
		return cty.NilVal, errors.New("it takes a map, a key and at most one default")
	}
	m, key := args[0], args[1]
	ty := m.Type()
	if !m.IsKnown() || !key.IsKnown() {
		return cty.DynamicVal, nil
	}
	switch {
	case ty.IsMapType() && m.HasIndex(key).True():
		return m.Index(key), nil
	case ty.IsObjectType() && ty.HasAttribute(key.AsString()):
		return m.GetAttr(key.AsString()), nil
	case !ty.IsMapType() && !ty.IsObjectType():
		return cty.NilVal, function.NewArgError(0, errors.New("it must be a map or an object"))
	case len(args) < 3:
		return cty.NilVal, function.NewArgErrorf(1, "there is no element %q, and no default", key.AsString())
	case ty.IsMapType() && ty.ElementType() != cty.DynamicPseudoType:
		if v, err := convert.Convert(args[2], ty.ElementType()); err == nil {
			return v, nil
		}
		return cty.NilVal, function.NewArgErrorf(2, "the default must be like the elements of the map, %s", ty.ElementType().FriendlyName())
	}
	return args[2], nil
}

// The functions startswith, endswith and strcontains.
var (
	startsWithFunc     = stringTest("prefix", strings.HasPrefix)
	endsWithFunc       = stringTest("suffix", strings.HasSuffix)
	containsStringFunc = stringTest("substr", strings.Contains)
)

// stringTest makes a function that tests a string for a part.
func stringTest(second string, test func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: second, Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(test(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// replaceFunc behaves as Terraform's: a substring between slashes is a regular
// expression, and the replacement may refer to its groups ($1).
var replaceFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: "substr", Type: cty.String}, {Name: "replace", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		text, sub, by := args[0].AsString(), args[1].AsString(), args[2].AsString()
		pattern, ok := asPattern(sub)
		if !ok {
			return cty.StringVal(strings.ReplaceAll(text, sub, by)), nil
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			return cty.NilVal, function.NewArgError(1, fmt.Errorf("invalid regular expression: %w", err))
		}
		return replacePattern(re, text, by)
	},
})

// asPattern returns the regular expression between slashes, and false for plain
// text.
func asPattern(sub string) (string, bool) {
	if len(sub) > 1 && sub[0] == '/' && sub[len(sub)-1] == '/' {
		return sub[1 : len(sub)-1], true
	}
	return "", false
}

// maxReplaced stops a growing replacement, in bytes. It is far over the limit of
// a string, which the check of the result applies.
const maxReplaced = 4 << 20

// replacePattern replaces all matches and stops when the result is far too long.
func replacePattern(re *regexp.Regexp, text, by string) (cty.Value, error) {
	var out []byte
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
		out = append(out, text[last:m[0]]...)
		out = re.ExpandString(out, by, text, m)
		last = m[1]
		if len(out) > maxReplaced {
			return cty.NilVal, exceeded("Too long string", "this replacement makes more than %d bytes", maxReplaced)
		}
	}
	return cty.StringVal(string(append(out, text[last:]...))), nil
}

// base64EncodeFunc encodes the UTF-8 bytes of a string (RFC 4648 section 4).
var base64EncodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "str", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(args[0].AsString()))), nil
	},
})

// base64DecodeFunc refuses bytes that are no UTF-8, as a string of HCL cannot hold them.
var base64DecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "str", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		b, err := base64.StdEncoding.DecodeString(args[0].AsString())
		if err != nil {
			return cty.NilVal, function.NewArgErrorf(0, "it is not base64: %s", err)
		}
		if !utf8.Valid(b) {
			return cty.NilVal, function.NewArgError(0, errors.New("what it encodes is not UTF-8 text"))
		}
		return cty.StringVal(string(b)), nil
	},
})

// fileFunc makes file(), which reads a text file. The path is relative to the
// root of the tree, whichever file contains the call, with forward slashes. The
// evaluator records the file's digest, as the configuration depends on it. The
// text may be as long as a file if it goes straight into csvdecode, jsondecode or
// yamldecode. As a value it is subject to the limit of a string.
func (e *Evaluator) fileFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := e.readFile(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(text), nil
		},
	})
}

// A readText is a file that was read. Short texts are kept, as a loop may read
// the same file on each pass.
type readText struct {
	sum  [sha256.Size]byte
	text string // "" when it is not kept
}

// readFile reads a file for file(), or returns it from memory.
func (e *Evaluator) readFile(name string) (string, error) {
	if e.files == nil {
		return "", function.NewArgError(0, errors.New("no files can be read here"))
	}
	if err := e.spend(callSteps); err != nil {
		return "", err
	}
	// Two goroutines may read one file at the same time. They get the same text, so the
	// lock is not held while reading.
	name = path.Clean(name)
	e.mu.Lock()
	before := e.read[name]
	e.mu.Unlock()
	if before.text != "" {
		return before.text, e.spend(int64(len(before.text)) / 64)
	}
	if !fs.ValidPath(name) {
		return "", function.NewArgErrorf(0, "%q is not inside the configuration's folder", name)
	}
	b, err := e.files.ReadFile(name)
	if err != nil {
		return "", unreadable(name, err, e.limits)
	}
	if int64(len(b)) > e.limits.FileBytes {
		return "", unreadable(name, source.ErrTooLarge, e.limits)
	}
	if !utf8.Valid(b) {
		return "", function.NewArgErrorf(0, "%q is not UTF-8 text", name)
	}
	text := string(b)
	e.keep(name, text)
	return text, e.spend(int64(len(text)) / 16)
}

// keep notes the digest of a file, and its text if it is short.
func (e *Evaluator) keep(name, text string) {
	kept := readText{sum: sha256.Sum256([]byte(text))}
	if len(text) <= e.limits.StringBytes {
		kept.text = text
	}
	e.mu.Lock()
	e.read[name] = kept
	e.mu.Unlock()
}

// unreadable is the error for a file that file() cannot read.
func unreadable(name string, err error, limits source.Limits) error {
	if errors.Is(err, source.ErrTooLarge) {
		return exceeded("Too large file", "%q is longer than a file may be, %d bytes", name, limits.FileBytes)
	}
	if errors.Is(err, source.ErrPointer) {
		return function.NewArgErrorf(0, "%q is %w. %s", name, err, strings.TrimSuffix(source.PointerHint, "."))
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return function.NewArgError(0, fmt.Errorf("%q cannot be read: %w; paths are relative to the root of the configuration", name, err))
}
