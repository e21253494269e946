package view

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// The objects of a plan, attribute by attribute, for people: in a terminal with signs
// before the attributes, in a comment as a diff. "writ show" prints one object in the same
// way.

// change prints one object with its attributes, as the block that declares it. In a diff
// its header is that of a hunk, by which GitHub separates the objects.
func (out *planPrinter) change(c *compiler.Change) {
	if out.diff {
		fmt.Fprintf(out, "\n@@ %s @@\n", diag.OneLine(c.Address+" "+actionPhrase(c)))
	} else {
		fmt.Fprintf(out, "\n    %s\n", out.paint(cli.Bold, diag.OneLine("# "+c.Address+" "+actionPhrase(c))))
	}
	header := diag.OneLine(objectHeader(c.Address))
	for _, note := range out.notes[c.Address] {
		fmt.Fprintf(out, "    # %s\n", diag.OneLine(note.Text))
	}
	if c.Action == compiler.ActionRename {
		out.start(0, "~")
		fmt.Fprintf(out, "%s\n", header)
		return
	}
	out.start(0, actionSign(c.Action))
	fmt.Fprintf(out, "%s {\n", header)
	// A replacement prints what differs, like an update: its sign says that it is another
	// object.
	switch c.Action {
	case compiler.ActionCreate:
		out.whole("+", c.After, 4)
	case compiler.ActionDelete:
		out.whole("-", c.Before, 4)
	default:
		out.attributes(c)
	}
	out.WriteString("    }\n")
}

// objectHeader is an address as the block that declares the object: authorization.a is
// authorization "a". An address without a block, such as issuer, stays as it is.
func objectHeader(address string) string {
	if block, label, ok := compiler.ParseRecordAddress(address); ok {
		return fmt.Sprintf("%s %s", block, strconv.Quote(label))
	}
	kind, label, ok := compiler.ParseAddress(address)
	if !ok || label == "" {
		return address
	}
	return fmt.Sprintf("%s %s", kind, strconv.Quote(label))
}

// whole prints every attribute of an object that comes or goes, nested blocks on one line each.
func (out *planPrinter) whole(sign string, o compiler.Object, indent int) {
	width := 0
	list := o.Attributes()
	for _, a := range list {
		if _, nested := a.Value.([]compiler.Object); !nested {
			width = max(width, len(a.Name))
		}
	}
	for _, a := range list {
		switch value := a.Value.(type) {
		case []compiler.Object:
			for _, block := range value {
				out.nestedBlock(sign, a.Name, block, indent)
			}
		default:
			out.start(indent, sign)
			fmt.Fprintf(out, "%s = %s\n", pad(a.Name, width), out.value(sign, a.Name, value, indent+4))
		}
	}
}

// start begins a line of an object with the sign and the indent, in columns. In a diff,
// which has no sign for what is changed in place, such lines begin with "!", which GitHub
// shows in a third colour.
func (out *planPrinter) start(indent int, sign string) {
	if out.diff {
		if sign != "+" && sign != "-" {
			sign = "!"
		}
		out.WriteString(sign + " " + strings.Repeat(" ", indent))
		return
	}
	out.WriteString(strings.Repeat(" ", indent))
	out.WriteString(out.sign(sign))
	out.WriteByte(' ')
}

// pad makes a name as wide as the widest, in bytes, so that equals signs line up.
func pad(name string, width int) string {
	return diag.OneLine(name) + strings.Repeat(" ", max(0, width-len(name)))
}

// nestedBlock prints a scope or a credential on one line. A credential's label and validity
// are shown, and nothing that proves it: plans are pasted and logged.
func (out *planPrinter) nestedBlock(sign, list string, block compiler.Object, indent int) {
	kind, label := "scope", fmt.Sprint(block.Get("name"))
	if list == "credentials" {
		kind, label = fmt.Sprint(block.Get("kind")), fmt.Sprint(block.Get("label"))
	}
	out.start(indent, sign)
	fmt.Fprintf(out, "%s %s%s\n", diag.OneLine(kind), strconv.Quote(label), blockDetails(block))
}

// blockDetails is what a nested block says beside its kind and label, in braces; "" for
// nothing.
func blockDetails(block compiler.Object) string {
	var details []string
	for _, a := range block.Attributes() {
		if !slices.Contains([]string{"kind", "label", "name"}, a.Name) {
			details = append(details, a.Name+" = "+scalar(a.Name, a.Value))
		}
	}
	if len(details) == 0 {
		return ""
	}
	return " { " + strings.Join(details, ", ") + " }"
}

