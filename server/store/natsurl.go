//go:build nats

package store

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

// What an URL of NATS says when it does not say otherwise.
const (
	defaultBucket   = "writ"
	defaultReplicas = 3
	defaultTimeout  = 1500 * time.Millisecond
)

// A natsAddress is where a bucket is. It is printed without its credentials.
type natsAddress struct {
	servers  []string
	user     *url.Userinfo // nil without one
	bucket   string
	replicas int           // of a bucket that does not exist yet
	timeout  time.Duration // of one call
}

// String returns the address as a log may have it.
func (a natsAddress) String() string { return strings.Join(a.servers, ",") + "?bucket=" + a.bucket }

func (a natsAddress) stream() string { return "KV_" + a.bucket }

func (a natsAddress) subject(key Key) string { return "$KV." + a.bucket + "." + key.String() }

var bucketName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// parseNATS reads scheme://[user[:password]@]host[:port][,host[:port]]...[?query].
// Its errors quote nothing that may be a credential.
func parseNATS(text string) (natsAddress, error) {
	scheme, rest, _ := strings.Cut(text, "://")
	if scheme != "nats" && scheme != "tls" {
		return natsAddress{}, errors.New("the address of a store begins with nats:// or tls://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	a := natsAddress{bucket: defaultBucket, replicas: defaultReplicas, timeout: defaultTimeout}
	for i, host := range strings.Split(strings.TrimSuffix(rest, "/"), ",") {
		u, err := url.Parse(scheme + "://" + strings.TrimPrefix(host, scheme+"://"))
		switch {
		case err != nil || u.Hostname() == "" || u.Path != "" || u.Fragment != "":
			return natsAddress{}, fmt.Errorf("server %d of the store's address is not host or host:port", i+1)
		case u.User != nil && i > 0:
			return natsAddress{}, errors.New("user and password stand before the first server of the store's address")
		case i == 0:
			a.user = u.User
		}
		a.servers = append(a.servers, scheme+"://"+u.Host)
	}
	return a, a.parameters(query)
}

func (a *natsAddress) parameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("the parameters of the store's address are not name=value with & between them")
	}
	for name, all := range values {
		if len(all) > 1 {
			return fmt.Errorf("parameter %q of the store's address is given twice", name)
		}
		if err := a.parameter(name, all[0]); err != nil {
			return err
		}
	}
	return nil
}

func (a *natsAddress) parameter(name, value string) (err error) {
	switch name {
	case "bucket":
		if a.bucket = value; !bucketName.MatchString(value) {
			return fmt.Errorf("bucket %q of the store is not 1 to 64 letters, digits, - and _", value)
		}
	case "replicas":
		if a.replicas, err = strconv.Atoi(value); err != nil || !slices.Contains([]int{1, 2, 3, 4, 5}, a.replicas) {
			return fmt.Errorf("replicas %q of the store is not between 1 and 5", value)
		}
	case "timeout":
		if a.timeout, err = time.ParseDuration(value); err != nil || a.timeout < 100*time.Millisecond || a.timeout > 30*time.Second {
			return fmt.Errorf("timeout %q of the store is not between 100ms and 30s", value)
		}
	default:
		return fmt.Errorf("parameter %q of the store's address is not one of bucket, replicas, timeout", name)
	}
	return nil
}
