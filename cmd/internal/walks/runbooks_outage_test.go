//go:build unix

package walks

import (
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/nats-io/nats-server/v2/server"

	"github.com/writ-auth/writ/schema/jose"
	"github.com/writ-auth/writ/schema/testenv"
)

// An outage is walked with the commands of its runbook, like a leak. Beside the client
// with a secret there is one that authenticates with assertions.
type outage struct {
	*leak
	issuer string
	key    ed25519.PrivateKey
}

func newOutage(t *testing.T, env []string) *outage {
	t.Helper()
	o := &outage{leak: newLeak(t, env)}
	o.run("cd demo && writ keys new --alg EdDSA batch.pem && writ keys public batch.pem > batch.pub")
	key, err := jose.ParsePrivateKey([]byte(readText(t, o.dir+"/demo", "batch.pem")))
	if err != nil {
		t.Fatal(err)
	}
	o.key = key.(ed25519.PrivateKey)
	o.write("demo/batch.hcl", "client \"batch\" {\n  public_key \"a\" { pem = file(\"batch.pub\") }\n}\n"+
		"authorization \"batch-reads-orders\" {\n  client = client.batch\n  api    = api.orders\n  scopes = [\"read:orders\"]\n}\n")
	o.run("cd demo && writ apply --auto-approve")
	o.issuer = regexp.MustCompile(`url\s*=\s*"([^"]+)"`).FindStringSubmatch(o.run("cat demo/*.hcl"))[1]
	return o
}

// serveWith starts writd with more flags and waits until it is ready.
func (o *outage) serveWith(flags string) {
	o.t.Helper()
	o.start("cd demo && exec writd --snapshot writ.snapshot --keys keys " + flags + " --listen " + o.server + " --admin " + o.admin + " 2>writd.log")
	o.eventually("curl -sf http://" + o.admin + "/readyz")
}

// asserts asks for a token with an assertion of a client whose clock is ahead of that of
// this machine by so much, or behind.
func (o *outage) asserts(ahead time.Duration) (status int, header http.Header, body string) {
	o.t.Helper()
	now := time.Now().Add(ahead)
	assertion, err := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "batch", "sub": "batch", "aud": o.issuer, "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(),
	}).SignedString(o.key)
	if err != nil {
		o.t.Fatal(err)
	}
	res, err := http.PostForm("http://"+o.server+"/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "audience": {"https://api.example.com/orders"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(text)
}

// succeeds waits until an assertion of a right clock gets a token.
func (o *outage) succeeds() {
	o.t.Helper()
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		status, _, body := o.asserts(0)
		if status == http.StatusOK {
			return
		}
		if time.Since(start) > patience {
			o.t.Fatalf("an assertion is refused for ever: %d %s\n%s", status, body, o.run("cat demo/writd.log"))
		}
	}
}

// says sees that the log or the metrics have a text of the runbook.
func (o *outage) says(book runbook, where, text string) {
	o.t.Helper()
	if !strings.Contains(book.text, text) {
		o.t.Errorf("%s does not speak of %s", book.title, text)
	}
	o.eventually("cat demo/writd.log > all; curl -s http://" + o.admin + "/metrics >> all; grep -qF '" + strings.ReplaceAll(text, "...", "") + "' " + where)
}

// gives sees that the client with a secret gets a token.
func (o *outage) gives() {
	o.t.Helper()
	if answer := o.asks("quickstart-demo-secret"); !strings.Contains(answer, "access_token") {
		o.t.Errorf("a client with a secret: %s", answer)
	}
}

func walkStoreDown(t *testing.T, o *outage) {
	book := bookOf(t, "Store down")
	options := &server.Options{
		Host: "127.0.0.1", Port: testenv.Port(t), JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 1 << 30, NoLog: true, NoSigs: true,
	}
	nats := func() *server.Server {
		s, err := server.NewServer(options.Clone())
		if err != nil {
			t.Fatal(err)
		}
		s.Start()
		if !s.ReadyForConnections(time.Minute) {
			t.Fatal("NATS does not start")
		}
		return s
	}
	down := func(s *server.Server) {
		s.Shutdown()
		s.WaitForShutdown()
	}
	first := nats()
	o.serveWith("--store 'nats://" + first.Addr().String() + "?replicas=1' --store-allow-unsafe")
	o.succeeds()
	o.says(book, "all", "writ_store_up 1")

	down(first)
	for start := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		status, header, body := o.asserts(0)
		if status == http.StatusServiceUnavailable && header.Get("Retry-After") != "" {
			break
		}
		if time.Since(start) > patience {
			t.Fatalf("without a store: %d %v %s", status, header, body)
		}
	}
	o.gives()
	o.says(book, "all", "writ_store_up 0")
	o.says(book, "all", `state-store-failed`)
	o.says(book, "demo/writd.log", `"msg":"store does not work"`)
	o.run("curl -sf http://" + o.admin + "/readyz") // instances stay ready
	if found := o.typed(book, "curl"); !strings.Contains(found, `"address": "store"`) {
		t.Errorf("the problem in /status: %s", found)
	}

	second := nats()
	defer down(second)
	o.succeeds()
	o.says(book, "all", "writ_store_up 1")
	o.says(book, "demo/writd.log", `"msg":"store works again"`)
	if found := o.typed(book, "curl"); strings.Contains(found, `"address": "store"`) {
		t.Errorf("the problem in /status stays: %s", found)
	}
}

// No program has a clock to be set: the clocks of the clients are wrong instead, which to
// writd is the same.
func walkClockOff(t *testing.T, o *outage) {
	book := bookOf(t, "Clock off")
	o.run("mkdir -m 700 demo/state")
	o.serveWith("--state state")
	o.succeeds()
	for ahead, reason := range map[time.Duration]string{2 * time.Minute: "too-early", -2 * time.Minute: "expired"} {
		if status, _, body := o.asserts(ahead); status != http.StatusUnauthorized {
			t.Errorf("%s ahead: %d %s", ahead, status, body)
		}
		if !strings.Contains(book.text, "`"+reason+"`") {
			t.Errorf("the runbook does not speak of %s", reason)
		}
		o.eventually(`grep '"client":"batch"' demo/writd.log | grep -qF '"reason":"` + reason + `"'`)
	}
	o.gives()
	if status, _, body := o.asserts(8 * time.Second); status != http.StatusOK {
		t.Errorf("eight seconds ahead: %d %s", status, body)
	}
	date := regexp.MustCompile(`(?i)^date: (.+)`).FindStringSubmatch(strings.TrimSpace(o.typed(book, "curl")))
	if date == nil {
		t.Fatal("no answer has a date")
	}
	if at, err := http.ParseTime(strings.TrimSpace(date[1])); err != nil || time.Since(at).Abs() > patience {
		t.Errorf("the clock of writd: %s, %v", date[1], err)
	}
	o.typed(book, "date -u")
}
