package eval

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/writ-auth/writ/config/source"
	"github.com/writ-auth/writ/schema"
)

// A definition is one function that an expression may call.
type definition struct {
	name  string
	fn    function.Function
	bound bound // nil: the result is no larger than the arguments
	nulls bool  // bound accepts null arguments; otherwise they are left to the function
	bulk  bool  // accepts strings as long as a file
	each  int64 // steps for each part of the arguments; 0: one, as to visit it
}

// A bound refuses arguments before any work is done on them, and returns what
// the work costs in steps in addition to the weight of the arguments.
type bound func(limits source.Limits, args []cty.Value) (steps int64, err error)

// definitions is the allow-list: functions of the go-cty library under
// Terraform's names, and a few of Terraform's own. None reads a clock, a random
// source or the environment, so that the same tree always gives the same result.
func definitions() []definition {
	return slices.Concat(numberFunctions(), stringFunctions(), collectionFunctions(), encodingFunctions(), conversionFunctions())
}

// numberFunctions need few bounds: the limits on numbers hold for what they return.
func numberFunctions() []definition {
	return []definition{
		{name: "abs", fn: stdlib.AbsoluteFunc},
		{name: "ceil", fn: stdlib.CeilFunc},
		{name: "floor", fn: stdlib.FloorFunc},
		{name: "log", fn: stdlib.LogFunc},
		{name: "max", fn: stdlib.MaxFunc},
		{name: "min", fn: stdlib.MinFunc},
		{name: "parseint", fn: stdlib.ParseIntFunc, bound: boundParseInt},
		{name: "pow", fn: stdlib.PowFunc},
		{name: "signum", fn: stdlib.SignumFunc},
		{name: "sum", fn: sumFunc, bound: boundSum},
	}
}

// stringFunctions have a bound where the result can be longer than the arguments, or where
// a character takes longer than a byte.
func stringFunctions() []definition {
	return []definition{
		{name: "chomp", fn: stdlib.ChompFunc, bound: boundCharacters},
		{name: "endswith", fn: endsWithFunc},
		{name: "format", fn: stdlib.FormatFunc, bound: boundFormat},
		{name: "formatdate", fn: stdlib.FormatDateFunc},
		{name: "formatlist", fn: stdlib.FormatListFunc, bound: boundFormatList, each: 8},
		{name: "indent", fn: stdlib.IndentFunc, bound: boundIndent},
		{name: "join", fn: stdlib.JoinFunc, bound: boundJoin},
		{name: "lower", fn: stdlib.LowerFunc},
		{name: "regex", fn: stdlib.RegexFunc, bound: boundRegex},
		{name: "regexall", fn: stdlib.RegexAllFunc, bound: boundRegexAll},
		{name: "replace", fn: replaceFunc, bound: boundReplace},
		{name: "split", fn: stdlib.SplitFunc},
		{name: "startswith", fn: startsWithFunc},
		{name: "strcontains", fn: containsStringFunc},
		{name: "strrev", fn: stdlib.ReverseFunc, bound: boundCharacters},
		{name: "substr", fn: stdlib.SubstrFunc, bound: boundCharacters},
		{name: "timeadd", fn: stdlib.TimeAddFunc},
		{name: "title", fn: stdlib.TitleFunc, bound: boundCharacters},
		{name: "trim", fn: stdlib.TrimFunc, bound: boundTrim},
		{name: "trimprefix", fn: stdlib.TrimPrefixFunc},
		{name: "trimspace", fn: stdlib.TrimSpaceFunc},
		{name: "trimsuffix", fn: stdlib.TrimSuffixFunc},
		{name: "upper", fn: stdlib.UpperFunc},
	}
}

