package eval

import (
	"slices"

	"github.com/hashicorp/hcl/v2/ext/customdecode"
	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty-yaml"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/writ-auth/writ/config/source"
)

// A definition is a function that an expression may call: what it does, and
// what bounds it beside the size of its arguments and its result.
type definition struct {
	name  string
	fn    function.Function
	bound bound // nil when it makes nothing larger than its arguments
	bulk  bool  // takes strings as long as a file
	each  int64 // steps for each part of the arguments, where it is more than to look at it
}

// A bound refuses arguments before any work is done on them, and returns what
// the work costs in steps beside the weight of the arguments.
type bound func(limits source.Limits, args []cty.Value) (steps int64, err error)

// definitions is the allow-list: functions of the go-cty library under the
// names that Terraform gave them, and a few of Terraform's own. None reads a
// clock, randomness or the environment.
func definitions() []definition {
	return slices.Concat(numberFunctions(), stringFunctions(), collectionFunctions(), encodingFunctions(), conversionFunctions())
}

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
		{name: "sum", fn: sumFunc},
	}
}

func stringFunctions() []definition {
	return []definition{
		{name: "chomp", fn: stdlib.ChompFunc},
		{name: "endswith", fn: endsWithFunc},
		{name: "format", fn: stdlib.FormatFunc, bound: boundFormat},
		{name: "formatdate", fn: stdlib.FormatDateFunc},
		{name: "formatlist", fn: stdlib.FormatListFunc, bound: boundFormatList, each: 20},
		{name: "indent", fn: stdlib.IndentFunc, bound: boundIndent},
		{name: "join", fn: stdlib.JoinFunc, bound: boundJoin},
		{name: "lower", fn: stdlib.LowerFunc},
		{name: "regex", fn: stdlib.RegexFunc, bound: boundRegex},
		{name: "regexall", fn: stdlib.RegexAllFunc, bound: boundRegex},
		{name: "replace", fn: replaceFunc, bound: boundReplace},
		{name: "split", fn: stdlib.SplitFunc},
		{name: "startswith", fn: startsWithFunc},
		{name: "strcontains", fn: containsStringFunc},
		{name: "strrev", fn: stdlib.ReverseFunc},
		{name: "substr", fn: stdlib.SubstrFunc},
		{name: "timeadd", fn: stdlib.TimeAddFunc},
		{name: "title", fn: stdlib.TitleFunc},
		{name: "trim", fn: stdlib.TrimFunc},
		{name: "trimprefix", fn: stdlib.TrimPrefixFunc},
		{name: "trimspace", fn: stdlib.TrimSpaceFunc},
		{name: "trimsuffix", fn: stdlib.TrimSuffixFunc},
		{name: "upper", fn: stdlib.UpperFunc},
	}
}

func collectionFunctions() []definition {
	return []definition{
		{name: "alltrue", fn: allTrueFunc},
		{name: "anytrue", fn: anyTrueFunc},
		{name: "chunklist", fn: stdlib.ChunklistFunc},
		{name: "coalesce", fn: stdlib.CoalesceFunc},
		{name: "coalescelist", fn: stdlib.CoalesceListFunc},
		{name: "compact", fn: stdlib.CompactFunc, each: 5},
		{name: "concat", fn: stdlib.ConcatFunc, bound: boundConcat},
		{name: "contains", fn: stdlib.ContainsFunc, each: 3},
		{name: "distinct", fn: distinctFunc, each: 15},
		{name: "element", fn: stdlib.ElementFunc},
		{name: "flatten", fn: stdlib.FlattenFunc, bound: boundFlatten},
		{name: "index", fn: indexFunc},
		{name: "keys", fn: stdlib.KeysFunc},
		{name: "length", fn: lengthFunc},
		{name: "lookup", fn: lookupFunc},
		{name: "merge", fn: stdlib.MergeFunc, bound: boundConcat, each: 10},
		{name: "one", fn: oneFunc},
		{name: "range", fn: stdlib.RangeFunc, bound: boundRange},
		{name: "reverse", fn: stdlib.ReverseListFunc},
		{name: "setintersection", fn: stdlib.SetIntersectionFunc, each: 60},
		{name: "setproduct", fn: stdlib.SetProductFunc, bound: boundSetProduct, each: 20},
		{name: "setsubtract", fn: stdlib.SetSubtractFunc, each: 60},
		{name: "setunion", fn: stdlib.SetUnionFunc, bound: boundConcat, each: 60},
		{name: "slice", fn: stdlib.SliceFunc},
		{name: "sort", fn: stdlib.SortFunc, each: 15},
		{name: "values", fn: stdlib.ValuesFunc},
		{name: "zipmap", fn: stdlib.ZipmapFunc, each: 5},
	}
}