// attributes prints what changes of an object that stays, and how much of it does not.
func (out *planPrinter) attributes(c *compiler.Change) {
	width := 0
	for i := range c.Attributes {
		if c.Attributes[i].Label == "" {
			width = max(width, len(c.Attributes[i].Name))
		}
	}
	for i := range c.Attributes {
		out.attribute(&c.Attributes[i], width)
	}
	if n := unchanged(c); n > 0 {
		fmt.Fprintf(out, "        # (%s hidden)\n", schema.Plural(n, "unchanged attribute"))
	}
}

// unchanged counts the attributes that are set and not listed, without nested blocks.
func unchanged(c *compiler.Change) int {
	n := 0
	for _, a := range c.After.Attributes() {
		if _, nested := a.Value.([]compiler.Object); nested {
			continue
		}
		if !slices.ContainsFunc(c.Attributes, func(ch compiler.AttributeChange) bool { return ch.Name == a.Name && ch.Label == "" }) {
			n++
		}
	}
	return n
}

// attribute prints one difference: lists and maps element by element, anything else as old
// and new. width is that of the longest name beside it.
func (out *planPrinter) attribute(a *compiler.AttributeChange, width int) {
	out.start(4, actionSign(a.Action))
	if a.Label != "" {
		fmt.Fprintf(out, "%s %s%s\n", diag.OneLine(a.Name), strconv.Quote(a.Label), nestedDifference(a))
		return
	}
	name := pad(a.Name, width)
	// membersOf and scalar also take the values of a plan that was read from a file.
	was, wasList := a.Before.([]string)
	is, isList := a.After.([]string)
	switch {
	case wasList && isList:
		fmt.Fprintf(out, "%s = [\n", name)
		out.set(was, is)
	case membersOf(a.Before) != nil || membersOf(a.After) != nil:
		fmt.Fprintf(out, "%s = {\n", name)
		out.object(a.Name, membersOf(a.Before), membersOf(a.After))
	case a.Before == nil:
		fmt.Fprintf(out, "%s = %s\n", name, scalar(a.Name, a.After))
	case a.After == nil:
		fmt.Fprintf(out, "%s = %s -> null\n", name, scalar(a.Name, a.Before))
	default:
		fmt.Fprintf(out, "%s = %s -> %s\n", name, scalar(a.Name, a.Before), scalar(a.Name, a.After))
	}
}

// nestedDifference is how a scope or a credential changed: one that comes or goes with what
// it says, one that changes with both. Where only a hidden attribute of a credential changed,
// it says so.
func nestedDifference(a *compiler.AttributeChange) string {
	was, _ := a.Before.(compiler.Object)
	is, _ := a.After.(compiler.Object)
	// What a credential is proved with is in neither text, so two that look alike may
	// differ in it.
	switch before, after := blockDetails(was), blockDetails(is); {
	case was.IsZero():
		return after
	case is.IsZero():
		return before
	case before == after:
		return " # (value replaced, not shown)"
	default:
		return fmt.Sprintf("%s ->%s", cmp.Or(before, " {}"), cmp.Or(after, " {}"))
	}
}

// set prints the elements of a list that came and went; equal ones are counted. Lists of
// the language are sets, so the order alone is named and not shown.
func (out *planPrinter) set(was, is []string) {
	same := 0
	for _, v := range was {
		if slices.Contains(is, v) {
			same++
			continue
		}
		out.start(8, "-")
		fmt.Fprintf(out, "%s,\n", strconv.Quote(v))
	}
	for _, v := range is {
		if !slices.Contains(was, v) {
			out.start(8, "+")
			fmt.Fprintf(out, "%s,\n", strconv.Quote(v))
		}
	}
	switch {
	case same == len(was) && same == len(is):
		fmt.Fprintf(out, "            # (%s in another order)\n", schema.Plural(same, "element"))
	case same > 0:
		fmt.Fprintf(out, "            # (%s hidden)\n", schema.Plural(same, "unchanged element"))
	}
	out.WriteString("        ]\n")
}

