package telemetry

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
)

// How long to wait before data is sent again, and for how long that is tried. The
// first wait is longer than Close waits, so that a collector which is away does not
// hold up the end.
const (
	firstWait   = 5 * time.Second
	longestWait = 30 * time.Second
	longestTry  = time.Minute
)

// maxAnswer is how many bytes of an answer are read, and maxReason how many of them
// are logged.
const (
	maxAnswer = 64 << 10
	maxReason = 200
)

// protobuf is the media type of both directions (OTLP 1.x, section OTLP/HTTP).
const protobuf = "application/x-protobuf"

// A signal is a kind of data, in the spelling of the variables: TRACES or METRICS.
type signal string

// variable returns the value of the signal's own variable for the option, or else of
// the variable for all signals, with its name. Without either the value is "".
func (s signal) variable(option string) (name, value string) {
	for _, name = range []string{"OTEL_EXPORTER_OTLP_" + string(s) + "_" + option, "OTEL_EXPORTER_OTLP_" + option} {
		if value = strings.TrimSpace(os.Getenv(name)); value != "" {
			break
		}
	}
	return name, value
}

// exported reports whether the signal is to be sent. It fails when the environment
// asks for another way than OTLP over HTTP with protobuf.
func (s signal) exported() (bool, error) {
	name := "OTEL_" + string(s) + "_EXPORTER"
	switch value := os.Getenv(name); value {
	case "none":
		return false, nil
	case "", "otlp":
	default:
		return false, fmt.Errorf("%s: %q is neither otlp nor none", name, value)
	}
	if name, value := s.variable("PROTOCOL"); value != "" && value != "http/protobuf" {
		return false, fmt.Errorf("%s: %q is not http/protobuf", name, value)
	}
	return true, nil
}

// url returns the address that the signal is sent to. The value may hold a
// credential and is in no error.
func (s signal) url() (string, error) {
	name, value := s.variable("ENDPOINT")
	if value == "" {
		value = "http://localhost:4318"
	}
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", fmt.Errorf("%s: not an http or https URL", name)
	}
	if name == "OTEL_EXPORTER_OTLP_ENDPOINT" { // the address of a collector; a signal's own is taken as it is
		u = u.JoinPath("v1", strings.ToLower(string(s)))
	}
	return u.String(), nil
}

// headers returns the headers of each request. A pair that is no header is left out,
// and the log says so without the pair, which may be a credential.
func (s signal) headers(log *slog.Logger) http.Header {
	headers := http.Header{}
	name, value := s.variable("HEADERS")
	for pair := range strings.SplitSeq(value, ",") {
		key, encoded, found := strings.Cut(pair, "=")
		key = strings.TrimSpace(key)
		text, err := url.PathUnescape(strings.TrimSpace(encoded))
		switch {
		case strings.TrimSpace(pair) == "":
		case !found, err != nil, key == "", strings.ContainsFunc(key, notToken), strings.ContainsFunc(text, isControl):
			log.Warn("OpenTelemetry: a header is not a name=value pair and is left out", "variable", name)
		default:
			headers.Set(key, text)
		}
	}
	return headers
}

// notToken reports whether a header's name cannot hold the character (RFC 9110 section 5.6.2).
func notToken(r rune) bool {
	letterOrDigit := 'a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9'
	return !letterOrDigit && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}

// isControl reports whether a header's value cannot hold the character (RFC 9110 section 5.5).
func isControl(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }

// tls returns how connections are secured, nil for the system's CAs and no
// certificate of our own. Files that cannot be used are an error: without them, data would
// go to any host for which a CA of the system vouches.
func (s signal) tls() (*tls.Config, error) {
	config := &tls.Config{}
	caName, ca := s.variable("CERTIFICATE")
	certName, cert := s.variable("CLIENT_CERTIFICATE")
	keyName, key := s.variable("CLIENT_KEY")
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", caName, err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %q holds no certificate", caName, ca)
		}
	}
	if (cert == "") != (key == "") {
		return nil, fmt.Errorf("%s and %s go together", certName, keyName)
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", certName, err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// milliseconds reads the value of a variable. What is no positive number is logged
// and ignored, as OpenTelemetry demands.
func milliseconds(log *slog.Logger, name, value string, otherwise time.Duration) time.Duration {
	if value == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil || n == 0 {
		log.Warn("OpenTelemetry: not a number of milliseconds, and ignored", "variable", name)
		return otherwise
	}
	return time.Duration(n) * time.Millisecond
}

// A sender sends one signal to a collector by OTLP over HTTP. OpenTelemetry's own
// exporters would do the same, but link gRPC (https://github.com/open-telemetry/opentelemetry-go/issues/2579).
type sender struct {
	url     string
	headers http.Header
	gzip    bool
	client  *http.Client // its timeout is for one attempt
}

// sender returns what sends the signal, and nil when it is not to be sent.
func (s signal) sender(opts Options) (*sender, error) {
	exported, err := s.exported()
	if err != nil || !exported {
		return nil, err
	}
	target, err := s.url()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if transport.TLSClientConfig, err = s.tls(); err != nil {
		return nil, err
	}
	to := &sender{url: target, headers: s.headers(opts.Logger)}
	to.headers.Set("Content-Type", protobuf)
	to.headers.Set("User-Agent", opts.Service+"/"+opts.Version)
	switch name, value := s.variable("COMPRESSION"); value {
	case "gzip":
		to.gzip = true
		to.headers.Set("Content-Encoding", "gzip")
	case "", "none":
	default:
		opts.Logger.Warn("OpenTelemetry: neither gzip nor none, and ignored", "variable", name)
	}
	name, value := s.variable("TIMEOUT")
	to.client = &http.Client{
		Transport:     transport,
		Timeout:       milliseconds(opts.Logger, name, value, 10*time.Second),
		CheckRedirect: stay,
	}
	return to, nil
}

// stay follows no redirect: the headers may hold a credential, which is for the named
// collector alone.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Start is of otlptrace.Client.
func (*sender) Start(context.Context) error { return nil }

// Stop is of otlptrace.Client.
func (*sender) Stop(context.Context) error { return nil }

// UploadTraces is of otlptrace.Client. TracesData is encoded as the collector's
// ExportTraceServiceRequest is, whose package imports gRPC.
func (s *sender) UploadTraces(ctx context.Context, spans []*tracepb.ResourceSpans) error {
	return s.send(ctx, &tracepb.TracesData{ResourceSpans: spans})
}

// send sends the message until it is taken or refused for good, and no longer than
// the context allows.
func (s *sender) send(ctx context.Context, message proto.Message) error {
	body, err := proto.Marshal(message)
	if err == nil && s.gzip {
		body, err = compress(body)
	}
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, longestTry)
	defer cancel()
	end, _ := ctx.Deadline()
	for backoff := firstWait; ; backoff = min(2*backoff, longestWait) {
		wait, err := s.attempt(ctx, body)
		switch {
		case err == nil, wait == refused:
			return err
		case wait == unknown:
			wait = backoff + rand.N(backoff/2) // not all instances at once
		}
		if time.Now().Add(wait).After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

// compress is done once, before the first attempt: all attempts send the same bytes.
func compress(body []byte) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

// How long to wait after an attempt that failed, unless the collector says it.
const (
	refused time.Duration = -1 // the same data would fail again
	unknown time.Duration = 0
)

// attempt sends the body once. No error holds the address.
func (s *sender) attempt(ctx context.Context, body []byte) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return refused, err
	}
	req.Header = s.headers.Clone()
	res, err := s.client.Do(req)
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return unknown, err
	}
	defer res.Body.Close()
	// An answer that breaks off is worth what arrived: it only explains the status.
	answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	decoded := res.Header.Get("Content-Type") == protobuf
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		wait = retryAfter(res.Header.Get("Retry-After"))
	default:
		wait = refused
	}
	if res.StatusCode/100 != 2 {
		if decoded { // google.rpc.Status: 2 is its message
			_, texts := fields(answer)
			answer = texts[2]
		}
		return wait, fmt.Errorf("the collector answered %s: %.*q", res.Status, maxReason, bytes.TrimSpace(answer))
	}
	if decoded { // 1 is the partial success; in it, 1 is the number of rejected items and 2 a message
		_, texts := fields(answer)
		if numbers, texts := fields(texts[1]); numbers[1] != 0 || len(texts[2]) > 0 {
			return refused, fmt.Errorf("the collector rejected %d items: %.*q", numbers[1], maxReason, texts[2])
		}
	}
	return 0, nil
}

// retryAfter reads the header of that name: seconds or a time (RFC 9110 section 10.2.3).
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(time.Until(at), unknown)
	}
	return unknown
}

// fields returns the numbers and the texts of an encoded message by field. The types
// of a collector's answers are in packages that import gRPC.
func fields(message []byte) (numbers map[protowire.Number]uint64, texts map[protowire.Number][]byte) {
	numbers, texts = map[protowire.Number]uint64{}, map[protowire.Number][]byte{}
	for len(message) > 0 {
		field, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			break
		}
		message = message[n:]
		switch kind {
		case protowire.VarintType:
			numbers[field], n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			texts[field], n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(field, kind, message)
		}
		if n < 0 {
			break
		}
		message = message[n:]
	}
	return numbers, texts
}
