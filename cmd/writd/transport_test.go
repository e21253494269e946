package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// goodBody is a request for a token that is granted.
func goodBody() string {
	return url.Values{"grant_type": {"client_credentials"}, "audience": {ordersURL}, "client_id": {"billing"}, "client_secret": {clientSecret}}.Encode()
}

// goodRequest is it on the wire, with further header lines.
func goodRequest(lines ...string) string {
	return requestLine("POST /oauth/token HTTP/1.1", goodBody(), lines...)
}

func requestLine(first, body string, lines ...string) string {
	head := append([]string{first, "Host: writd", "Content-Type: application/x-www-form-urlencoded", fmt.Sprintf("Content-Length: %d", len(body))}, lines...)
	return strings.Join(head, "\r\n") + "\r\n\r\n" + body
}

// chunked is a request with its body in the chunks given, and lines after the last.
func chunked(trailer string, lines []string, chunks ...string) string {
	head := append([]string{"POST /oauth/token HTTP/1.1", "Host: writd", "Content-Type: application/x-www-form-urlencoded", "Transfer-Encoding: chunked"}, lines...)
	var b strings.Builder
	b.WriteString(strings.Join(head, "\r\n") + "\r\n\r\n")
	for _, chunk := range chunks {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	return b.String() + "0\r\n" + trailer + "\r\n"
}

// without is the good body without its secret.
func without(name string) string {
	v, _ := url.ParseQuery(goodBody())
	v.Del(name)
	return v.Encode()
}

func bomb(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, goodBody()+"&x="+strings.Repeat("a", 30<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// probe is asked after a request: its answer says that the connection is still
// open, and that nothing of the request was left to be read as another one.
const probe = "GET /.well-known/jwks.json HTTP/1.1\r\nHost: writd\r\n\r\n"

// exchangeRaw sends bytes and reads every answer until the other side has closed
// the connection or answers the probe.
func exchangeRaw(t *testing.T, conn net.Conn, request string) (answers []int, closed bool, text string) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(missed))
	go func() { _, _ = io.WriteString(conn, request) }() // an answer may come before the end
	reader, probed := bufio.NewReader(conn), false
	for {
		res, err := http.ReadResponse(reader, nil)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %v neither an answer nor the end", answers)
		}
		if err != nil {
			return answers, err == io.EOF || err == io.ErrUnexpectedEOF || strings.Contains(err.Error(), "reset"), text
		}
		body, _ := io.ReadAll(res.Body)
		if probed && strings.HasPrefix(string(body), `{"keys":`) {
			return answers, false, text
		}
		text += string(body)
		answers = append(answers, res.StatusCode)
		if !probed && res.StatusCode >= 200 {
			probed = true
			_, _ = io.WriteString(conn, probe) // nobody reads it where the connection is closed
		}
	}
}

