package main

import (
	"errors"
	"flag"

	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/clientauth"
)

// A clientFlags is how clients may authenticate beside their secrets.
type clientFlags struct {
	tlsCA       string
	selfSigned  bool
	proofNonce  bool
	issuerCA    string
	issuerProxy bool
}

func (c *clientFlags) register(f *flag.FlagSet) {
	f.StringVar(&c.tlsCA, "tls-client-ca", "", "PEM `FILE` of the CAs that vouch for names in client certificates: clients may authenticate with those")
	f.BoolVar(&c.selfSigned, "tls-client-self-signed", false, "let clients authenticate with certificates that they declare by their sha256")
	f.BoolVar(&c.proofNonce, "dpop-nonce", false, "demand a nonce in DPoP proofs; each instance makes its own")
	f.StringVar(&c.issuerCA, "issuer-ca", "", "PEM `FILE` of the only CAs for fetching keys of trusted issuers; default: the system's")
	f.BoolVar(&c.issuerProxy, "issuer-proxy", false, "fetch keys of trusted issuers through the proxy that HTTPS_PROXY names")
}

func (c *clientFlags) check(tlsCert string) error {
	if tlsCert == "" && (c.tlsCA != "" || c.selfSigned) {
		return errors.New("--tls-client-ca and --tls-client-self-signed need --tls-cert: without TLS there are no client certificates")
	}
	return nil
}

// authentication completes the options and the public listener with what the
// flags ask for.
func (d *daemon) authentication(opts *server.Options) (err error) {
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
		if opts.IssuerKeys.Roots, err = clientauth.ReadCAs(clients.issuerCA); err != nil {
			return err
		}
	}
	return d.openStore(opts)
}
