package endpoint

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/writ-auth/writ/server/internal/active"
	"github.com/writ-auth/writ/server/internal/transport"
	"github.com/writ-auth/writ/server/metrics"
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

// Every error code that an answer may have is a value of the label result.
func TestEveryCodeIsCounted(t *testing.T) {
	for code := range wording {
		if metrics.ResultOf(string(code)) == metrics.OtherResult {
			t.Errorf("%s is counted as (other)", code)
		}
	}
}

// Every error of a form has a reason of its own.
func TestFormErrors(t *testing.T) {
	given := map[Reason]error{}
	for _, err := range []error{
		transport.ErrContentType, transport.ErrQueryCredentials, transport.ErrTooLarge, transport.ErrCutOff,
		transport.ErrUnreadable, transport.ErrMalformed, transport.ErrDuplicate, transport.ErrTooMany,
	} {
		refusal := formError(new(transport.Form), err)
		if other := given[refusal.Reason]; other != nil || refusal.Reason == "" {
			t.Errorf("%v has the reason %q, as has %v", err, refusal.Reason, other)
		}
		given[refusal.Reason] = err
	}
}

// A request beyond the limits of the listener is answered as any other refusal, with
// when to ask again.
func TestOverloaded(t *testing.T) {
	for ofAddress, want := range map[bool]int{true: 429, false: 503} {
		w := httptest.NewRecorder()
		Overloaded(w, ofAddress)
		if w.Code != want || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"error":"`) {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
	}
}

// There is an endpoint at each path that a configuration serves.
func TestEveryPathHasAnEndpoint(t *testing.T) {
	routes := Public(Options{}).(*public).routes
	for _, path := range []string{
		active.TokenPath, active.IntrospectionPath, active.RevocationPath, active.JWKSPath, active.OpenIDPath, active.AuthorizationPath, active.ResourcePath,
	} {
		if routes[path].handler == nil || len(routes[path].methods) == 0 {
			t.Errorf("nothing answers at %s", path)
		}
	}
}
