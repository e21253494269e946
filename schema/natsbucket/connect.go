package natsbucket

import (
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/nats-io/nats.go"
)

// A Login is how a client shows who it is and knows the servers, beside the user of
// the address. All are names of files, which are read anew at every connect.
type Login struct {
	Credentials string // a user's JWT and seed; none when empty
	CA          string // PEM file of the only CAs for the servers, which must then speak TLS; the system's when empty
	Certificate string // PEM file of this client's chain; none when empty
	PrivateKey  string // PEM file of its key
}

// Connect starts a connection that is there as soon as a server is, and comes back
// whenever it is lost. Only what time does not mend is an error. Nothing that is sent
// without a connection waits for one: its sender was told that it failed.
func (s Servers) Connect(login Login, more ...nats.Option) (*nats.Conn, error) {
	options := append([]nats.Option{
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(), // credentials are renewed while the server refuses them
		nats.ReconnectBufSize(-1),
	}, more...)
	if strings.HasPrefix(s.urls[0], SchemeTLS+":") {
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	if s.user != nil {
		if password, ok := s.user.Password(); ok {
			options = append(options, nats.UserInfo(s.user.Username(), password))
		} else {
			options = append(options, nats.Token(s.user.Username()))
		}
	}
	files, err := login.options()
	if err != nil {
		return nil, err
	}
	return nats.Connect(strings.Join(s.urls, ","), append(options, files...)...)
}

// options reads every file once, so that a wrong name is told at the start.
func (l Login) options() (options []nats.Option, err error) {
	for _, path := range []string{l.Credentials, l.CA, l.Certificate, l.PrivateKey} {
		if path == "" {
			continue
		}
		if _, err := os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if (l.Certificate == "") != (l.PrivateKey == "") {
		return nil, errors.New("certificate and private key go together")
	}
	if l.Credentials != "" {
		options = append(options, nats.UserCredentials(l.Credentials))
	}
	if l.CA != "" {
		options = append(options, nats.RootCAs(l.CA))
	}
	if l.Certificate != "" {
		options = append(options, nats.ClientCert(l.Certificate, l.PrivateKey))
	}
	return options, nil
}

// CheckVersion refuses servers before 2.11: they do not remove single messages by their
// age, and the project is not tested with them. A version that cannot be read passes.
func CheckVersion(version string) error {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) == 3 {
		major, err1 := strconv.Atoi(parts[0])
		minor, err2 := strconv.Atoi(parts[1])
		if err1 == nil && err2 == nil && (major < 2 || major == 2 && minor < 11) {
			return fmt.Errorf("the server is NATS %s: 2.11 or newer is needed", version)
		}
	}
	return nil
}
