package eval

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/writ-auth/writ/config/source"
)

// fileFunc reads a text file. Its path is relative to the root of the tree,
// wherever the call stands, and has forward slashes. What is read is noted, as
// the configuration depends on it. The text may be as long as a file where it
// goes straight into csvdecode, jsondecode or yamldecode; as a value it is a
// string like any other.
func (e *Evaluator) fileFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "path", Type: cty.String}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			b, err := e.readFile(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(string(b)), nil
		},
	})
}

func (e *Evaluator) readFile(name string) ([]byte, error) {
	if e.files == nil {
		return nil, function.NewArgError(0, errors.New("no files can be read here"))
	}
	if err := e.spend(callSteps); err != nil {
		return nil, err
	}
	name = path.Clean(name)
	if !fs.ValidPath(name) {
		return nil, function.NewArgErrorf(0, "%q is not inside the configuration's folder", name)
	}
	b, err := e.files.ReadFile(name)
	if err != nil {
		return nil, unreadable(name, err, e.limits)
	}
	if int64(len(b)) > e.limits.FileBytes {
		return nil, unreadable(name, source.ErrTooLarge, e.limits)
	}
	if !utf8.Valid(b) {
		return nil, function.NewArgErrorf(0, "%q is not UTF-8 text", name)
	}
	e.mu.Lock()
	e.read[name] = sha256.Sum256(b)
	e.mu.Unlock()
	return b, e.spend(int64(len(b)) / 64)
}

func unreadable(name string, err error, limits source.Limits) error {
	if errors.Is(err, source.ErrTooLarge) {
		return past("Too large file", "%q is longer than a file may be, %d bytes", name, limits.FileBytes)
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return function.NewArgError(0, fmt.Errorf("%q cannot be read: %w; paths are relative to the root of the configuration", name, err))
}
