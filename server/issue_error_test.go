package server

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/writ-auth/writ/server/token"
)

// Whatever keeps a granted token from being signed is a 503, never another answer.
func TestIssueError(t *testing.T) {
	for err, reason := range map[error]Reason{
		fmt.Errorf("x: %w", token.ErrNoKey): ReasonNoSigningKey, token.ErrBusy: ReasonBusy,
		context.Canceled: ReasonGone, errors.New("the signer is broken"): ReasonSigner,
	} {
		if e := issueError(err); e.Status != 503 || e.Code != CodeUnavailable || e.Reason != reason {
			t.Errorf("%v: %+v", err, e)
		}
	}
}
