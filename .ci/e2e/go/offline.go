package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/client/rp"
	"github.com/zitadel/oidc/v3/pkg/client/tokenexchange"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"
)

// offline trades the ID token on standard input for access to an API, refreshes
// it and gives it back, as a relying party with the library.
func (v visitor) offline(ctx context.Context, audience string) error {
	idToken, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	exchanger, err := tokenexchange.NewTokenExchangerClientCredentials(ctx, v.issuer, v.id, v.secret)
	if err != nil {
		return err
	}
	granted, err := tokenexchange.ExchangeToken(ctx, exchanger, strings.TrimSpace(string(idToken)), oidc.IDTokenType, "", "",
		nil, []string{audience}, []string{"read:notes", oidc.ScopeOfflineAccess}, oidc.AccessTokenType)
	if err != nil {
		return err
	}
	if granted.IssuedTokenType != oidc.AccessTokenType || granted.Scopes.String() != "read:notes" || granted.RefreshToken == "" {
		return fmt.Errorf("issued type %q, scope %q, refresh token %q", granted.IssuedTokenType, granted.Scopes, granted.RefreshToken)
	}
	party, err := rp.NewRelyingPartyOIDC(ctx, v.issuer, v.id, v.secret, "", nil, rp.WithAuthStyle(oauth2.AuthStyleInHeader))
	if err != nil {
		return err
	}
	return v.refreshes(ctx, party, granted.RefreshToken)
}

func (v visitor) refreshes(ctx context.Context, party rp.RelyingParty, token string) error {
	for range 3 {
		next, err := rp.RefreshTokens[*oidc.IDTokenClaims](ctx, party, token, "", "")
		if err != nil {
			return err
		}
		if next.RefreshToken == token || next.AccessToken == "" {
			return errors.New("the refresh token stays the same")
		}
		token = next.RefreshToken
	}
	if err := rp.RevokeToken(ctx, party, token, "refresh_token"); err != nil {
		return err
	}
	_, err := rp.RefreshTokens[*oidc.IDTokenClaims](ctx, party, token, "", "")
	if retrieve, ok := errors.AsType[*oauth2.RetrieveError](err); ok && retrieve.ErrorCode == "invalid_grant" {
		return nil
	}
	if refused, ok := errors.AsType[*oidc.Error](err); ok && refused.ErrorType == oidc.InvalidGrant {
		return nil
	}
	return fmt.Errorf("after the revocation: %w", err)
}
