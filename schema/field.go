package schema

import (
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"
)

// A field reads and writes the value of an attribute in the struct of its block. Values have
// one Go type for each Type, whatever type the struct has:
//
//	string             TypeString, TypeReference (a label), TypeObject (canonical JSON, "" for {})
//	bool, float64      TypeBool, TypeNumber
//	int64              TypeDuration (seconds), TypeTime (Unix seconds)
//	[]string           TypeStrings, TypeReferences (labels)
//	map[string]string  TypeStringMap
//
// The zero value means that the attribute is not set.
type field struct {
	get  func(object any) any
	set  func(object, value any)
	same func(a, b any) bool // allocates nothing
}

// value is a field of the type that the values have.
func value[S any, V comparable](at func(*S) *V) field {
	return field{
		get:  func(object any) any { return *at(object.(*S)) },
		set:  func(object, value any) { *at(object.(*S)) = value.(V) },
		same: func(a, b any) bool { return *at(a.(*S)) == *at(b.(*S)) },
	}
}

// text is a field of an enumeration or another type of strings.
func text[S any, V ~string](at func(*S) *V) field {
	return field{
		get:  func(object any) any { return string(*at(object.(*S))) },
		set:  func(object, value any) { *at(object.(*S)) = V(value.(string)) },
		same: func(a, b any) bool { return *at(a.(*S)) == *at(b.(*S)) },
	}
}

// texts is a field of a list of strings, or of the values of an enumeration.
func texts[S any, V ~string](at func(*S) *[]V) field {
	return field{
		get:  func(object any) any { return convert[V, string](*at(object.(*S))) },
		set:  func(object, value any) { *at(object.(*S)) = convert[string, V](value.([]string)) },
		same: func(a, b any) bool { return slices.Equal(*at(a.(*S)), *at(b.(*S))) },
	}
}

// textMap is a field of strings by name.
func textMap[S any](at func(*S) *map[string]string) field {
	return field{
		get:  func(object any) any { return *at(object.(*S)) },
		set:  func(object, value any) { *at(object.(*S)) = value.(map[string]string) },
		same: func(a, b any) bool { return maps.Equal(*at(a.(*S)), *at(b.(*S))) },
	}
}

// convert changes the type of a list's elements, and shares the list where it is the
// same. It keeps nil and empty apart: one is not set, the other is set to nothing.
func convert[From, To ~string](list []From) []To {
	if same, ok := any(list).([]To); ok || list == nil {
		return same
	}
	out := make([]To, len(list))
	for i, v := range list {
		out[i] = To(v)
	}
	return out
}

// in returns the attribute for one of the blocks that have it, with its field there.
func (a Attribute) in(f field) Attribute {
	a.field = f
	return a
}

// IsStored reports whether the attribute has a place in a Document. Others, such as
// for_each, are used up when a configuration is loaded.
func (a *Attribute) IsStored() bool { return a.field.get != nil }

// Get returns the value of a stored attribute; object points to the struct of its
// block, such as *API. What it holds is shared and must not be changed.
func (a *Attribute) Get(object any) any { return a.field.get(object) }

// Set stores a value of the Go type that the attribute's Type has.
func (a *Attribute) Set(object, value any) { a.field.set(object, value) }

// Same reports whether two structs have the same value of a stored attribute.
func (a *Attribute) Same(x, y any) bool { return a.field.same(x, y) }

// IsZero reports whether a value stands for an attribute that is not set.
func IsZero(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case bool:
		return !v
	case int64:
		return v == 0
	case float64:
		return v == 0
	case []string:
		return len(v) == 0
	case map[string]string:
		return len(v) == 0
	}
	return value == nil
}

// DefaultValue is the default as a value, nil where the language has none of its own.
func (a *Attribute) DefaultValue() any { return a.defaultValue }

// parseDefault reads Default. It is HCL, of which only the forms that the language uses are
// read; nil for a default in words.
func (a *Attribute) parseDefault() any {
	switch a.Type {
	case TypeBool:
		return a.Default == "true"
	case TypeString, TypeDuration:
		quoted, err := strconv.Unquote(a.Default)
		if err != nil {
			return nil
		}
		if a.Type == TypeString {
			return quoted
		}
		seconds, err := ParseDuration(quoted)
		if err != nil {
			return nil
		}
		return seconds
	case TypeStrings, TypeReferences:
		var list []string
		if json.Unmarshal([]byte(a.Default), &list) == nil && len(list) > 0 {
			return list
		}
	}
	return nil
}

// prepared parses the defaults of the blocks in place, once for all.
func prepared(blocks []Block) []Block {
	for i := range blocks {
		for j := range blocks[i].Attributes {
			a := &blocks[i].Attributes[j]
			a.defaultValue = a.parseDefault()
		}
		prepared(blocks[i].Blocks)
	}
	return blocks
}

// A nesting is where the structs of a nested block stand in that of its parent.
type nesting struct {
	in  func(parent any) iter.Seq2[string, any]
	add func(parent any, label string) any
}

// list is the nesting of a block that repeats.
func list[P, S any](at func(*P) *[]S, label func(*S) *string) nesting {
	return nesting{
		in: func(parent any) iter.Seq2[string, any] {
			return func(yield func(string, any) bool) {
				all := *at(parent.(*P))
				for i := range all {
					if !yield(*label(&all[i]), &all[i]) {
						return
					}
				}
			}
		},
		add: func(parent any, name string) any {
			all := at(parent.(*P))
			*all = append(*all, *new(S))
			added := &(*all)[len(*all)-1]
			*label(added) = name
			return added
		},
	}
}

// single is the nesting of a block that may stand once.
func single[P, S any](at func(*P) **S) nesting {
	return nesting{
		in: func(parent any) iter.Seq2[string, any] {
			return func(yield func(string, any) bool) {
				if s := *at(parent.(*P)); s != nil {
					yield("", s)
				}
			}
		},
		add: func(parent any, _ string) any {
			s := new(S)
			*at(parent.(*P)) = s
			return s
		},
	}
}

// IsStored reports whether the nested block has a place in a Document.
func (b *Block) IsStored() bool { return b.nesting.in != nil }

// In yields the labels and the structs of a stored nested block, in the order in which
// they stand in the struct of its parent.
func (b *Block) In(parent any) iter.Seq2[string, any] { return b.nesting.in(parent) }

// Add appends the struct of a stored nested block to that of its parent. The result
// points into the parent until the next one is added.
func (b *Block) Add(parent any, label string) any { return b.nesting.add(parent, label) }

// Same reports whether two structs have the same values of all stored attributes.
func (b *Block) Same(x, y any) bool {
	for i := range b.Attributes {
		if a := &b.Attributes[i]; a.IsStored() && !a.Same(x, y) {
			return false
		}
	}
	return true
}

// BlockOf returns the block of a struct of a Document, by a pointer to it; nil for
// anything else.
func BlockOf(object any) *Block {
	switch object.(type) {
	case *Issuer:
		return &issuerBlock
	case *Defaults:
		return &defaultsBlock
	case *API:
		return &apiBlock
	case *Scope:
		return &scopeBlock
	case *Client:
		return &clientBlock
	case *RefreshToken:
		return &refreshTokenBlock
	case *Authorization:
		return &authorizationBlock
	case *Federated:
		return &federatedBlock
	case *TrustedIssuer:
		return &trustedIssuerBlock
	case *SigningKey:
		return &signingKeyBlock
	}
	return nil
}
