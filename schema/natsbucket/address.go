// Package natsbucket works on buckets of NATS JetStream: how addresses name them, how
// servers are connected to and logged in at, what a bucket must be like to be
// trusted with what it acknowledges, and how a call is repeated until its time is up.
//
// A Client is for a key-value bucket that is small and must not forget. It makes the
// bucket where there is none, refuses one that can forget, and reads from the server
// that leads it. What stands in the bucket is for its users to say: package natskv
// keeps used assertions and refresh tokens, package natskeys signing keys, and package
// location, which has calls of its own, snapshots.
//
// No error and no log line shows a credential of an address.
package natsbucket

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The schemes of an address. SchemeTLS demands TLS.
const (
	SchemeNATS = "nats"
	SchemeTLS  = "tls"
)

// What an address says when it does not say otherwise.
const (
	DefaultReplicas = 3
	defaultTimeout  = 1500 * time.Millisecond
)

// Servers are the servers of one NATS system, and the user of an address. They are
// printed without the user.
type Servers struct {
	urls []string      // with scheme and without user; at least one
	user *url.Userinfo // nil without one
}

// String returns the servers as a log may have them.
func (s Servers) String() string { return strings.Join(s.urls, ",") }

// ParseServers reads [USER[:PASSWORD]@]HOST[:PORT],HOST[:PORT]... A user without a
// password is a token.
func ParseServers(scheme, hosts string) (Servers, error) {
	var s Servers
	for i, host := range strings.Split(hosts, ",") {
		u, err := url.Parse(scheme + "://" + strings.TrimPrefix(host, scheme+"://"))
		switch {
		case err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
			return Servers{}, fmt.Errorf("server %d of the address is not HOST or HOST:PORT", i+1)
		case u.User != nil && i > 0:
			return Servers{}, errors.New("user and password are for the first server of the address")
		case i == 0:
			s.user = u.User
		}
		s.urls = append(s.urls, scheme+"://"+u.Host)
	}
	return s, nil
}

// An Address is where a key-value bucket is. It is printed without its credentials.
type Address struct {
	Servers
	Bucket   string
	Replicas int           // of a bucket that does not exist yet
	Timeout  time.Duration // of one call
}

// String returns the address as a log may have it.
func (a Address) String() string { return a.Servers.String() + "?bucket=" + a.Bucket }

// Stream returns the name of the stream under the bucket, as every client of NATS names it.
func (a Address) Stream() string { return "KV_" + a.Bucket }

// Subject returns the subject of the messages of one key in the bucket.
func (a Address) Subject(key string) string { return "$KV." + a.Bucket + "." + key }

var bucketName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckName refuses what is no name of a bucket: a subset of the names that NATS allows, and
// short enough for "-fleet" and the like behind it.
func CheckName(name string) error {
	if !bucketName.MatchString(name) {
		return fmt.Errorf("bucket %q is not 1 to 64 letters, digits, - and _", name)
	}
	return nil
}

// ParseReplicas reads on how many servers a bucket is to be kept; NATS has at most five.
func ParseReplicas(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || !slices.Contains([]int{1, 2, 3, 4, 5}, n) {
		return 0, fmt.Errorf("replicas %q is not between 1 and 5", text)
	}
	return n, nil
}

// IsAddress reports whether a text is meant to be the address of servers.
func IsAddress(text string) bool {
	scheme, _, found := strings.Cut(text, "://")
	return found && (scheme == SchemeNATS || scheme == SchemeTLS)
}

// Parse reads nats://HOST[:PORT],...?bucket=NAME&replicas=3&timeout=1500ms, with the
// name of the bucket where the address has none. Its errors quote nothing that may be
// a credential.
func Parse(text, bucket string) (Address, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	if !IsAddress(text) {
		return Address{}, errors.New("the address begins with nats:// or tls://")
	}
	hosts, query, _ := strings.Cut(rest, "?")
	servers, err := ParseServers(scheme, strings.TrimSuffix(hosts, "/"))
	if err != nil {
		return Address{}, err
	}
	a := Address{Servers: servers, Bucket: bucket, Replicas: DefaultReplicas, Timeout: defaultTimeout}
	return a, a.parameters(query)
}

// parameters sets what the query of an address says. An unknown parameter is an error: a
// misspelled "replicas" would otherwise make a bucket that is not as safe as its owner thinks.
func (a *Address) parameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the parameters of the address are not name=value with & between them")
	}
	for name, all := range values {
		if len(all) > 1 {
			return fmt.Errorf("parameter %q of the address is given twice", name)
		}
		if err := a.parameter(name, all[0]); err != nil {
			return err
		}
	}
	return nil
}

func (a *Address) parameter(name, value string) (err error) {
	switch name {
	case "bucket":
		a.Bucket, err = value, CheckName(value)
	case "replicas":
		a.Replicas, err = ParseReplicas(value)
	case "timeout":
		if a.Timeout, err = time.ParseDuration(value); err != nil || a.Timeout < 100*time.Millisecond || a.Timeout > 30*time.Second {
			err = fmt.Errorf("timeout %q is not between 100ms and 30s", value)
		}
	default:
		err = fmt.Errorf("parameter %q of the address is not one of bucket, replicas, timeout", name)
	}
	return err
}