// What may be sent to HTTP/1.1 to be understood in two ways, by a proxy and by
// writd: it is refused, or there is one way to understand it.
func TestHostileHTTP1(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir)
	eventually(t, p.wantScope("read"))
	basic := "Authorization: Basic " + "YmlsbGluZzo" + "="
	body := goodBody()
	for name, row := range map[string]struct {
		request string
		want    []int
		closed  bool // and the connection is closed, so that nothing after it is read as a request
	}{
		"good":                             {goodRequest(), []int{200}, false},
		"two, one after the other":         {goodRequest() + goodRequest(), []int{200, 200}, false},
		"chunked":                          {chunked("", nil, body[:7], body[7:]), []int{200}, true},
		"length and chunks":                {chunked("", []string{"Content-Length: 4"}, body) + goodRequest(), []int{200}, true},
		"two lengths alike":                {goodRequest(fmt.Sprintf("Content-Length: %d", len(body))), []int{200}, false},
		"two lengths":                      {goodRequest("Content-Length: 1"), []int{400}, true},
		"a list of lengths":                {strings.Replace(goodRequest(), "Content-Length: ", "Content-Length: 0, ", 1), []int{400}, true},
		"length with a plus":               {strings.Replace(goodRequest(), "Content-Length: ", "Content-Length: +", 1), []int{400}, true},
		"length in hexadecimal":            {strings.Replace(goodRequest(), "Content-Length: ", "Content-Length: 0x", 1), []int{400}, true},
		"a negative length":                {strings.Replace(goodRequest(), "Content-Length: ", "Content-Length: -", 1), []int{400}, true},
		"a length that overflows":          {strings.Replace(goodRequest(), "Content-Length: ", "Content-Length: 99999999999999999999", 1), []int{400}, true},
		"a length over the limit":          {strings.Replace(goodRequest(), "Content-Length: ", "Content-Length: 99999999", 1), []int{413}, true},
		"two encodings":                    {chunked("", []string{"Transfer-Encoding: chunked"}, body), []int{501}, true},
		"an encoding that is not one":      {strings.Replace(chunked("", nil, body), ": chunked", ": xchunked", 1), []int{501}, true},
		"identity, then chunks":            {strings.Replace(chunked("", nil, body), ": chunked", ": identity, chunked", 1), []int{501}, true},
		"compressed chunks":                {strings.Replace(chunked("", nil, body), ": chunked", ": gzip, chunked", 1), []int{501}, true},
		"a negative chunk":                 {strings.Replace(chunked("", nil, body), fmt.Sprintf("\r\n%x\r\n", len(body)), "\r\n-1\r\n", 1), []int{400}, true},
		"a chunk that overflows":           {strings.Replace(chunked("", nil, body), fmt.Sprintf("\r\n%x\r\n", len(body)), "\r\nffffffffffffffffff\r\n", 1), []int{400}, true},
		"chunks over the limit":            {chunked("", nil, body, "&x="+strings.Repeat("a", 40<<10), strings.Repeat("a", 40<<10)), []int{413}, true},
		"a credential in the trailer":      {chunked("Authorization: Basic YmlsbGluZzp4\r\n", []string{"Trailer: Authorization"}, without("client_secret")), []int{401}, true},
		"space before the colon":           {goodRequest("X : y"), []int{400}, true},
		"a folded header":                  {goodRequest("X: a\r\n b"), []int{200}, false},
		"NUL in a header":                  {goodRequest("X: a\x00b"), []int{400}, true},
		"a bare CR in a header":            {goodRequest("X: a\rb"), []int{400}, true},
		"no Host":                          {strings.Replace(goodRequest(), "Host: writd\r\n", "", 1), []int{400}, true},
		"two Hosts":                        {goodRequest("Host: other"), []int{400}, true},
		"another Host":                     {strings.Replace(goodRequest(), "Host: writd", "Host: evil.example", 1), []int{200}, false},
		"two credentials":                  {requestLine("POST /oauth/token HTTP/1.1", without("client_secret"), basic, basic), []int{400}, false},
		"two credentials, in two cases":    {requestLine("POST /oauth/token HTTP/1.1", without("client_secret"), basic, "aUTHORIZATION: Basic eA=="), []int{400}, false},
		"two credentials, one of them nil": {goodRequest("Authorization:"), []int{400}, false},
		"HTTP/1.0":                         {strings.Replace(goodRequest(), "HTTP/1.1", "HTTP/1.0", 1), []int{200}, true},
		"HTTP/0.9":                         {"GET /oauth/token\r\n\r\n", []int{400}, true},
		"HTTP/3.0":                         {strings.Replace(goodRequest(), "HTTP/1.1", "HTTP/3.0", 1), []int{505}, true},
		"HTTP/2 in the clear":              {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", []int{404}, true},
		"an upgrade to HTTP/2":             {goodRequest("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"), []int{200}, false},
		"an upgrade to websocket":          {goodRequest("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="), []int{200}, false},
		"continue":                         {goodRequest("Expect: 100-continue"), []int{100, 200}, false},
		"expect something else":            {goodRequest("Expect: 200-ok"), []int{417}, true},
		"a compressed body":                {requestLine("POST /oauth/token HTTP/1.1", bomb(t), "Content-Encoding: gzip"), []int{400}, false},
		"a compressed body, identity":      {goodRequest("Content-Encoding: identity"), []int{400}, false},
		"absolute form":                    {strings.Replace(goodRequest(), "POST /", "POST http://evil.example/", 1), []int{200}, false},
	} {
		conn, err := net.Dial("unix", filepath.Join(dir, "public.sock"))
		if err != nil {
			t.Fatal(err)
		}
		answers, closed, text := exchangeRaw(t, conn, row.request)
		conn.Close()
		if fmt.Sprint(answers) != fmt.Sprint(row.want) || closed != row.closed {
			t.Errorf("%s: %v, closed %v; want %v, %v\n%.300s", name, answers, closed, row.want, row.closed, text)
		}
	}
	if err := p.wantScope("read")(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if strings.Contains(p.log.String(), clientSecret) || strings.Contains(p.log.String(), "panic") {
		t.Errorf("log: %s", p.log)
	}
}

// Methods and paths have one spelling.
func TestExactMethodsAndPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir)
	eventually(t, p.wantScope("read"))
	want := func(first string, status int) {
		t.Helper()
		conn, err := net.Dial("unix", filepath.Join(dir, "public.sock"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		body := goodBody()
		if strings.HasPrefix(first, "HEAD") {
			body = ""
		}
		if answers, _, text := exchangeRaw(t, conn, requestLine(first+" HTTP/1.1", body)); len(answers) == 0 || answers[0] != status {
			t.Errorf("%s: %v, want %d: %.200s", first, answers, status, text)
		}
	}
	for _, method := range []string{"GET", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "post", "Post", "PROPFIND", "QUERY"} {
		want(method+" /oauth/token", http.StatusMethodNotAllowed)
	}
	for _, path := range []string{"/oauth%2Ftoken", "/%6Fauth/token", "/oauth/toke%6e", "//oauth/token", "/oauth//token", "/oauth/token/", "/oauth/./token", "/oauth/x/../token", "/../oauth/token",
		"/oauth/token;a=b", "/OAUTH/token", "/oauth/token%00", "/oauth/token%20", "/oauth/token#x", "/oauth\\token", "/oauth/token%3Fx"} {
		want("POST "+path, http.StatusNotFound)
	}
	want("POST /oauth/token?", http.StatusOK)
	want("POST /oauth/token?audience=other&grant_type=password", http.StatusOK)
	want("POST /oauth/token?client_secret", http.StatusBadRequest)
	want("POST /oauth/token?refresh%5ftoken=x", http.StatusBadRequest)
	want("POST oauth/token", http.StatusBadRequest)
	want("POST *", http.StatusNotFound)
	want("OPTIONS *", http.StatusNotFound)
	want("CONNECT auth.example.com:443", http.StatusNotFound)
	want("CONNECT /oauth/token", http.StatusMethodNotAllowed)
}

// Who says what about hosts and addresses in headers is believed in nothing.
func TestForwardedHeadersAreIgnored(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir, "--listen", "127.0.0.1:0")
	eventually(t, func() error { return p.logged(`"listen":"tcp:`) })
	_, rest, _ := strings.Cut(p.log.String(), `"listen":"tcp:`)
	address, _, _ := strings.Cut(rest, `"`)
	get := func(path string, headers ...string) string {
		t.Helper()
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		lines := append([]string{"GET " + path + " HTTP/1.1", "Connection: close"}, headers...)
		_, _, text := exchangeRaw(t, conn, strings.Join(lines, "\r\n")+"\r\n\r\n")
		return text
	}
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json", "/.well-known/oauth-protected-resource/orders"} {
		plain := get(path, "Host: writd")
		forged := get(path, "Host: evil.example:1", "X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http", "X-Forwarded-Prefix: /evil", "X-Original-URL: /admin",
			"X-Rewrite-URL: /admin", "Forwarded: for=192.0.2.1;host=evil.example;proto=http")
		if plain != forged || !strings.HasPrefix(plain, "{") || strings.Contains(plain, "evil") {
			t.Errorf("%s: %s, %s", path, plain, forged)
		}
	}
}

