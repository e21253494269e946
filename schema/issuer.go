package schema

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// CheckIssuer reports why s cannot be an issuer URL (RFC 8414 section 2):
// absolute https, http for loopback hosts only, no query, no fragment, no user
// information. The URL is compared byte for byte wherever tokens are checked.
func CheckIssuer(s string) error {
	if strings.ContainsAny(s, "?#") {
		return fmt.Errorf("issuer url %q has a query or a fragment: leave it out", s)
	}
	return checkHTTPURL("issuer url", s)
}

// CheckJWKSURI reports why the server cannot fetch keys from s: https, or http
// from a loopback host.
func CheckJWKSURI(s string) error {
	if strings.Contains(s, "#") {
		return fmt.Errorf("jwks_uri %q has a fragment: leave it out", s)
	}
	return checkHTTPURL("jwks_uri", s)
}

// checkHTTPURL refuses a URL that is not absolute https. Plain http is allowed for loopback
// hosts, where nobody else reads it.
func checkHTTPURL(what, s string) error {
	if s == "" || len(s) > MaxIdentifier {
		return fmt.Errorf("%s has %d bytes: it must have 1 to %d", what, len(s), MaxIdentifier)
	}
	if err := checkURLBytes(what, s); err != nil {
		return err
	}
	u, err := url.Parse(s)
	if err != nil {
		return fmt.Errorf("%s is not a URL: write one like \"https://auth.example.com/\"", what)
	}
	if u.User != nil {
		return errors.New(what + " has a user name or password before its host: leave out everything up to the @")
	}
	if scheme, _ := splitScheme(s); scheme != "https" && scheme != "http" || u.Hostname() == "" {
		return fmt.Errorf("%s %q is not absolute: write it like \"https://auth.example.com/\", scheme in lower case", what, s)
	}
	if u.Scheme == "http" && !IsLoopback(u.Hostname()) {
		return fmt.Errorf("%s %q is not https: plain http is for loopback hosts only, such as \"http://localhost:8080/\"", what, s)
	}
	return nil
}

// IsLoopback reports whether a host name or address is this machine's own.
func IsLoopback(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr.IsLoopback()
	}
	host = strings.ToLower(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
