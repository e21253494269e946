package main

import (
	"errors"
	"flag"

	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
)

// clientFlags say by what clients may authenticate in addition to their secrets, and how
// the keys of trusted issuers are fetched.
type clientFlags struct {
	tlsCA       string // path of a PEM file
	selfSigned  bool
	proofNonce  bool
	issuerCA    string // path of a PEM file
	issuerProxy bool
}

func (c *clientFlags) register(f *flag.FlagSet) {
	f.StringVar(&c.tlsCA, "tls-client-ca", "", "PEM `FILE` of the CAs that vouch for names in client certificates: clients may authenticate with those")
	f.BoolVar(&c.selfSigned, "tls-client-self-signed", false, "let clients authenticate with certificates that they declare by their sha256")
	f.BoolVar(&c.proofNonce, "dpop-nonce", false, "demand a nonce in DPoP proofs; each instance makes its own")
	f.StringVar(&c.issuerCA, "issuer-ca", "", "PEM `FILE` of the only CAs for fetching keys of trusted issuers; default: the system's")
	f.BoolVar(&c.issuerProxy, "issuer-proxy", false, "fetch keys of trusted issuers through the proxy that HTTPS_PROXY names")
}

// check refuses certificates of clients on a listener without TLS. tlsCert is the value of
// --tls-cert.
func (c *clientFlags) check(tlsCert string) error {
	if tlsCert == "" && (c.tlsCA != "" || c.selfSigned) {
		return errors.New("--tls-client-ca and --tls-client-self-signed need --tls-cert: without TLS there are no client certificates")
	}
	return nil
}

// configureClients carries the clientFlags into opts and into the TLS configuration of the
// public listener, which has to ask clients for their certificates.
func (d *daemon) configureClients(opts *server.Options) (err error) {
	clients := d.set.clients
	if clients.tlsCA != "" || clients.selfSigned {
		if d.clientCAs, err = clientauth.LoadClientCertificates(clients.tlsCA, clients.selfSigned); err != nil {
			return err
		}
		d.clientCAs.Ask(d.listeners.TLS)
		opts.ClientCertificates = d.clientCAs
	}
	opts.ProofNonce = clients.proofNonce
	opts.IssuerKeys.Proxy = clients.issuerProxy
	if clients.issuerCA != "" {
		opts.IssuerKeys.Roots, err = clientauth.ReadCAs(clients.issuerCA)
	}
	return err
}
