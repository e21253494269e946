package eval

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

var (
	startsWithFunc     = stringTest("prefix", strings.HasPrefix)
	endsWithFunc       = stringTest("suffix", strings.HasSuffix)
	containsStringFunc = stringTest("substr", strings.Contains)
)

func stringTest(second string, test func(s, part string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "str", Type: cty.String}, {Name: second, Type: cty.String}},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(test(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// replaceFunc is Terraform's: a substring between slashes is a regular
// expression, whose groups the replacement may name.
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

func asPattern(sub string) (string, bool) {
	if len(sub) > 1 && sub[0] == '/' && sub[len(sub)-1] == '/' {
		return sub[1 : len(sub)-1], true
	}
	return "", false
}

// maxReplaced stops a replacement that grows: what is this long is too long
// for any string, and is refused as such by whoever called the function.
const maxReplaced = 4 << 20

func replacePattern(re *regexp.Regexp, text, by string) (cty.Value, error) {
	var out []byte
	last := 0
	for _, m := range re.FindAllStringSubmatchIndex(text, -1) {
		out = append(out, text[last:m[0]]...)
		out = re.ExpandString(out, by, text, m)
		last = m[1]
		if len(out) > maxReplaced {
			return cty.NilVal, past("Too long string", "this replacement makes more than %d bytes", maxReplaced)
		}
	}
	return cty.StringVal(string(append(out, text[last:]...))), nil
}

var base64EncodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "str", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		return cty.StringVal(base64.StdEncoding.EncodeToString([]byte(args[0].AsString()))), nil
	},
})

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