// collectionFunctions have a cost for each element. A bound is needed only where more
// elements can come out than go in, or where types are unified.
func collectionFunctions() []definition {
	return []definition{
		{name: "alltrue", fn: allTrueFunc},
		{name: "anytrue", fn: anyTrueFunc},
		{name: "chunklist", fn: stdlib.ChunklistFunc, each: 2},
		{name: "coalesce", fn: coalesceFunc, bound: boundCoalesce, nulls: true},
		{name: "coalescelist", fn: stdlib.CoalesceListFunc},
		{name: "compact", fn: stdlib.CompactFunc, each: 2},
		{name: "concat", fn: stdlib.ConcatFunc, bound: boundConcat, each: 2},
		{name: "contains", fn: stdlib.ContainsFunc, each: 2},
		{name: "distinct", fn: distinctFunc, each: 6},
		{name: "element", fn: stdlib.ElementFunc},
		{name: "flatten", fn: stdlib.FlattenFunc, bound: boundFlatten, each: 2},
		{name: "index", fn: indexFunc, each: 4},
		{name: "keys", fn: stdlib.KeysFunc, each: 2},
		{name: "length", fn: lengthFunc},
		{name: "lookup", fn: lookupFunc, bound: boundLookup},
		{name: "merge", fn: stdlib.MergeFunc, bound: boundConcat, each: 6},
		{name: "one", fn: oneFunc},
		{name: "range", fn: stdlib.RangeFunc, bound: boundRange},
		{name: "reverse", fn: stdlib.ReverseListFunc},
		{name: "setintersection", bound: boundSets, fn: stdlib.SetIntersectionFunc, each: 6},
		{name: "setproduct", fn: stdlib.SetProductFunc, bound: boundSetProduct, each: 8},
		{name: "setsubtract", bound: boundSets, fn: stdlib.SetSubtractFunc, each: 6},
		{name: "setunion", fn: stdlib.SetUnionFunc, bound: boundSets, each: 6},
		{name: "slice", fn: stdlib.SliceFunc},
		{name: "sort", fn: stdlib.SortFunc, each: 6},
		{name: "values", fn: stdlib.ValuesFunc, each: 2},
		{name: "zipmap", fn: stdlib.ZipmapFunc, each: 4},
	}
}

// encodingFunctions read and write other formats. Those that decode are bounded by their
// text before it is decoded, as none of the decoders has limits.
func encodingFunctions() []definition {
	return []definition{
		{name: "base64decode", fn: base64DecodeFunc},
		{name: "base64encode", fn: base64EncodeFunc},
		{name: "csvdecode", fn: stdlib.CSVDecodeFunc, bound: boundCSV, bulk: true},
		{name: "jsondecode", fn: stdlib.JSONDecodeFunc, bound: boundJSON, bulk: true},
		{name: "jsonencode", fn: stdlib.JSONEncodeFunc, bound: boundJSONEncode, each: 4},
		{name: "yamldecode", fn: yaml.YAMLDecodeFunc, bound: boundYAML, bulk: true},
	}
}

// conversionFunctions take any value. What the conversion to a collection costs is taken by
// the node of the argument, see collectionArgument.
func conversionFunctions() []definition {
	return []definition{
		{name: "can", fn: tryfunc.CanFunc},
		{name: "tobool", fn: stdlib.MakeToFunc(cty.Bool)},
		{name: "tolist", fn: stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), each: 4},
		{name: "tomap", fn: stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), each: 4},
		{name: "tonumber", fn: stdlib.MakeToFunc(cty.Number), bound: boundNumber},
		{name: "toset", fn: stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), each: 5},
		{name: "tostring", fn: stdlib.MakeToFunc(cty.String), bound: boundNumber},
		{name: "try", fn: tryfunc.TryFunc},
	}
}

