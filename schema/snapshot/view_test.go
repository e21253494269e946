package snapshot

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"reflect"
	"slices"
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

// The schema describes the rows of the language: for each block the attributes that a
// view shows under their names, those that it always shows, and the values of
// enumerations.
func TestSchemaFollowsTheLanguage(t *testing.T) {
	text, err := os.ReadFile(viewSchemaFile)
	if err != nil {
		t.Fatal(err)
	}
	type described struct {
		Ref        string `json:"$ref"`
		Enum       []string
		Items      *described
		Required   []string
		Properties map[string]*described
	}
	var file struct {
		described
		Defs map[string]*described `json:"$defs"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	resolve := func(d *described) *described {
		if name, refers := strings.CutPrefix(d.Ref, "#/$defs/"); refers {
			return file.Defs[name]
		}
		return d
	}
	blockIn := func(blocks []schema.Block, typ string) *schema.Block {
		return &blocks[slices.IndexFunc(blocks, func(b schema.Block) bool { return b.Type == typ })]
	}
	language := schema.Language
	for path, is := range map[string]struct {
		block *schema.Block
		in    *described
		more  []string // members that are no attributes; "!" before those always shown
	}{
		"issuer":         {blockIn(language, "issuer"), file.Properties["issuer"], []string{"source"}},
		"api":            {blockIn(language, "api"), file.Defs["api"], []string{"!label", "!scopes", "source"}},
		"scope":          {blockIn(blockIn(language, "api").Blocks, "scope"), file.Defs["api"].Properties["scopes"].Items, []string{"!name"}},
		"client":         {blockIn(language, "client"), file.Defs["client"], []string{"!label", "!credentials", "refresh_token", "source"}},
		"refresh_token":  {blockIn(blockIn(language, "client").Blocks, "refresh_token"), file.Defs["client"].Properties["refresh_token"], nil},
		"secret":         {blockIn(blockIn(language, "client").Blocks, "secret"), file.Defs["credential"], []string{"!kind", "!label"}},
		"public_key":     {blockIn(blockIn(language, "client").Blocks, "public_key"), file.Defs["credential"], []string{"!kind", "!label"}},
		"certificate":    {blockIn(blockIn(language, "client").Blocks, "certificate"), file.Defs["credential"], []string{"!kind", "!label"}},
		"federated":      {blockIn(blockIn(language, "client").Blocks, "federated"), file.Defs["credential"], []string{"!kind", "!label"}},
		"authorization":  {blockIn(language, "authorization"), file.Defs["authorization"], []string{"!label", "source"}},
		"trusted_issuer": {blockIn(language, "trusted_issuer"), file.Defs["trusted_issuer"], []string{"!label", "source"}},
		"signing_key":    {blockIn(language, "signing_key"), file.Defs["signing_key"], []string{"!label", "source"}},
	} {
		var members, always []string
		for _, name := range is.more {
			name, shown := strings.CutPrefix(name, "!")
			if members = append(members, name); shown {
				always = append(always, name)
			}
		}
		for i := range is.block.Attributes {
			a := &is.block.Attributes[i]
			switch {
			case !a.IsStored() || a.Hidden:
				continue
			case a.ParseKeys != nil:
				members, always = append(members, "pinned_keys"), append(always, "pinned_keys")
				continue
			}
			members = append(members, a.Name)
			// A snapshot finds an authorization by its subject_type, so it has one.
			if isAlwaysShown(is.block, a) || path == "authorization" && a.Name == "subject_type" {
				always = append(always, a.Name)
			}
			if d := is.in.Properties[a.Name]; d != nil && len(a.Enum) > 0 {
				d := resolve(d)
				if d.Items != nil {
					d = resolve(d.Items)
				}
				for _, v := range a.Enum {
					if d.Enum != nil && !slices.Contains(d.Enum, v) {
						t.Errorf("%s.%s: the schema does not take %q", path, a.Name, v)
					}
				}
			}
		}
		slices.Sort(members)
		slices.Sort(always)
		if got := slices.Sorted(maps.Keys(is.in.Properties)); !slices.Equal(got, members) {
			t.Errorf("%s: the schema has the members %q, a view %q", path, got, members)
		}
		if got := slices.Sorted(slices.Values(is.in.Required)); !slices.Equal(got, always) {
			t.Errorf("%s: the schema requires %q, a view always has %q", path, got, always)
		}
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
