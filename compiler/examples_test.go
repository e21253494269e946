package compiler_test

import (
	"os"
	"testing"

	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config"
)

// TestExamplesCompile holds the examples to the rules that they teach.
func TestExamplesCompile(t *testing.T) {
	for _, name := range []string{"quickstart", "platform", "webapp-offline", "mcp"} {
		t.Run(name, func(t *testing.T) {
			root, err := os.OpenRoot("../examples/" + name)
			if err != nil {
				t.Fatal(err)
			}
			defer root.Close()
			cfg, loaded := config.Load(root, config.Options{})
			_, compiled := compiler.Compile(cfg, compiler.CompileOptions{Loaded: loaded})
			if diags := append(loaded, compiled...); diags.HasErrors() {
				t.Error(report(diags, cfg.Sources))
			}
		})
	}
}