// Functions returns the names of all functions, sorted.
func Functions() []string {
	names := []string{"file"}
	for _, d := range definitions() {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return names
}

// Reference returns all functions, by name, with their signatures and
// descriptions.
func Reference() []schema.Function {
	fns := New(source.Limits{}, nil).functions
	var out []schema.Function
	for _, name := range Functions() {
		doc := docs[name]
		if doc == "" {
			doc, _, _ = strings.Cut(fns[name].Description(), "\n")
			doc = strings.ReplaceAll(doc, `\"`, `"`) // the library's texts are escaped once too often
		}
		out = append(out, schema.Function{Name: name, Signature: signature(name, fns[name]), Doc: doc})
	}
	return out
}

// docs describes the functions that the library does not describe.
var docs = map[string]string{
	"alltrue":      "Whether every element of a list is true; true for an empty one. A null is false.",
	"anytrue":      "Whether an element of a list is true; false for an empty one. A null is false.",
	"base64decode": "The text that base64 encodes.",
	"base64encode": "Text as base64.",
	"coalesce":     "The first argument that is neither null nor text without characters, in the type that all have in common.",
	"can":          "Whether an expression can be evaluated.",
	"csvdecode":    "The rows of a CSV text as objects, whose names are those of the first row.",
	"distinct":     "A list without the elements that are equal to an earlier one.",
	"endswith":     "Whether text ends with a suffix.",
	"file":         "The text of a file of the configuration. Its path is relative to the root; text longer than a string may be goes straight into csvdecode, jsondecode or yamldecode.",
	"index":        "The place of a value in a list.",
	"length":       "How many elements a collection has, or characters a text.",
	"lookup":       "An element of a map or an attribute of an object, or else the default.",
	"one":          "The only element of a list or set, null when it is empty.",
	"replace":      "Text with each occurrence of a part replaced; a part between slashes is a regular expression.",
	"startswith":   "Whether text begins with a prefix.",
	"strcontains":  "Whether text has a part.",
	"sum":          "The sum of the numbers of a list, which has at least one.",
	"tobool":       "A value as a bool.",
	"tolist":       "A value as a list.",
	"tomap":        "A value as a map.",
	"tonumber":     "A value as a number.",
	"toset":        "A value as a set.",
	"tostring":     "A value as text.",
	"try":          "The first of some expressions that can be evaluated.",
	"yamldecode":   "The value of a YAML text.",
}

// signature returns a call of the function with the names of its parameters.
func signature(name string, fn function.Function) string {
	var params []string
	for _, p := range fn.Params() {
		params = append(params, p.Name)
	}
	if p := fn.VarParam(); p != nil {
		params = append(params, p.Name+"...")
	}
	return name + "(" + strings.Join(params, ", ") + ")"
}

// table returns the functions of one evaluator by name.
func (e *Evaluator) table() map[string]function.Function {
	out := map[string]function.Function{"file": e.fileFunc()}
	for _, d := range definitions() {
		out[d.name] = e.limited(d)
	}
	return out
}

// callSteps is what any function call costs: the library checks each argument, and asks
// for the type of the result before the result.
const callSteps = 12

// limited wraps a function: the arguments are weighed before any work is done on
// them, and the result is held against the limits. The check is in Type and not
// in Impl because HCL asks for the type of the result first, and some functions
// do all their work for that.
func (e *Evaluator) limited(d definition) function.Function {
	return function.New(&function.Spec{
		Description: d.fn.Description(),
		Params:      withMarksAllowed(d.fn.Params()),
		VarParam:    d.fn.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := e.checkArguments(d, args); err != nil {
				return cty.NilType, err
			}
			return d.fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := d.fn.Call(args)
			if err != nil {
				return cty.NilVal, err
			}
			return v, e.checkResult(v)
		},
	})
}

// argumentSteps returns the cost of searching the common type of many arguments,
// each compared with every other. Only a call with an ellipsis, f(list...), has many.
func argumentSteps(args int) int64 {
	if args <= fewElements {
		return 0
	}
	return int64(args) * int64(args) / 10
}

// checkArguments takes the steps of a call before it is made, or returns the
// limit that the call would exceed.
func (e *Evaluator) checkArguments(d definition, args []cty.Value) error {
	steps := callSteps + argumentSteps(len(args))
	for _, v := range args {
		// The arguments of try and can are not evaluated yet. What they do is charged where
		// it is done, and a value that is not known is an error in the end.
		if !v.IsKnown() || customdecode.ExpressionClosureType.Equals(v.Type()) {
			return nil
		}
		if !d.bulk || v.Type() != cty.String {
			if err := checkSize(v, e.limits); err != nil {
				return err
			}
		}
		steps += weight(v, e.left()) * max(d.each, 1)
	}
	if err := e.spend(steps); err != nil {
		return err
	}
	if d.bound == nil || !d.nulls && slices.ContainsFunc(args, func(v cty.Value) bool { return v.IsNull() }) {
		return nil
	}
	more, err := d.bound(e.limits, args)
	if err != nil {
		return err
	}
	return e.spend(more)
}

// madeSteps is the cost of one part of a result, which takes about a hundred
// bytes.
const madeSteps = 5

// checkResult holds a result against the limits and takes the steps for making
// it.
func (e *Evaluator) checkResult(v cty.Value) error {
	w := &weigher{limits: e.limits}
	if err := w.value(v, 0); err != nil {
		return err
	}
	return e.spend(w.nodes*madeSteps + w.sets + w.bytes/32)
}

// withMarksAllowed declares that all parameters accept marked values. No value
// here is ever marked, and the library then does not search all parts of the
// arguments for marks.
func withMarksAllowed(params []function.Parameter) []function.Parameter {
	params = slices.Clone(params)
	for i := range params {
		params[i].AllowMarked = true
	}
	return params
}
