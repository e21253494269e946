package natskv

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/writ-auth/writ/server/remedy"
)

// How the connection notices that a server is gone and looks for the next.
const (
	dialTimeout   = time.Second
	pingInterval  = 2 * time.Second
	lostPings     = 2
	reconnectWait = 250 * time.Millisecond
)

// storeDown is what to do when the servers do not answer, or not as they should.
const storeDown = "see that the servers of --store run, reach each other and take this client's login; writd connects by itself: " +
	remedy.Runbooks + "store-down"

const maxTroubles = 16 // in the log until the store works again

// connect starts the connection. It fails on what time does not mend.
func (n *Store) connect() (err error) {
	options, err := n.connection()
	if err != nil {
		return err
	}
	if n.conn, err = nats.Connect(strings.Join(n.address.servers, ","), options...); err != nil {
		return err
	}
	n.js, err = jetstream.New(n.conn)
	return err
}

func (n *Store) connection() ([]nats.Option, error) {
	options := []nats.Option{
		nats.Name("writd"),
		nats.Timeout(dialTimeout),
		nats.FlusherTimeout(n.address.timeout), // else a stalled socket holds every call for a minute
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(lostPings),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(), // credentials are renewed while the server refuses them
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.ReconnectBufSize(-1), // nothing is sent minutes after its caller was told that it failed
		nats.ConnectHandler(n.connected),
		nats.ReconnectHandler(n.connected),
		nats.DisconnectErrHandler(n.disconnected),
		nats.ReconnectErrHandler(n.troubled),
		nats.ErrorHandler(func(c *nats.Conn, _ *nats.Subscription, err error) { n.troubled(c, err) }),
	}
	if strings.HasPrefix(n.address.servers[0], "tls:") {
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	options = append(options, n.login()...)
	return n.files(options)
}

// login takes user and password, or a token, from the address.
func (n *Store) login() []nats.Option {
	user := n.address.user
	if user == nil {
		return nil
	}
	if password, ok := user.Password(); ok {
		return []nats.Option{nats.UserInfo(user.Username(), password)}
	}
	return []nats.Option{nats.Token(user.Username())}
}

// files adds what is read anew at every connect, once it could be read.
func (n *Store) files(options []nats.Option) ([]nats.Option, error) {
	for _, path := range []string{n.opts.Credentials, n.opts.CA, n.opts.Certificate, n.opts.PrivateKey} {
		if path == "" {
			continue
		}
		if _, err := os.ReadFile(path); err != nil {
			return nil, err
		}
	}
	if n.opts.Credentials != "" {
		options = append(options, nats.UserCredentials(n.opts.Credentials))
	}
	if n.opts.CA != "" {
		options = append(options, nats.RootCAs(n.opts.CA))
	}
	if (n.opts.Certificate == "") != (n.opts.PrivateKey == "") {
		return nil, errors.New("certificate and private key go together")
	}
	if n.opts.Certificate != "" {
		options = append(options, nats.ClientCert(n.opts.Certificate, n.opts.PrivateKey))
	}
	return options, nil
}

func (n *Store) connected(c *nats.Conn) {
	n.absent.Store(false)
	n.fault.Store(nil)
	_, err := c.TLSConnectionState()
	n.opts.Logger.Info("store connected", "server", c.ConnectedUrlRedacted(), "tls", err == nil)
	if host, _, splitErr := net.SplitHostPort(c.ConnectedAddr()); err != nil && splitErr == nil && !net.ParseIP(host).IsLoopback() {
		n.opts.Logger.Warn("the connection to the store is not encrypted: who can change it can make used assertions fresh",
			"server", c.ConnectedUrlRedacted())
	}
}

// disconnected lets calls wait for the next server for as long as one call
// waits at all; those that come later fail at once.
func (n *Store) disconnected(c *nats.Conn, err error) {
	if n.closed.Load() {
		return
	}
	n.opts.Logger.Warn("store disconnected", "store", n.address.String(), "reason", fmt.Sprint(err))
	time.AfterFunc(n.address.timeout, func() { n.absent.Store(!c.IsConnected()) })
}

// troubled logs what keeps the store from working, each reason once until it
// works again.
func (n *Store) troubled(_ *nats.Conn, err error) {
	if err == nil || n.closed.Load() {
		return
	}
	n.fault.Store(&err)
	text := err.Error()
	n.mu.Lock()
	known := n.told[text] || len(n.told) >= maxTroubles
	if !known {
		n.told[text] = true
	}
	n.mu.Unlock()
	if !known {
		n.opts.Logger.Error("store does not work", "store", n.address.String(), "reason", text, "action", storeDown)
	}
}

// recovered ends what troubled began.
func (n *Store) recovered() {
	n.fault.Store(nil)
	n.mu.Lock()
	was := len(n.told) > 0
	clear(n.told)
	n.mu.Unlock()
	if was {
		n.opts.Logger.Info("store works again", "store", n.address.String())
	}
}

// away is the error of a store that was not there for some time.
func (n *Store) away() error {
	if n.absent.Load() && !n.conn.IsConnected() {
		return fmt.Errorf("store %s: %w", n.address, nats.ErrDisconnected)
	}
	return nil
}
