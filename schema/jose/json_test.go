package jose

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestReadObject(t *testing.T) {
	many := make([]string, 40)
	for i := range many {
		many[i] = `"` + strings.Repeat("x", i+1) + `":0`
	}
	nested := func(levels int) string { return strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels) }
	for _, test := range []struct {
		name, text string
		want       error
	}{
		{"empty object", `{}`, nil},
		{"space everywhere", " \t\r\n{ \"a\" : [ 1 , { } , [ ] ] , \"b\" : null } ", nil},
		{"all kinds", `{"a":"x","b":-0.5e+10,"c":true,"d":false,"e":null,"f":[],"g":{}}`, nil},
		{"escapes", `{"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud7ff\ue000\udbff\udc00\udbff\udfff":"\uFFFD"}`, nil},
		{"case differs", `{"alg":1,"ALG":2,"Alg":3}`, nil},
		{"Kelvin sign", `{"kid":1,"\u212aid":2}`, nil},
		{"same name at other levels", `{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}`, nil},
		{"eight levels", nested(8), nil},
		{"many members", "{" + strings.Join(many, ",") + "}", nil},

		{"nine levels", nested(9), errJSONDepth},
		{"nine levels of arrays", `{"a":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + "}", errJSONDepth},
		{"deep without an end", strings.Repeat(`{"a":`, 100_000), errJSONDepth},
		{"twice", `{"a":1,"b":2,"a":1}`, errJSONTwice},
		{"twice by escape", `{"ab":1,"a\u0062":1}`, errJSONTwice},
		{"twice by slash", `{"/":1,"\/":1}`, errJSONTwice},
		{"twice below", `{"x":{"a":1,"a":1}}`, errJSONTwice},
		{"twice in an array", `{"x":[0,{"a":1,"a":1}]}`, errJSONTwice},
		{"twice among many", "{" + strings.Join(many, ",") + "," + many[7] + "}", errJSONTwice},
		{"bad UTF-8", "{\"a\":\"\xff\"}", errJSONUTF8},
		{"surrogate in UTF-8", "{\"a\":\"\xed\xa0\x80\"}", errJSONUTF8},

		{"nothing", ``, errJSON},
		{"space", ` `, errJSON},
		{"array", `[]`, errJSON},
		{"string", `"{}"`, errJSON},
		{"open", `{`, errJSON},
		{"open name", `{"a`, errJSON},
		{"no value", `{"a"}`, errJSON},
		{"no value after colon", `{"a":}`, errJSON},
		{"comma at the end", `{"a":1,}`, errJSON},
		{"comma only", `{,}`, errJSON},
		{"comma in an array", `{"a":[1,]}`, errJSON},
		{"no comma", `{"a":1 "b":2}`, errJSON},
		{"something after", `{} x`, errJSON},
		{"NUL after", "{}\x00", errJSON},
		{"two", `{}{}`, errJSON},
		{"name without quotes", `{a:1}`, errJSON},
		{"single quotes", `{'a':1}`, errJSON},
		{"comment", `{/**/}`, errJSON},
		{"control character", "{\"a\":\"\x01\"}", errJSON},
		{"line break in a string", "{\"a\":\"\n\"}", errJSON},
		{"bad escape", `{"a":"\x41"}`, errJSON},
		{"escape at the end", `{"a":"\`, errJSON},
		{"short unicode escape", `{"a":"\u12"}`, errJSON},
		{"bad unicode escape", `{"a":"\u12g4"}`, errJSON},
		{"half a pair", `{"a":"\ud83d"}`, errJSON},
		{"the other half", `{"a":"\ude00"}`, errJSON},
		{"two first halves", `{"a":"\ud83d\ud83d"}`, errJSON},
		{"leading zero", `{"a":01}`, errJSON},
		{"plus", `{"a":+1}`, errJSON},
		{"minus only", `{"a":-}`, errJSON},
		{"no fraction", `{"a":1.}`, errJSON},
		{"no exponent", `{"a":1e}`, errJSON},
		{"NaN", `{"a":NaN}`, errJSON},
		{"True", `{"a":True}`, errJSON},
		{"nul", `{"a":nul}`, errJSON},
		{"byte order mark", "\ufeff{}", errJSON},
		{"other space", "{\u00a0}", errJSON},
	} {
		object, err := ReadObject([]byte(test.text))
		if !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
		if (object != nil) != (test.want == nil) {
			t.Errorf("%s: object %v beside error %v", test.name, object, err)
		}
	}
}

func TestObjectMembers(t *testing.T) {
	object, err := ReadObject([]byte(`{"s":"a\u00e9\n","e":"","n":12,"list":["a","b"],"mixed":["a",1],"none":[],"o":{},"null":null}`))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := object.Text("s"); !ok || s != "aé\n" {
		t.Errorf("s = %q, %v", s, ok)
	}
	if s, ok := object.Text("e"); !ok || s != "" {
		t.Errorf("e = %q, %v", s, ok)
	}
	for _, name := range []string{"n", "list", "o", "null", "absent", "S"} {
		if s, ok := object.Text(name); ok {
			t.Errorf("%s is the string %q", name, s)
		}
	}
	for name, want := range map[string]string{"s": "aé\n", "list": "a b", "none": "", "mixed": "no", "n": "no", "null": "no", "absent": "no", "o": "no"} {
		got, ok := object.Texts(name)
		if text := strings.Join(got, " "); ok == (want == "no") || ok && text != want {
			t.Errorf("texts(%s) = %q, %v", name, got, ok)
		}
	}
}

func TestObjectSeconds(t *testing.T) {
	for raw, want := range map[string]int64{
		"0": 0, "1": 1, "1795413600": 1795413600, "253402300799": 253402300799,
		"253402300800": -1, "9999999999999999999999": -1, "-1": -1, "-0": -1, "1.0": -1, "1795413600.5": -1, "1e9": -1, `"1795413600"`: -1, "null": -1, "true": -1, "[1]": -1,
	} {
		object, err := ReadObject([]byte(`{"t":` + raw + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := object.Seconds("t"); ok != (want >= 0) || ok && got != want {
			t.Errorf("seconds of %s = %d, %v", raw, got, ok)
		}
	}
	if _, ok := (Object{}).Seconds("t"); ok {
		t.Error("an absent time was read")
	}
}

// What is read, encoding/json reads too, with the same members.
func FuzzReadObject(f *testing.F) {
	f.Add([]byte(`{"a":"\u00e9\\","b":[1,-2.5e3,{"c":null}],"d":true}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := ReadObject(text)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			t.Fatalf("%q: encoding/json says %v", text, err)
		}
		if len(members) != len(object) {
			t.Fatalf("%q: %d members, encoding/json has %d", text, len(object), len(members))
		}
		for _, m := range object {
			if string(members[string(m.Name)]) != string(m.Value) {
				t.Fatalf("%q: member %q is %q, encoding/json has %q", text, m.Name, m.Value, members[string(m.Name)])
			}
		}
	})
}
