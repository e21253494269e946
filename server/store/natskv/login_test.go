package natskv_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/schema/testenv"
	"github.com/writ-auth/writ/server/store"
	"github.com/writ-auth/writ/server/store/natskv"
)

// serveWith starts a server with other options than a node has.
func serveWith(t *testing.T, change func(o *server.Options)) (host string) {
	t.Helper()
	n := &node{Name: "guarded", Port: testenv.Port(t), Dir: t.TempDir()}
	opts := n.options()
	change(opts)
	s, err := server.NewServer(opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	return fmt.Sprint("127.0.0.1:", n.Port)
}

// works reports whether the store can be written to, and fails if a secret is
// in its log or in its errors.
func works(t *testing.T, url string, opts natskv.Options, secrets ...string) bool {
	t.Helper()
	log := new(logBuffer)
	opts.Logger, opts.AllowUnsafe = log.logger(), true
	n, err := natskv.Open(t.Context(), url+"?replicas=1&timeout=10s", opts)
	if err == nil {
		defer n.Close()
		err = n.PutOnce(t.Context(), store.NewKey(rand.Text()), time.Hour)
	}
	for _, secret := range secrets {
		if strings.Contains(log.String()+fmt.Sprint(err), secret) {
			t.Errorf("a secret is in the log or the error: %s %v", log, err)
		}
	}
	return err == nil
}

func TestNATSUserAndPassword(t *testing.T) {
	t.Parallel()
	const password, token = "p4ss+w0rd", "t0k3n"
	host := serveWith(t, func(o *server.Options) { o.Username, o.Password = "writd", password })
	if !works(t, "nats://writd:p4ss%2Bw0rd@"+host, natskv.Options{}, password, "p4ss%2Bw0rd") {
		t.Error("user and password do not work")
	}
	for _, login := range []string{"", "writd:wr0ng@", token + "@"} {
		if works(t, "nats://"+login+host, natskv.Options{}, "wr0ng", token) {
			t.Errorf("%q works", login)
		}
	}
	host = serveWith(t, func(o *server.Options) { o.Authorization = token })
	if !works(t, "nats://"+token+"@"+host, natskv.Options{}, token) {
		t.Error("a token does not work")
	}
}

// issued is a certificate with its key, and the PEM files of both.
type issued struct {
	pair       tls.Certificate
	cert, key  string
	parsedCert *x509.Certificate
}

func issue(t *testing.T, name string, by *issued) issued {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: by == nil, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := template, private
	if by != nil {
		parent, signer = by.parsedCert, by.pair.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &private.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	out := issued{cert: filepath.Join(t.TempDir(), "cert.pem"), key: filepath.Join(t.TempDir(), "key.pem")}
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	out.pair, err = tls.X509KeyPair(certPEM, keyPEM)
	out.parsedCert, _ = x509.ParseCertificate(der)
	if err := errors.Join(err, os.WriteFile(out.cert, certPEM, 0o600), os.WriteFile(out.key, keyPEM, 0o600)); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNATSOverTLS(t *testing.T) {
	t.Parallel()
	ca, otherCA := issue(t, "ca", nil), issue(t, "other", nil)
	served, client := issue(t, "server", &ca), issue(t, "client", &ca)
	pool := x509.NewCertPool()
	pool.AddCert(ca.parsedCert)
	host := serveWith(t, func(o *server.Options) {
		o.TLS, o.TLSVerify, o.TLSTimeout = true, true, 5
		o.TLSConfig = &tls.Config{Certificates: []tls.Certificate{served.pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	})
	mine := natskv.Options{Login: natsbucket.Login{CA: ca.cert, Certificate: client.cert, PrivateKey: client.key}}
	for _, scheme := range []string{"nats://", "tls://"} {
		if !works(t, scheme+host, mine) {
			t.Errorf("%s does not work with CA and client certificate", scheme)
		}
	}
	for name, opts := range map[string]natskv.Options{
		"another CA":            {Login: natsbucket.Login{CA: otherCA.cert, Certificate: client.cert, PrivateKey: client.key}},
		"the system's CAs":      {Login: natsbucket.Login{Certificate: client.cert, PrivateKey: client.key}},
		"no client certificate": {Login: natsbucket.Login{CA: ca.cert}},
	} {
		if works(t, "nats://"+host, opts) {
			t.Errorf("%s works", name)
		}
	}
	plain := serveWith(t, func(*server.Options) {})
	for url, opts := range map[string]natskv.Options{"nats://" + plain: {Login: natsbucket.Login{CA: ca.cert}}, "tls://" + plain: {}} {
		if works(t, url, opts) {
			t.Errorf("%s took a server without TLS", url)
		}
	}
}

// A server that trusts an operator, whose account has one user.
func TestNATSCredentials(t *testing.T) {
	t.Parallel()
	pair := func(make func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		kp, err := make()
		if err != nil {
			t.Fatal(err)
		}
		public, err := kp.PublicKey()
		if err != nil {
			t.Fatal(err)
		}
		return kp, public
	}
	operator, operatorID := pair(nkeys.CreateOperator)
	account, accountID := pair(nkeys.CreateAccount)
	user, userID := pair(nkeys.CreateUser)
	stranger, _ := pair(nkeys.CreateAccount)
	_, systemID := pair(nkeys.CreateAccount)

	accountClaims := jwt.NewAccountClaims(accountID)
	accountClaims.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	accountJWT, err := accountClaims.Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	systemJWT, err := jwt.NewAccountClaims(systemID).Encode(operator)
	if err != nil {
		t.Fatal(err)
	}
	resolver := new(server.MemAccResolver)
	if err := errors.Join(resolver.Store(accountID, accountJWT), resolver.Store(systemID, systemJWT)); err != nil {
		t.Fatal(err)
	}
	operatorClaims := jwt.NewOperatorClaims(operatorID)
	host := serveWith(t, func(o *server.Options) {
		o.TrustedOperators, o.AccountResolver, o.SystemAccount = []*jwt.OperatorClaims{operatorClaims}, resolver, systemID
	})
	credentials := func(signer nkeys.KeyPair) (path, seed string) {
		claims := jwt.NewUserClaims(userID)
		claims.Permissions.Pub.Allow = jwt.StringList{"$KV.writ.>", "$JS.API.STREAM.INFO.KV_writ", "$JS.API.STREAM.CREATE.KV_writ", "$JS.API.STREAM.MSG.GET.KV_writ"}
		claims.Permissions.Sub.Allow = jwt.StringList{"_INBOX.>"}
		userJWT, err := claims.Encode(signer)
		if err != nil {
			t.Fatal(err)
		}
		seedBytes, err := user.Seed()
		if err != nil {
			t.Fatal(err)
		}
		file, err := jwt.FormatUserConfig(userJWT, seedBytes)
		if err != nil {
			t.Fatal(err)
		}
		path = filepath.Join(t.TempDir(), "user.creds")
		if err := os.WriteFile(path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		return path, string(seedBytes)
	}
	path, seed := credentials(account)
	if !works(t, "nats://"+host, natskv.Options{Login: natsbucket.Login{Credentials: path}}, seed) {
		t.Error("a credentials file with no more than the documented permissions does not work")
	}
	path, seed = credentials(stranger)
	if works(t, "nats://"+host, natskv.Options{Login: natsbucket.Login{Credentials: path}}, seed) {
		t.Error("credentials of another account work")
	}
}
