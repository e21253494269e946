package location

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/writ-auth/writ/schema/natsbucket"
)

// The schemes of addresses. A file has none.
const (
	schemeFile  = ""
	schemeHTTPS = "https"
	schemeHTTP  = "http" // loopback only
	schemeOCI   = "oci"
	schemeNATS  = natsbucket.SchemeNATS
	schemeTLS   = natsbucket.SchemeTLS
)

// An Address names a location:
//
//	FILE
//	https://HOST/PATH                                 http for loopback only
//	oci://REGISTRY/REPOSITORY[:TAG]                   TAG moves; "latest" without one
//	nats://HOST[:PORT],.../BUCKET/NAME[?replicas=3]   tls:// demands TLS
//
// It is printed without the parts that may hold a credential: of a web server only the host
// is shown, since a path or query may be a presigned URL's; of NATS the servers, bucket and
// name. The zero Address names nothing.
type Address struct {
	scheme string
	path   string   // of a file
	url    *url.URL // of a web server

	registry, repository, tag string

	servers      natsbucket.Servers // of NATS
	bucket, name string             // name is "" in the address that a Roster of a store has
	replicas     int                // for a bucket that Put has to make
}

// Parse reads an address. Its errors quote nothing that may be a credential. It asks no
// server: that the host or the folder exists is found out by the first call.
func Parse(text string) (Address, error) {
	scheme, rest, isURL := strings.Cut(text, "://")
	switch {
	case text == "":
		return Address{}, errors.New("the address of a snapshot is empty")
	case strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return Address{}, errors.New("the address of a snapshot has control characters")
	case !isURL:
		return Address{scheme: schemeFile, path: text}, nil
	}
	a := Address{scheme: scheme}
	switch scheme {
	case schemeHTTPS, schemeHTTP:
		return a, a.parseWeb(text)
	case schemeOCI:
		return a, a.parseRegistry(rest)
	case schemeNATS, schemeTLS:
		return a, a.parseBucket(rest)
	case "file":
		return Address{}, errors.New("a snapshot in a file is named by its path, without file://")
	}
	return Address{}, errors.New("the address of a snapshot is a FILE or begins with https://, oci:// or nats://")
}

// IsFile reports whether the address is a file's, and returns its path.
func (a Address) IsFile() (path string, ok bool) {
	return a.path, a.scheme == schemeFile && a.path != ""
}

// Scheme returns what the address begins with: "https", "http", "oci", "nats", "tls", or
// "" for a file.
func (a Address) Scheme() string { return a.scheme }

// Writable reports whether Put can work at all. To a web server it answers ErrReadOnly.
func (a Address) Writable() bool { return a.scheme != schemeHTTPS && a.scheme != schemeHTTP }

// String returns the address as a log may have it.
func (a Address) String() string {
	switch a.scheme {
	case schemeHTTPS, schemeHTTP:
		return a.scheme + "://" + a.url.Host + "/..."
	case schemeOCI:
		return "oci://" + a.registry + "/" + a.repository + ":" + a.tag
	case schemeNATS, schemeTLS:
		text := a.servers.String() + "/" + a.bucket
		if a.name != "" { // a bucket of a store has none
			text += "/" + a.name
		}
		if a.replicas != natsbucket.DefaultReplicas {
			text += "?replicas=" + strconv.Itoa(a.replicas)
		}
		return text
	}
	return strconv.Quote(filepath.ToSlash(a.path))
}

// parseWeb sets url. The fragment is dropped, since it is not sent to a server.
func (a *Address) parseWeb(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return errors.New("the address of a snapshot is not https://HOST/PATH")
	}
	if a.scheme == schemeHTTP && !isLoopback(u.Hostname()) {
		return fmt.Errorf("plain http to %q: it is for loopback addresses only", u.Host)
	}
	u.Fragment, u.RawFragment = "", ""
	a.url = u
	return nil
}

// isLoopback reports whether a host name or address is this machine's own. The names below
// "localhost" are (RFC 6761 section 6.3).
func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// maxTag is how long a moving tag may be. The OCI distribution specification allows 128
// characters; the rest is for the "-SERIAL" of the permanent tags.
const maxTag = 100

var (
	repositoryName = regexp.MustCompile(`^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`)
	tagName        = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]*$`)
)

// parseRegistry sets registry, repository and tag. rest is what follows "oci://". The names
// are checked here so that a typing error is told with the address, and not as a 404.
func (a *Address) parseRegistry(rest string) error {
	registry, path, _ := strings.Cut(rest, "/")
	switch {
	case strings.Contains(registry, "@"):
		return errors.New("the address of a registry has no user and password: they come from Docker's config.json, which \"docker login\" writes")
	case strings.Contains(path, "@"):
		return errors.New("an address of oci:// names a tag, not a digest: a location is where the next snapshot will be")
	}
	a.registry, a.tag = registry, "latest"
	a.repository = path
	if repository, tag, ok := strings.Cut(path, ":"); ok {
		a.repository, a.tag = repository, tag
	}
	u, err := url.Parse("https://" + registry)
	switch {
	case err != nil || u.Host == "" || u.Host != registry:
		return errors.New("the address of a snapshot is not oci://REGISTRY/REPOSITORY[:TAG], as in oci://ghcr.io/acme/writ:prod")
	case !repositoryName.MatchString(a.repository) || len(a.repository) > 255:
		return fmt.Errorf("%q is no repository: it has lower-case letters and digits, with single separators . _ - / between them", a.repository)
	case !tagName.MatchString(a.tag) || len(a.tag) > maxTag:
		return fmt.Errorf("%q is no tag: it has 1 to %d letters, digits, _, . and -", a.tag, maxTag)
	}
	return nil
}

// entryName is the syntax of a key in a bucket that is at the same time one subject of NATS
// without wildcards or empty tokens.
var entryName = regexp.MustCompile(`^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$`)

// parseBucket sets servers, bucket, name and replicas. rest is what follows "nats://".
func (a *Address) parseBucket(rest string) error {
	rest, query, _ := strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	bucket, name, ok := strings.Cut(path, "/")
	if !ok || hosts == "" {
		return errors.New("the address of a snapshot is not nats://HOST[:PORT],.../BUCKET/NAME")
	}
	var err error
	if a.servers, err = natsbucket.ParseServers(a.scheme, hosts); err != nil {
		return err
	}
	a.bucket = bucket
	if err := natsbucket.CheckName(bucket); err != nil {
		return err
	}
	if a.name = name; !entryName.MatchString(name) || len(name) > 64 {
		return fmt.Errorf("name %q in the bucket is not 1 to 64 letters, digits, -, _ and single dots between them", name)
	}
	return a.parseReplicas(query)
}

func (a *Address) parseReplicas(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the parameters of the address are not name=value with & between them")
	}
	a.replicas = natsbucket.DefaultReplicas
	for name, all := range values {
		if name != "replicas" || len(all) > 1 {
			return errors.New("the address of a snapshot in NATS has one parameter: replicas")
		}
		if a.replicas, err = natsbucket.ParseReplicas(all[0]); err != nil {
			return err
		}
	}
	return nil
}
