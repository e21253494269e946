package eval

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
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
			text, err := e.readFile(args[0].AsString())
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(text), nil
		},
	})
}

// A readText is a file that was read. Short ones are kept, as a loop may read
// one for each of its passes.
type readText struct {
	sum  [sha256.Size]byte
	text string // "" when it is not kept
}

func (e *Evaluator) readFile(name string) (string, error) {
	if e.files == nil {
		return "", function.NewArgError(0, errors.New("no files can be read here"))
	}
	if err := e.spend(callSteps); err != nil {
		return "", err
	}
	name = path.Clean(name)
	e.mu.Lock()
	before := e.read[name]
	e.mu.Unlock()
	if before.text != "" {
		return before.text, e.spend(int64(len(before.text)) / 64)
	}
	if !fs.ValidPath(name) {
		return "", function.NewArgErrorf(0, "%q is not inside the configuration's folder", name)
	}
	b, err := e.files.ReadFile(name)
	if err != nil {
		return "", unreadable(name, err, e.limits)
	}
	if int64(len(b)) > e.limits.FileBytes {
		return "", unreadable(name, source.ErrTooLarge, e.limits)
	}
	if !utf8.Valid(b) {
		return "", function.NewArgErrorf(0, "%q is not UTF-8 text", name)
	}
	text := string(b)
	e.keep(name, text)
	return text, e.spend(int64(len(text)) / 16)
}

func (e *Evaluator) keep(name, text string) {
	kept := readText{sum: sha256.Sum256([]byte(text))}
	if len(text) <= e.limits.StringBytes {
		kept.text = text
	}
	e.mu.Lock()
	e.read[name] = kept
	e.mu.Unlock()
}

func unreadable(name string, err error, limits source.Limits) error {
	if errors.Is(err, source.ErrTooLarge) {
		return past("Too large file", "%q is longer than a file may be, %d bytes", name, limits.FileBytes)
	}
	if errors.Is(err, source.ErrPointer) {
		return function.NewArgErrorf(0, "%q is %w. %s", name, err, strings.TrimSuffix(source.PointerHint, "."))
	}
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		err = pe.Err
	}
	return function.NewArgError(0, fmt.Errorf("%q cannot be read: %w; paths are relative to the root of the configuration", name, err))
}
