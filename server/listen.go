package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/writ-auth/writ/server/internal/endpoint"
	"github.com/writ-auth/writ/server/internal/transport"
	"github.com/writ-auth/writ/server/remedy"
)

// Listeners are what a server answers on. Admin may be nil.
type Listeners = transport.Listeners

// listening describes the listeners for /status.
func listening(l Listeners) *[]endpoint.Listener {
	all := []endpoint.Listener{{Name: "public", Address: Address(l.Public), TLS: l.TLS != nil}}
	if l.Admin != nil {
		all = append(all, endpoint.Listener{Name: "admin", Address: Address(l.Admin)})
	}
	return &all
}

// Address is where a listener listens, as "tcp:127.0.0.1:8080" or "unix:/path".
func Address(l net.Listener) string { return l.Addr().Network() + ":" + l.Addr().String() }

// socketMode lets the owner and the group of a unix socket connect.
const socketMode = 0o660

// Listen opens an address: "host:port", or "unix:/path" for a socket. A socket
// left behind by a process that is gone is replaced. An error says what mends it.
func Listen(address string) (net.Listener, error) {
	var l net.Listener
	var err error
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		l, err = listenUnix(path)
	} else {
		l, err = net.Listen("tcp", address)
	}
	if err != nil {
		return nil, listenError(address, err)
	}
	return l, nil
}

// listenError names the address once, where the standard library would repeat it.
func listenError(address string, err error) error {
	failed, ok := errors.AsType[*net.OpError](err)
	if ok && failed.Err != nil {
		err = failed.Err
	}
	err = fmt.Errorf("listen on %q: %w", address, err)
	_, port, _ := net.SplitHostPort(address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return remedy.With(err, fmt.Sprintf("another process has the port, which ss -ltnp 'sport = :%s' shows: end it, or give writd another address", port))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return remedy.With(err, "no interface of this machine has the address: ip address shows those that there are")
	case errors.Is(err, syscall.EACCES) && port != "":
		return remedy.With(err, "a port below 1024 needs a privilege: take a higher one, or let systemd open the socket (examples/systemd)")
	}
	return err
}

// Loopback reports whether only this machine can reach an address: a unix
// socket, localhost or a loopback IP.
func Loopback(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// listenUnix makes the socket and gives it socketMode. It is bound before its mode is set, so
// that for a moment the process's umask decides who can connect.
func listenUnix(path string) (net.Listener, error) {
	if err := removeStale(path); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// removeStale removes a socket that nobody answers on, and nothing else.
func removeStale(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return errors.New("the file there is not a socket")
	}
	conn, err := net.Dial("unix", path)
	if err == nil {
		conn.Close()
		return errors.New("another process answers there")
	}
	return os.Remove(path)
}

// A Certificate is the server's own TLS certificate, which may be replaced
// while it is in use.
type Certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// LoadCertificate reads a PEM certificate chain and its key.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	return c, c.Reload()
}

// Reload reads the files anew. After an error the last good pair stays.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("TLS certificate %q: %w", c.certFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// NotAfter is when the certificate in use expires.
func (c *Certificate) NotAfter() time.Time { return c.current.Load().Leaf.NotAfter }

// Config serves the certificate over TLS 1.3.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS13,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.current.Load(), nil
		},
	}
}
