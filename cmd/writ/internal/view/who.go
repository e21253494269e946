package view

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/compiler"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
)

// "writ who" in words and as JSON. Credentials are named and never shown.

// A Who prints who has access at a time, given in Unix seconds, in one format.
type Who interface {
	Render(w io.Writer, at int64, list []compiler.Access) error
}

// WhoOf is the view for the command's output format.
func WhoOf(env *cli.Env) Who {
	if env.JSON {
		return whoJSON{}
	}
	return whoText{env}
}

// whoText is for people. Everything that an author wrote is printed on one line.
type whoText struct{ env *cli.Env }

// Render writes a line for each right, and below it a line for each credential by which
// the client can use it. The last line counts clients and names the time.
func (v whoText) Render(w io.Writer, at int64, list []compiler.Access) error {
	var text strings.Builder
	clients := map[string]bool{}
	for i := range list {
		a := &list[i]
		clients[a.Client.Label] = true
		client := v.env.Paint(cli.Bold, diag.OneLine(compiler.Address(compiler.KindClient, a.Client.Label)))
		fmt.Fprintf(&text, "%s%s: %s on %s%s%s\n", client, idUnlessLabel(a.Client), whoScopes(a),
			diag.OneLine(compiler.Address(compiler.KindAPI, a.API.Label)), whoRemark(a), places([]hcl.Range{a.Range}))
		for _, c := range a.Credentials {
			fmt.Fprintf(&text, "    by %s%s\n", credentialText(&c.Credential), places([]hcl.Range{c.Range}))
		}
	}
	switch {
	// The time is part of the answer: access that begins or ends makes it another one tomorrow.
	case len(list) > 0:
		fmt.Fprintf(&text, "\n%s at %s.\n", schema.Plural(len(clients), "client"), schema.FormatTime(at))
	default:
		fmt.Fprintf(&text, "Nobody at %s.\n", schema.FormatTime(at))
	}
	_, err := io.WriteString(w, text.String())
	return err
}

// idUnlessLabel is the client_id in brackets, "" where it is the label and would be said twice.
func idUnlessLabel(c *schema.Client) string {
	if c.ClientID == c.Label {
		return ""
	}
	return fmt.Sprintf(" (%s)", diag.OneLine(c.ClientID))
}

// whoScopes lists the scopes of a right; those that the API declares sensitive are marked.
func whoScopes(a *compiler.Access) string {
	if len(a.Authorization.Scopes) == 0 {
		return scopeList(nil)
	}
	names := make([]string, len(a.Authorization.Scopes))
	for i, name := range a.Authorization.Scopes {
		names[i] = diag.OneLine(name)
		if slices.ContainsFunc(a.API.Scopes, func(s schema.Scope) bool { return s.Name == name && s.Sensitive }) {
			names[i] += " (sensitive)"
		}
	}
	return strings.Join(names, " ")
}

// whoRemark says on whose behalf and until when, "" for a client itself without end.
func whoRemark(a *compiler.Access) string {
	text := ""
	if len(a.Users) > 0 {
		text = ", on behalf of users of " + diag.OneLine(strings.Join(a.Users, ", "))
		if a.Authorization.SubjectClaims != "" {
			text += " whose token says " + diag.OneLine(a.Authorization.SubjectClaims)
		}
	}
	if a.Until != 0 {
		text += ", until " + rfc3339(a.Until)
	}
	return text
}

// credentialText names a credential: its kind and label, of a federated one whose tokens it
// is, and until when it is valid. What would prove it is not printed.
func credentialText(c *schema.Credential) string {
	text := fmt.Sprintf("%s %q", c.Block.Type, c.Label)
	if f, ok := c.Of.(*schema.Federated); ok {
		text = fmt.Sprintf("federated %q: %s of trusted_issuer.%s", f.Label, f.Subject+f.SubjectPattern, f.TrustedIssuer)
		if f.Claims != "" {
			text += " whose token says " + f.Claims
		}
	}
	if c.Window.ExpiresAt != 0 {
		text += ", until " + rfc3339(c.Window.ExpiresAt)
	}
	return diag.OneLine(text)
}

// whoJSON is for machines.
type whoJSON struct{}

// What "writ who --json" prints. Members are only ever added.
type (
	whoReportJSON struct {
		FormatVersion string       `json:"format_version"`
		At            string       `json:"at"`
		Access        []accessJSON `json:"access"`
	}
	accessJSON struct {
		Client        string                 `json:"client"` // label
		ClientID      string                 `json:"client_id"`
		API           string                 `json:"api"` // label
		Identifier    string                 `json:"identifier"`
		SubjectType   schema.SubjectType     `json:"subject_type"`
		Users         []string               `json:"users,omitempty"` // labels of the trusted issuers that name them
		Scopes        []string               `json:"scopes"`
		Authorization string                 `json:"authorization"` // label
		Until         *string                `json:"until"`         // RFC 3339; null for no end
		Credentials   []accessCredentialJSON `json:"credentials"`
		Range         diag.ReportRange       `json:"range"` // of the authorization
	}
	accessCredentialJSON struct {
		Kind      string  `json:"kind"`
		Label     string  `json:"label"`
		NotBefore *string `json:"not_before"`
		ExpiresAt *string `json:"expires_at"`
		// Of kind federated: a token of this issuer with this subject, or one that
		// matches the pattern, and with these claims.
		TrustedIssuer  string           `json:"trusted_issuer,omitempty"` // label
		Subject        string           `json:"subject,omitempty"`
		SubjectPattern string           `json:"subject_pattern,omitempty"`
		Claims         json.RawMessage  `json:"claims,omitempty"`
		Range          diag.ReportRange `json:"range"`
	}
)

// Render writes the access as JSON; lists are never null.
func (whoJSON) Render(w io.Writer, at int64, list []compiler.Access) error {
	out := whoReportJSON{FormatVersion: "1", At: schema.FormatTime(at), Access: []accessJSON{}}
	for i := range list {
		a := &list[i]
		row := accessJSON{
			Client: a.Client.Label, ClientID: a.Client.ClientID, API: a.API.Label, Identifier: a.API.Identifier,
			SubjectType: a.Authorization.SubjectType, Users: a.Users, Scopes: emptyList(a.Authorization.Scopes),
			Authorization: a.Authorization.Label, Until: timeOrNull(a.Until), Credentials: []accessCredentialJSON{}, Range: diag.ReportRangeOf(a.Range),
		}
		for _, c := range a.Credentials {
			credential := accessCredentialJSON{
				Kind: c.Block.Type, Label: c.Label, NotBefore: timeOrNull(c.Window.NotBefore), ExpiresAt: timeOrNull(c.Window.ExpiresAt),
				Range: diag.ReportRangeOf(c.Range),
			}
			if f, ok := c.Of.(*schema.Federated); ok {
				credential.TrustedIssuer, credential.Subject, credential.SubjectPattern = f.TrustedIssuer, f.Subject, f.SubjectPattern
				credential.Claims = json.RawMessage(f.Claims)
			}
			row.Credentials = append(row.Credentials, credential)
		}
		out.Access = append(out.Access, row)
	}
	return cli.WriteJSON(w, out)
}

// timeOrNull is a time as JSON has it, RFC 3339 in UTC, null for 0.
func timeOrNull(unix int64) *string {
	if unix == 0 {
		return nil
	}
	text := schema.FormatTime(unix)
	return &text
}
