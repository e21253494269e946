package schema

import (
	"reflect"
	"testing"
)

// samples are two values for each type of a stored attribute.
var samples = map[Type][2]any{
	TypeString: {"a", "b"}, TypeReference: {"a", "b"}, TypeObject: {`{"a":1}`, `{"b":1}`},
	TypeBool: {true, false}, TypeNumber: {1.5, 2.0}, TypeDuration: {int64(60), int64(90)}, TypeTime: {int64(1), int64(2)},
	TypeStrings: {[]string{"a"}, []string{"a", "b"}}, TypeReferences: {[]string{"a"}, []string{}},
	TypeStringMap: {map[string]string{"a": "b"}, map[string]string{}},
}

// documentStructs are all structs of a document that a block describes.
func documentStructs() map[string]func() any {
	structs := map[string]func() any{}
	for _, object := range []any{
		new(Issuer), new(Defaults), new(API), new(Scope), new(Client), new(RefreshToken), new(Authorization), new(TrustedIssuer), new(SigningKey),
	} {
		structs[BlockOf(object).Type] = func() any { return reflect.New(reflect.TypeOf(object).Elem()).Interface() }
	}
	client := Client{Secrets: make([]Secret, 1), PublicKeys: make([]PublicKey, 1), Certificates: make([]Certificate, 1), Federated: make([]Federated, 1)}
	for _, c := range client.Credentials() {
		structs[c.Block.Type] = func() any { return reflect.New(reflect.TypeOf(c.Of).Elem()).Interface() }
	}
	return structs
}

// TestFieldsRoundTrip sets every attribute that a document has, reads it back and
// compares, and finds that no two attributes of a block share a place by mistake.
func TestFieldsRoundTrip(t *testing.T) {
	structs := documentStructs()
	walkLanguage(func(path string, b *Block) {
		newObject, described := structs[b.Type]
		for i := range b.Attributes {
			a := &b.Attributes[i]
			if !a.IsStored() {
				continue
			}
			if !described {
				t.Errorf("%s.%s is stored in a struct that BlockOf does not know", path, a.Name)
				continue
			}
			x, y := newObject(), newObject()
			if !IsZero(a.Get(x)) || !a.Same(x, y) {
				t.Errorf("%s.%s is set in a new struct: %v", path, a.Name, a.Get(x))
			}
			for _, v := range samples[a.Type] {
				a.Set(x, v)
				if got := a.Get(x); !reflect.DeepEqual(got, v) {
					t.Errorf("%s.%s is %#v, want %#v", path, a.Name, got, v)
				}
				if a.Same(x, y) != reflect.DeepEqual(a.Get(x), a.Get(y)) && !IsZero(v) {
					t.Errorf("%s.%s: Same says %v of %v and %v", path, a.Name, a.Same(x, y), a.Get(x), a.Get(y))
				}
			}
			a.Set(x, samples[a.Type][0])
			for j := range b.Attributes {
				other := &b.Attributes[j]
				if j != i && other.IsStored() && other.ParseKeys == nil && !IsZero(other.Get(x)) {
					t.Errorf("%s: setting %s sets %s", path, a.Name, other.Name)
				}
			}
		}
	})
}

// TestEveryFieldHasARow holds that a field of a document's struct is an attribute, a
// label or a nested block: nothing that a configuration says stays behind.
func TestEveryFieldHasARow(t *testing.T) {
	structs := documentStructs()
	walkLanguage(func(path string, b *Block) {
		newObject, described := structs[b.Type]
		if !described {
			return
		}
		object := newObject()
		for i := range b.Attributes {
			if a := &b.Attributes[i]; a.IsStored() {
				a.Set(object, samples[a.Type][0])
			}
		}
		for i := range b.Blocks {
			if nested := &b.Blocks[i]; nested.IsStored() {
				nested.Add(object, "label")
			}
		}
		v := reflect.ValueOf(object).Elem()
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if isLabel := name == "Label" || b.Type == "scope" && name == "Name"; v.Field(i).IsZero() && !isLabel {
				t.Errorf("%s: no row sets %s", path, name)
			}
		}
	})
}

// TestCredentialsAreAllBlocks compares the list of a client's credentials with the
// nested blocks of the language.
func TestCredentialsAreAllBlocks(t *testing.T) {
	var c Client
	var want []string
	for i := range clientBlock.Blocks {
		if b := &clientBlock.Blocks[i]; b.Repeats {
			b.Add(&c, "label")
			want = append(want, b.Type)
		}
	}
	var got []string
	for _, credential := range c.Credentials() {
		got = append(got, credential.Block.Type)
		if credential.Label != "label" {
			t.Errorf("%s has the label %q", credential.Block.Type, credential.Label)
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("credentials are %q, the language has %q", got, want)
	}
}
