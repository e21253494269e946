package main

import (
	"bytes"
	"encoding/json"
	"math/big"
)

// sameJSON reports whether two JSON texts mean the same: members in any order,
// numbers by value.
func sameJSON(a, b []byte) bool {
	left, errLeft := decodeJSON(a)
	right, errRight := decodeJSON(b)
	return errLeft == nil && errRight == nil && sameValue(left, right)
}

func decodeJSON(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

func sameValue(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, member := range a {
			other, present := b[name]
			if !present || !sameValue(member, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !sameValue(a[i], b[i]) {
				return false
			}
		}
		return true
	case json.Number:
		b, ok := b.(json.Number)
		return ok && sameNumber(a, b)
	}
	return a == b
}

// sameNumber compares by value, and as text what is too large to compute with.
func sameNumber(a, b json.Number) bool {
	const huge = 40 // characters: the language's limit for a number is below
	if a == b || len(a) > huge || len(b) > huge {
		return a == b
	}
	left, okLeft := new(big.Rat).SetString(string(a))
	right, okRight := new(big.Rat).SetString(string(b))
	return okLeft && okRight && left.Cmp(right) == 0
}
