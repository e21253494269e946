package storagetest

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/writ-auth/writ/server/token"
)

// A Member is one of the processes that share a storage.
type Member interface {
	// Maintain looks after the keys once.
	Maintain(ctx context.Context, at time.Time) Answer
}

// An Answer is what a process signs with and publishes.
type Answer struct {
	KID    string // "" when nothing signs
	JWKS   string
	Failed string // why the algorithm has no key
}

// A local is a member in this process.
type local struct {
	storage token.Storage
	keys    *token.Keys
}

// newMember returns a member with keys of its own over a storage that others share.
func newMember(s token.Storage) *local { return &local{s, newKeys(s)} }

// Maintain implements Member.
func (m *local) Maintain(ctx context.Context, at time.Time) (a Answer) {
	if err := m.keys.Maintain(ctx, at)[alg]; err != nil {
		a.Failed = err.Error()
	}
	a.JWKS = string(m.keys.JWKS(at.Unix()))
	if key := m.keys.Signer(alg, "", at.Unix()); key != nil {
		a.KID = key.KID()
	}
	return a
}

// A process is a member of its own: the test binary, started again.
type process struct {
	to   *json.Encoder
	from *json.Decoder
}

// variable makes the test binary be a member that shares the storage which it names.
const variable = "STORAGE_TEST_SPEC"

// RunProcess is called at the beginning of TestMain. It reports whether this process was
// started as a member, which it has been until then.
func RunProcess(open func(spec string) (token.Storage, error)) bool {
	spec := os.Getenv(variable)
	if spec == "" {
		return false
	}
	if err := serve(open, spec); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// serve looks after the keys at each time that it reads.
func serve(open func(spec string) (token.Storage, error), spec string) error {
	s, err := open(spec)
	if err != nil {
		return err
	}
	defer closeStorage(s)
	m, in, out := newMember(s), json.NewDecoder(bufio.NewReader(os.Stdin)), json.NewEncoder(os.Stdout)
	for {
		var at time.Time
		if err := in.Decode(&at); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := out.Encode(m.Maintain(context.Background(), at)); err != nil {
			return err
		}
	}
}

// startProcess starts the test binary as a member, which ends with its input. One processor
// is enough for it, and a hundred of them share the machine.
func startProcess(t *testing.T, spec string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable+"="+spec, "GOMAXPROCS=1")
	cmd.Stderr = os.Stderr
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StdoutPipe()
	err := errors.Join(errIn, errOut)
	if err == nil {
		err = cmd.Start()
	}
	if errors.Is(err, syscall.EMFILE) {
		t.Skipf("%d processes take more files than this one may open", processes())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return &process{json.NewEncoder(in), json.NewDecoder(out)}
}

// Maintain implements Member.
func (p *process) Maintain(_ context.Context, at time.Time) (a Answer) {
	if err := errors.Join(p.to.Encode(at), p.from.Decode(&a)); err != nil {
		a.Failed = err.Error()
	}
	return a
}
