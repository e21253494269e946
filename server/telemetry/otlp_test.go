package telemetry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	collecttrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/protobuf/proto"
)

// answers is a transport that gives one answer after the other, and remembers when it
// was asked.
type answers struct {
	start time.Time
	asked []time.Duration
	next  []func() (*http.Response, error)
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	a.asked = append(a.asked, time.Since(a.start))
	next := a.next[0]
	if len(a.next) > 1 {
		a.next = a.next[1:]
	}
	return next()
}

func answer(code int, header http.Header, body []byte) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		return &http.Response{
			StatusCode: code, Status: strconv.Itoa(code) + " " + http.StatusText(code), Header: header, Body: io.NopCloser(bytes.NewReader(body)),
		}, nil
	}
}

func unreachable() (*http.Response, error) { return nil, errors.New("connection refused") }

func encoded(t *testing.T, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What may pass is sent again, later each time or when the collector says so; what
// would fail again is not; and nobody waits for an attempt that is too late.
func TestSentAgain(t *testing.T) {
	isProtobuf := http.Header{"Content-Type": {protobuf}}
	refusal := encoded(t, &statuspb.Status{Code: 3, Message: "no such tenant"})
	partial := encoded(t, &collecttrace.ExportTraceServiceResponse{
		PartialSuccess: &collecttrace.ExportTracePartialSuccess{RejectedSpans: 7, ErrorMessage: "too old"},
	})
	ok := answer(http.StatusOK, isProtobuf, encoded(t, &collecttrace.ExportTraceServiceResponse{}))
	seconds := func(s ...int) (d []time.Duration) {
		for _, s := range s {
			d = append(d, time.Duration(s)*time.Second)
		}
		return d
	}
	for name, test := range map[string]struct {
		answers []func() (*http.Response, error)
		asked   []time.Duration // at the earliest, and up to half as long again after the one before
		err     string
	}{
		"taken":            {[]func() (*http.Response, error){ok}, seconds(0), ""},
		"unreachable once": {[]func() (*http.Response, error){unreachable, ok}, seconds(0, 5), ""},
		"busy": {
			[]func() (*http.Response, error){answer(503, http.Header{}, nil), answer(429, http.Header{}, nil), ok}, seconds(0, 5, 15), "",
		},
		"busy, with a time": {
			[]func() (*http.Response, error){answer(503, http.Header{"Retry-After": {"2"}}, nil), ok}, seconds(0, 2), "",
		},
		"busy for too long": {
			[]func() (*http.Response, error){answer(503, http.Header{"Retry-After": {"120"}}, []byte("full"))}, seconds(0), `503 Service Unavailable: "full"`,
		},
		"refused": {
			[]func() (*http.Response, error){answer(400, isProtobuf, refusal)}, seconds(0), `400 Bad Request: "no such tenant"`,
		},
		"a redirect": {
			[]func() (*http.Response, error){answer(307, http.Header{"Location": {"https://elsewhere.example"}}, nil)}, seconds(0), "307",
		},
		"taken in part": {
			[]func() (*http.Response, error){answer(200, isProtobuf, partial)}, seconds(0), `rejected 7 items: "too old"`,
		},
		"an answer that is none": {
			[]func() (*http.Response, error){answer(200, isProtobuf, []byte{0x0a, 0xff})}, seconds(0), "",
		},
		"an endless answer": {
			[]func() (*http.Response, error){answer(500, http.Header{}, bytes.Repeat([]byte("x"), 1<<20))}, seconds(0), `500 Internal Server Error: "` + strings.Repeat("x", maxReason) + `"`,
		},
		"never": {[]func() (*http.Response, error){unreachable}, seconds(0, 5, 15), "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				transport := &answers{start: time.Now(), next: test.answers}
				s := &sender{
					url: "http://me:CANARY@collector.example/CANARY?CANARY", headers: http.Header{"Api-Key": {"CANARY"}},
					client: &http.Client{Transport: transport, CheckRedirect: stay},
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				err := s.UploadTraces(ctx, []*tracepb.ResourceSpans{{}})
				if (test.err == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), test.err) {
					t.Errorf("%v, want %q", err, test.err)
				}
				if err != nil && strings.Contains(err.Error(), "CANARY") {
					t.Errorf("the error holds an address: %v", err)
				}
				if !slices.EqualFunc(transport.asked, test.asked, func(got, want time.Duration) bool {
					return want <= got && got <= want+want/2
				}) {
					t.Errorf("asked at %v, want %v", transport.asked, test.asked)
				}
			})
		})
	}
}

// Seconds or a date; what is neither says nothing.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for value, want := range map[string]time.Duration{
			"": unknown, "soon": unknown, "-1": unknown, "99999999999999": unknown, "120": 2 * time.Minute,
			time.Now().Add(time.Hour).UTC().Format(http.TimeFormat):  time.Hour,
			time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat): unknown,
		} {
			if got := retryAfter(value); got != want {
				t.Errorf("%q: %v, want %v", value, got, want)
			}
		}
	})
}