func encodingFunctions() []definition {
	return []definition{
		{name: "base64decode", fn: base64DecodeFunc},
		{name: "base64encode", fn: base64EncodeFunc},
		{name: "csvdecode", fn: stdlib.CSVDecodeFunc, bound: boundCSV, bulk: true},
		{name: "jsondecode", fn: stdlib.JSONDecodeFunc, bound: boundJSON, bulk: true},
		{name: "jsonencode", fn: stdlib.JSONEncodeFunc, bound: boundJSONEncode, each: 8},
		{name: "yamldecode", fn: yaml.YAMLDecodeFunc, bound: boundYAML, bulk: true},
	}
}

func conversionFunctions() []definition {
	return []definition{
		{name: "can", fn: tryfunc.CanFunc},
		{name: "tobool", fn: stdlib.MakeToFunc(cty.Bool)},
		{name: "tolist", fn: stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), each: 10},
		{name: "tomap", fn: stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)), each: 10},
		{name: "tonumber", fn: stdlib.MakeToFunc(cty.Number)},
		{name: "toset", fn: stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)), each: 40},
		{name: "tostring", fn: stdlib.MakeToFunc(cty.String)},
		{name: "try", fn: tryfunc.TryFunc},
	}
}

// Functions returns the names of the functions that an expression may call, sorted.
func Functions() []string {
	names := []string{"file"}
	for _, d := range definitions() {
		names = append(names, d.name)
	}
	slices.Sort(names)
	return names
}

// table makes the functions of one evaluator.
func (e *Evaluator) table() map[string]function.Function {
	out := map[string]function.Function{"file": e.fileFunc()}
	for _, d := range definitions() {
		out[d.name] = e.limited(d)
	}
	return out
}

// callSteps is what any function call costs.
const callSteps = 12

// limited wraps a function so that its arguments are weighed before any work
// is done on them, and its result is held against the limits. HCL asks for the
// type of the result first, for which some functions do all their work.
func (e *Evaluator) limited(d definition) function.Function {
	return function.New(&function.Spec{
		Description: d.fn.Description(),
		Params:      unmarked(d.fn.Params()),
		VarParam:    d.fn.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			if err := e.before(d, args); err != nil {
				return cty.NilType, err
			}
			return d.fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v, err := d.fn.Call(args)
			if err != nil {
				return cty.NilVal, err
			}
			return v, e.after(v)
		},
	})
}

func (e *Evaluator) before(d definition, args []cty.Value) error {
	steps := int64(callSteps)
	if n := int64(len(args)); n > fewElements {
		steps += n * n / 10 // the search for a common type, see uniform
	}
	for _, v := range args {
		if !v.IsKnown() || customdecode.ExpressionClosureType.Equals(v.Type()) {
			return nil
		}
		if !d.bulk || v.Type() != cty.String {
			if err := shallow(v, e.limits); err != nil {
				return err
			}
		}
		steps += weight(v, e.left()) * max(d.each, 1)
	}
	if err := e.spend(steps); err != nil {
		return err
	}
	if d.bound == nil || slices.ContainsFunc(args, func(v cty.Value) bool { return v.IsNull() }) {
		return nil
	}
	more, err := d.bound(e.limits, args)
	if err != nil {
		return err
	}
	return e.spend(more)
}

func (e *Evaluator) after(v cty.Value) error {
	w := &weigher{limits: e.limits}
	if err := w.value(v, 0); err != nil {
		return err
	}
	return e.spend(w.nodes + w.bytes/64)
}

// unmarked says that no argument is marked, as no value here ever is: the
// library then does not search for marks in all parts of the arguments.
func unmarked(params []function.Parameter) []function.Parameter {
	params = slices.Clone(params)
	for i := range params {
		params[i].AllowMarked = true
	}
	return params
}

// weight returns about how many steps it takes to look at every part of a
// value, at most the given number and one.
func weight(v cty.Value, most int64) int64 {
	ty := v.Type()
	if v.IsNull() || !v.IsKnown() || ty.IsCapsuleType() || ty == cty.DynamicPseudoType {
		return 0
	}
	if ty == cty.String {
		return int64(len(v.AsString())) / 64
	}
	if ty.IsPrimitiveType() {
		return 0
	}
	n := 2 * int64(v.LengthInt())
	if ty.IsCollectionType() && ty.ElementType().IsPrimitiveType() && ty.ElementType() != cty.String {
		return n
	}
	for it := v.ElementIterator(); it.Next() && n <= most; {
		_, elem := it.Element()
		n += weight(elem, most-n)
	}
	return n
}
