package clientauth

import (
	"fmt"
	"net/url"
	"strings"
)

// A Target is the public URL of a resource, without query and fragment, as a
// DPoP proof's htu claim must name it (RFC 9449 section 4.3). It is made from
// configuration and never from a request's Host, which the caller chooses.
type Target struct{ normal string }

// NewTarget returns the target of an absolute http or https URL.
func NewTarget(publicURL string) (Target, error) {
	normal, ok := normalizeURL(publicURL)
	if !ok {
		return Target{}, fmt.Errorf("target %q is not an absolute http or https URL", publicURL)
	}
	return Target{normal: normal}, nil
}

// matches reports whether an htu claim names the target after normalisation by
// syntax and scheme (RFC 3986 sections 6.2.2 and 6.2.3), any query and fragment
// left aside. The zero Target matches nothing.
func (t Target) matches(htu string) bool {
	normal, ok := normalizeURL(htu)
	return ok && t.normal != "" && normal == t.normal
}

// normalizeURL drops query and fragment, folds the case of scheme and host,
// drops the port that the scheme implies, and normalises the path. It refuses
// what two readers may understand differently: user information, characters
// that are no URI's, an escape in the host.
func normalizeURL(s string) (normal string, ok bool) {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte("\\\"<>^`{|}", s[i]) >= 0 {
			return "", false
		}
	}
	s, _, _ = strings.Cut(s, "#")
	s, _, _ = strings.Cut(s, "?")
	_, rest, _ := strings.Cut(s, "//")
	if authority, _, _ := strings.Cut(rest, "/"); strings.Contains(authority, "%") {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil || u.Opaque != "" || u.User != nil {
		return "", false
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme { // lower case since Parse
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	if host = strings.TrimSuffix(host, ":"); host == "" || host[0] == ':' {
		return "", false
	}
	path := removeDotSegments(unescapeUnreserved(u.EscapedPath()))
	if path == "" {
		path = "/"
	}
	return u.Scheme + "://" + host + path, true
}

// unescapeUnreserved decodes the escapes of letters, digits, "-", ".", "_" and
// "~", and writes the others with capital digits (RFC 3986 sections 6.2.2.1
// and 6.2.2.2). Every "%" has two digits behind it since url.Parse.
func unescapeUnreserved(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b.WriteByte(path[i])
			continue
		}
		escape := strings.ToUpper(path[i : i+3])
		if c, err := url.PathUnescape(escape); err == nil && isUnreserved(c[0]) {
			b.WriteByte(c[0])
		} else {
			b.WriteString(escape)
		}
		i += 2
	}
	return b.String()
}

func isUnreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0
}

// removeDotSegments resolves "." and ".." in an absolute or empty path (RFC 3986
// section 5.2.4). Unlike path.Clean it keeps empty segments and a slash at the
// end.
func removeDotSegments(path string) string {
	if !strings.Contains(path, "/.") {
		return path
	}
	var out []string
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		if segment == ".." && len(out) > 0 {
			out = out[:len(out)-1]
		}
		switch {
		case segment != "." && segment != "..":
			out = append(out, segment)
		case last:
			out = append(out, "")
		}
	}
	return "/" + strings.Join(out, "/")
}