// object prints the members that came, went and changed of the attribute or
// nested block of that name. Equal ones are counted.
func (out *planPrinter) object(name string, was, is []compiler.Attribute) {
	width := 0
	for _, a := range append(slices.Clone(was), is...) {
		width = max(width, len(strconv.Quote(a.Name)))
	}
	same := 0
	for _, a := range was {
		switch now, found := member(is, a.Name); {
		case !found:
			out.start(8, "-")
			fmt.Fprintf(out, "%s = %s\n", pad(strconv.Quote(a.Name), width), memberValue(name, a))
		case reflect.DeepEqual(now, a.Value):
			same++
		default:
			out.start(8, "~")
			fmt.Fprintf(out, "%s = %s -> %s\n", pad(strconv.Quote(a.Name), width), memberValue(name, a), memberValue(name, compiler.Attribute{Name: a.Name, Value: now}))
		}
	}
	for _, a := range is {
		if _, found := member(was, a.Name); !found {
			out.start(8, "+")
			fmt.Fprintf(out, "%s = %s\n", pad(strconv.Quote(a.Name), width), memberValue(name, a))
		}
	}
	if same > 0 {
		fmt.Fprintf(out, "            # (%s hidden)\n", schema.Plural(same, "unchanged member"))
	}
	out.WriteString("        }\n")
}

// value prints a value of an object that comes or goes; indent is in columns. In a diff
// each of its lines begins with the sign, since GitHub colours line by line.
func (out *planPrinter) value(sign, name string, value any, indent int) string {
	list := membersOf(value)
	if list == nil {
		return scalar(name, value)
	}
	if !out.diff {
		sign = " "
	}
	var b strings.Builder
	b.WriteString("{\n")
	for _, a := range list {
		fmt.Fprintf(&b, "%s%s%s = %s\n", sign, strings.Repeat(" ", indent+3), strconv.Quote(a.Name), memberValue(name, a))
	}
	b.WriteString(sign + strings.Repeat(" ", indent-1) + "}")
	return b.String()
}

// memberValue is the value of a member of the attribute or block with the name of. Those of
// a nested block are attributes of the language, so a duration among them is shown as one;
// those of claims have whatever names their author gives them.
func memberValue(of string, a compiler.Attribute) string {
	client, _ := schema.LanguageBlock(string(compiler.KindClient))
	if _, nested := client.Block(of); nested {
		return scalar(a.Name, a.Value)
	}
	return scalar("", a.Value)
}

// membersOf returns the members of a value that is an object, nil for any other. Maps are
// sorted by name, so that a plan and the same plan read from a file print alike. An object
// keeps the order of its attributes, which is that of the language.
func membersOf(value any) []compiler.Attribute {
	switch value := value.(type) {
	case compiler.Object:
		return value.Attributes()
	case map[string]string:
		var list []compiler.Attribute
		for name, text := range value {
			list = append(list, compiler.Attribute{Name: name, Value: text})
		}
		slices.SortFunc(list, func(a, b compiler.Attribute) int { return strings.Compare(a.Name, b.Name) })
		return list
	case json.RawMessage:
		var o compiler.Object
		if o.UnmarshalJSON(value) == nil {
			return o.Attributes()
		}
	}
	return nil
}

// member finds a member by name, in a list too short for an index.
func member(list []compiler.Attribute, name string) (any, bool) {
	for _, a := range list {
		if a.Name == name {
			return a.Value, true
		}
	}
	return nil, false
}

// scalar is a value on one line. name is the attribute's, by which a number is known to be
// a duration; "" for a value that is no attribute of the language.
func scalar(name string, value any) string {
	switch value := value.(type) {
	case nil:
		return "null"
	case string:
		return strconv.Quote(value)
	case []string:
		return bracketed(value)
	case int64:
		return duration(name, value)
	case json.Number:
		if seconds, err := value.Int64(); err == nil {
			return duration(name, seconds)
		}
	}
	return inlineJSON(value)
}

// bracketed is a list of strings as HCL. It is built in one allocation: a first plan prints
// hundreds of thousands.
func bracketed(values []string) string {
	// An estimate: quoting may add to it, and append grows the slice then.
	size := len("[]")
	for _, v := range values {
		size += len(v) + len(`"", `)
	}
	b := append(make([]byte, 0, size), '[')
	for i, v := range values {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = strconv.AppendQuote(b, v)
	}
	return string(append(b, ']'))
}

// duration is a number of seconds as a duration, if attributes of that name are durations by
// the table of the language, and the plain number otherwise.
func duration(name string, seconds int64) string {
	if schema.IsDuration(name) {
		return strconv.Quote(schema.FormatDuration(seconds))
	}
	return strconv.FormatInt(seconds, 10)
}

// inlineJSON is any other value as JSON on one line. <, > and & are shown as they are: a
// terminal is no page.
func inlineJSON(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return diag.OneLine(fmt.Sprint(value))
	}
	return diag.OneLine(strings.TrimSpace(b.String()))
}
