package token_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/writ-auth/writ/server/token"
	"github.com/writ-auth/writ/server/token/storagetest"
)

func openFolder(dir string) (token.Storage, error) {
	return token.NewFolder(dir, slog.New(slog.DiscardHandler)), nil
}

func TestMain(m *testing.M) {
	if !storagetest.RunProcess(openFolder) {
		os.Exit(m.Run())
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	storagetest.Run(t, func(t *testing.T) storagetest.Backend {
		dir := filepath.Join(t.TempDir(), "keys")
		must := func(t *testing.T, err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(t, os.Mkdir(dir, 0o700))
		return storagetest.Backend{
			Spec: dir, Open: openFolder,
			Plant: func(t *testing.T, name string, content []byte) {
				must(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
			},
			Empty: func(t *testing.T) {
				must(t, os.RemoveAll(dir))
				must(t, os.Mkdir(dir, 0o700))
			},
			Stop:  func(t *testing.T) { must(t, os.Rename(dir, dir+".away")) },
			Start: func(t *testing.T) { must(t, os.Rename(dir+".away", dir)) },
		}
	})
}
