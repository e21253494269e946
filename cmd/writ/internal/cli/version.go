package cli

import (
	"context"
	"fmt"

	"github.com/writ-auth/writ/schema/build"
)

// VersionCommand prints the version.
func VersionCommand() Command {
	return Command{
		Name:    "version",
		Summary: "print the version",
		Example: "$ writ version --json\n{\"version\":\"v1.0.0\",\"revision\":\"4f1c...\",...}",
		Run:     func(_ context.Context, env *Env, _ []string) error { return showVersion(env) },
	}
}

// showVersion prints what the program was built from, for "writ version" and --version. Of
// a build outside of git the revision is not known, and its line is left out.
func showVersion(env *Env) error {
	b := build.Read()
	if env.JSON {
		return env.PrintJSON(b)
	}
	fmt.Fprintf(env.Out, "writ %s\n", b.Version)
	if b.Revision != "" {
		fmt.Fprintf(env.Out, "revision %s, %s\n", b.Revision, b.Time)
	}
	fmt.Fprintf(env.Out, "%s, %s\n", b.Go, b.Platform)
	return nil
}
