package snapshot

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/writ-auth/writ/schema"
)

const viewSchemaFile = "../snapshot.schema.json"

func viewSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	compiled, err := compiler.Compile(viewSchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func viewJSON(t fataler, s *Snapshot) any {
	t.Helper()
	b, err := json.Marshal(NewView(s))
	if err != nil {
		t.Fatalf("%v", err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatalf("%v", err)
	}
	return v
}

func TestViewMatchesItsSchema(t *testing.T) {
	compiled := viewSchema(t)
	s, err := Open(smallFile(t, testKey(1)))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*Snapshot{"small": s, "empty": mustOpen(t, &schema.Document{})} {
		if err := compiled.Validate(viewJSON(t, s)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		doc := drawDocument(t)
		plausibleTimes(doc)
		if err := compiled.Validate(viewJSON(t, mustOpen(t, doc))); err != nil {
			t.Fatalf("%v", err)
		}
	})
}

// plausibleTimes puts random times into the years that RFC 3339 can write.
func plausibleTimes(doc *schema.Document) {
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Int64:
			v.SetInt(int64(uint64(v.Int()) % 253402300800))
		case reflect.Struct:
			for i := range v.NumField() {
				visit(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				visit(v.Index(i))
			}
		case reflect.Pointer:
			if !v.IsNil() {
				visit(v.Elem())
			}
		}
	}
	visit(reflect.ValueOf(doc))
}

// The schema refuses what the view does not promise, and every member that the
// view has is described.
func TestSchemaIsStrict(t *testing.T) {
	compiled := viewSchema(t)
	s, err := Open(smallFile(t, testKey(1)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	v := viewJSON(t, s)
	eachObject(v, "", func(path string, object map[string]any) {
		if strings.HasSuffix(path, "metadata") || strings.HasSuffix(path, "claims") {
			return
		}
		names = append(names, path)
		object["surprise"] = true
		if compiled.Validate(v) == nil {
			t.Errorf("%s: an unknown member is accepted", path)
		}
		delete(object, "surprise")
	})
	if err := compiled.Validate(v); err != nil || len(names) < 15 {
		t.Errorf("visited %d objects, then: %v", len(names), err)
	}
}

func eachObject(v any, path string, visit func(path string, object map[string]any)) {
	switch v := v.(type) {
	case map[string]any:
		visit(path, v)
		for name, member := range v {
			eachObject(member, path+"."+name, visit)
		}
	case []any:
		for _, element := range v {
			eachObject(element, path, visit)
		}
	}
}

// A view holds no hash, no key and no certificate selector.
func TestViewHidesCredentials(t *testing.T) {
	b, err := json.Marshal(NewView(mustOpen(t, smallDocument())))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"A6xnQhbz4Vx2", "$2b$", "billing.hash", "CN=portal", "spiffe:", "portal.example.com", "serviceaccount", `"keys"`} {
		if strings.Contains(string(b), secret) {
			t.Errorf("the view holds %q", secret)
		}
	}
	for _, shown := range []string{`{"kind":"secret","label":"2026-q4","not_before":"2026-10-01T00:00:00Z","expires_at":"2027-01-01T00:00:00Z"}`, `{"kind":"secret","label":"ref"}`} {
		if !strings.Contains(string(b), shown) {
			t.Errorf("the view does not hold %s", shown)
		}
	}
}