// Over TLS there is HTTP/2: the same rules, a body that dribbles is cut off, and
// the connection serves the others meanwhile.
func TestHTTP2(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeCertificate(t, dir, "writd")
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	start(t, dir, "--tls-cert", filepath.Join(dir, "tls.crt"), "--tls-key", filepath.Join(dir, "tls.key"))
	transport := overSocket(filepath.Join(dir, "public.sock")).Transport.(*http.Transport)
	transport.TLSClientConfig, transport.ForceAttemptHTTP2 = &tls.Config{InsecureSkipVerify: true}, true
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: missed}
	send := func(body io.Reader, change func(*http.Request)) (int, string, error) {
		r, err := http.NewRequest(http.MethodPost, "https://writd/oauth/token", body)
		if err != nil {
			return 0, "", err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if change != nil {
			change(r)
		}
		res, err := client.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer res.Body.Close()
		if res.ProtoMajor != 2 {
			t.Errorf("HTTP/%d", res.ProtoMajor)
		}
		answer, err := io.ReadAll(res.Body)
		return res.StatusCode, string(answer), err
	}
	for name, row := range map[string]struct {
		body   string
		change func(*http.Request)
		status int
	}{
		"good":              {goodBody(), nil, 200},
		"another authority": {goodBody(), func(r *http.Request) { r.Host = "evil.example" }, 200},
		"two credentials":   {without("client_secret"), func(r *http.Request) { r.Header["Authorization"] = []string{"Basic eA==", "Basic eA=="} }, 400},
		"two types":         {goodBody(), func(r *http.Request) { r.Header.Add("Content-Type", "application/json") }, 400},
		"over the limit":    {goodBody() + "&x=" + strings.Repeat("a", 64<<10), nil, 413},
		"GET":               {"", func(r *http.Request) { r.Method = http.MethodGet }, 405},
	} {
		if status, answer, err := send(strings.NewReader(row.body), row.change); err != nil || status != row.status {
			t.Errorf("%s: %d %s %v", name, status, answer, err)
		}
	}
	// A body that cannot be sent again, so that the client does not do so.
	status, answer, err := send(io.MultiReader(strings.NewReader(without("client_secret"))), func(r *http.Request) {
		r.ContentLength, r.Trailer = -1, http.Header{"Authorization": {"Basic YmlsbGluZzp4"}}
	})
	if err == nil || !strings.Contains(err.Error(), "PROTOCOL_ERROR") {
		t.Errorf("a credential in the trailer: %d %s %v", status, answer, err)
	}
	slow, hold := io.Pipe()
	ended := make(chan string, 1)
	begin := time.Now()
	go func() {
		status, answer, err := send(slow, nil)
		ended <- fmt.Sprint(status, answer, err)
	}()
	_, _ = io.WriteString(hold, "grant_type=")
	for range 20 {
		if status, answer, err := send(strings.NewReader(goodBody()), nil); err != nil || status != http.StatusOK {
			t.Errorf("beside a slow one: %d %s %v", status, answer, err)
		}
	}
	select {
	case answer := <-ended:
		if took := time.Since(begin); !strings.HasPrefix(answer, "400") || took < time.Second {
			t.Errorf("a body that does not end: %s after %v", answer, took)
		}
	case <-time.After(missed):
		t.Error("a body that does not end is waited for")
	}
	hold.Close()
}
