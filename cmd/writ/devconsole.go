package main

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema/durable"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/console"
)

// handler puts the console beside the server's own endpoints, on the one
// loopback port there is.
func (d *devServer) handler() http.Handler {
	public := d.server.Public()
	pages := d.server.Console(server.ConsoleOptions{
		Create:     func(name string, content []byte) error { return createBelow(d.w.Dir, name, content) },
		SecretHint: "Every client takes the one that writ dev printed when it started.",
		Rejected:   d.broken.Load,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if console.Holds(r.URL) {
			pages.ServeHTTP(w, r)
			return
		}
		if r.URL.Path == "/" { // who opens the issuer in a browser
			http.Redirect(w, r, console.Path, http.StatusSeeOther)
			return
		}
		public.ServeHTTP(w, r)
	})
}

// rejection is an error of the folder for the console, nil for none. The
// diagnostics are those that the terminal shows.
func (d *devServer) rejection(err error) *server.Rejection {
	if err == nil {
		return nil
	}
	problems := diag.ProblemsOf(err)
	var text strings.Builder
	diag.WriteText(&text, problems.List.Errors().Sorted(), problems.Sources, consoleWidth, false)
	return &server.Rejection{Reason: strings.TrimSpace(text.String()), At: d.env.Now()}
}

// consoleWidth is how wide diagnostics are on a page, in characters.
const consoleWidth = 96

// createBelow writes a file that must not exist yet into a folder, and makes
// sure of it. No name leads out of the folder, not by way of a link either.
func createBelow(dir, name string, content []byte) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	f, err := root.OpenFile(filepath.FromSlash(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	if err := durable.Write(f, content); err != nil {
		return errors.Join(err, root.Remove(name))
	}
	return durable.SyncFolder(filepath.Dir(filepath.Join(dir, filepath.FromSlash(name))))
}
