package eval_test

import (
	"strings"
	"testing"

	"github.com/writ-auth/writ/config/eval"
)

// TestEveryFunctionIsDescribed holds the reference against what can be called.
func TestEveryFunctionIsDescribed(t *testing.T) {
	names := eval.Functions()
	reference := eval.Reference()
	if len(reference) != len(names) {
		t.Fatalf("%d of %d functions", len(reference), len(names))
	}
	for i, f := range reference {
		if f.Name != names[i] || !strings.HasPrefix(f.Signature, f.Name+"(") || len(f.Doc) < 10 {
			t.Errorf("%+v, want %s", f, names[i])
		}
		if _, l := evaluate(t, f.Name+"()"); len(l) == 1 && strings.Contains(l[0].Detail, "There is no function") {
			t.Errorf("%s cannot be called", f.Name)
		}
	}
}
