package workspace

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/writ-auth/writ/compiler/lockfile"
	"github.com/writ-auth/writ/config"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/config/source"
)

// pastInputs reads the files that flags name as they were at a commit, so that both sides of
// a comparison are made with their own.
type pastInputs struct {
	*Workspace
	repository git
	commit     string
	revision   string // as it was given
}

// options returns the workspace's options with the variable files of the commit. A value
// for a variable that the commit does not declare is ignored and not an error: the change
// under review may be the one that declares it.
func (p *pastInputs) options(ctx context.Context) (config.Options, error) {
	options := p.config
	options.OnlyDeclared, options.VarFiles = true, nil
	options.Cache = nil // it is for the files as they are now
	for i, file := range p.varFiles {
		now := p.config.VarFiles[i]
		if file.top == "" {
			p.note(fmt.Sprintf("%q lies outside of the repository: it is used for both sides as it is now.", file.name))
			options.VarFiles = append(options.VarFiles, now)
			continue
		}
		content, err := file.atCommit(ctx, p.repository, p.commit)
		if errors.Is(err, fs.ErrNotExist) {
			p.note(fmt.Sprintf("%q is not in git at %s: it is left out there.", file.name, p.revision))
			continue
		}
		if err != nil {
			return config.Options{}, err
		}
		options.VarFiles = append(options.VarFiles, config.VarFile{Name: now.Name, Bytes: content})
	}
	return options, nil
}

// lock returns the lockfile at the commit, nil if there was none.
func (p *pastInputs) lock(ctx context.Context) (*lockfile.File, error) {
	file := p.input(p.Lockfile)
	if file.top == "" {
		p.note(fmt.Sprintf("The lockfile %q lies outside of the repository: what was released in it is not compared.", file.name))
		return nil, nil
	}
	content, err := file.atCommit(ctx, p.repository, p.commit)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// Its layout is no matter here: it may be that of another version of writ.
	lock, list := lockfile.ParseWithoutCanonicalCheck(file.name, source.UnixLines(content))
	if list.HasErrors() {
		return nil, &RevisionError{
			Failure:  diag.Failf("git-failed", "Compare with a revision where it can be.", "the lockfile at %q cannot be read", p.revision),
			Problems: &diag.Problems{List: list.Errors(), Sources: map[string][]byte{file.name: content}},
		}
	}
	return lock, nil
}
