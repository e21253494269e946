package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/oauth2"
)

// A story is what happens to the web app's tokens, told as it happens.
type story struct {
	app    *webapp
	users  *login
	api    string        // where it is served
	first  *oauth2.Token // what Alice's sign-in gave
	latest *oauth2.Token // what the last refresh gave
}

func (s *story) tell(ctx context.Context) error {
	for _, chapter := range []func(context.Context) error{
		s.signIn, s.expire, s.replay, s.disconnect, s.intrude, s.work,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *story) signIn(ctx context.Context) error {
	idToken, err := s.users.signIn("alice", "staff")
	if err != nil {
		return err
	}
	fmt.Println("1. Alice signs in. The web app gets an ID token from her provider:")
	fmt.Println("     id      ", claims(idToken))
	if s.first, err = s.exchangeEarly(ctx, idToken); err != nil {
		return err
	}
	fmt.Println("\n2. It trades this for an access token and, with the scope offline_access, a refresh token:")
	fmt.Println("     access  ", claims(s.first.AccessToken))
	fmt.Println("     refresh ", short(s.first.RefreshToken))
	fmt.Println("\n3. With the access token it calls the API:")
	return s.read(ctx, s.first)
}

// exchangeEarly gives the token server time to fetch the provider's keys. It does
// so in the background, and for keys it has not seen every half minute at most.
func (s *story) exchangeEarly(ctx context.Context, idToken string) (*oauth2.Token, error) {
	for start := time.Now(); ; {
		token, err := s.app.exchange(ctx, idToken)
		if _, refused := errors.AsType[*oauth2.RetrieveError](err); !refused || time.Since(start) > 40*time.Second {
			return token, err
		}
		if err := pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}

func (s *story) expire(ctx context.Context) (err error) {
	fmt.Println("\n4. Alice goes home. Once the access token has expired, the API says:")
	if err := pause(ctx, time.Until(s.first.Expiry)+time.Second); err != nil {
		return err
	}
	if err := s.read(ctx, s.first); err != nil {
		return err
	}
	fmt.Println("   The web app uses its refresh token, and gets the next one besides:")
	if s.latest, err = s.app.refresh(ctx, s.first.RefreshToken); err != nil {
		return err
	}
	fmt.Println("     refresh ", short(s.latest.RefreshToken))
	return s.read(ctx, s.latest)
}

func (s *story) replay(ctx context.Context) error {
	fmt.Println("\n5. A thief has a copy of the first refresh token, and uses it:")
	if err := s.refused(s.app.refresh(ctx, s.first.RefreshToken)); err != nil {
		return err
	}
	fmt.Println("   One token in two hands: the web app's own is refused now too. Alice has to sign in again:")
	return s.refused(s.app.refresh(ctx, s.latest.RefreshToken))
}

func (s *story) disconnect(ctx context.Context) error {
	fmt.Println("\n6. She does. Later she disconnects the web app, which revokes its refresh token:")
	token, err := s.exchange(ctx, "alice", "staff")
	if err != nil {
		return err
	}
	if err := s.app.signOut(ctx, token.RefreshToken); err != nil {
		return err
	}
	return s.refused(s.app.refresh(ctx, token.RefreshToken))
}

func (s *story) intrude(ctx context.Context) error {
	fmt.Println("\n7. Mallory signs in, who is not staff. The web app gets nothing for her:")
	return s.refused(s.exchange(ctx, "mallory", "guests"))
}

// work refreshes until it is refused. Anything else that goes wrong is a token
// server that is away for a moment.
func (s *story) work(ctx context.Context) (err error) {
	fmt.Println("\n8. Alice connects the web app again, and it works through the night:")
	if s.latest, err = s.exchange(ctx, "alice", "staff"); err != nil {
		return err
	}
	if err := s.read(ctx, s.latest); err != nil {
		return err
	}
	fmt.Println("   It refreshes every second until it is refused:")
	for {
		if err := pause(ctx, time.Second); err != nil {
			return err
		}
		next, err := s.app.refresh(ctx, s.latest.RefreshToken)
		if _, refused := errors.AsType[*oauth2.RetrieveError](err); refused {
			return s.refused(next, err)
		}
		if err == nil {
			s.latest = next
		}
	}
}

// exchange signs a user in and trades the ID token.
func (s *story) exchange(ctx context.Context, user string, groups ...string) (*oauth2.Token, error) {
	idToken, err := s.users.signIn(user, groups...)
	if err != nil {
		return nil, err
	}
	return s.app.exchange(ctx, idToken)
}

func (s *story) read(ctx context.Context, token *oauth2.Token) error {
	said, err := read(ctx, s.api, token)
	fmt.Println("    ", said)
	return err
}

// refused tells how the server refuses, and is unhappy when it does not.
func (s *story) refused(token *oauth2.Token, err error) error {
	if refusal, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		fmt.Printf("     %d %s\n", refusal.Response.StatusCode, refusal.ErrorCode)
		return nil
	}
	if err == nil {
		return fmt.Errorf("the server answers with a token: %v", claims(token.AccessToken))
	}
	return err
}

// claims are what a token says, less what is different each time. They are only
// looked at: it is the API that verifies.
func claims(token string) string {
	said := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(token, said); err != nil {
		return err.Error()
	}
	for _, name := range []string{"iat", "exp", "jti"} {
		delete(said, name)
	}
	text, _ := json.Marshal(said) // of what was JSON
	return string(text)
}

// short is as much of a secret as can be shown.
func short(secret string) string { return "..." + secret[max(0, len(secret)-6):] }

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
