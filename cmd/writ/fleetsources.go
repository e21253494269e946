package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/writ-auth/writ/cmd/writ/internal/cli"
	"github.com/writ-auth/writ/config/diag"
	"github.com/writ-auth/writ/schema"
	"github.com/writ-auth/writ/schema/location"
	"github.com/writ-auth/writ/schema/natsbucket"
	"github.com/writ-auth/writ/server"
	"github.com/writ-auth/writ/server/store/natskv"
)

// The sources of a fleet: records in NATS, admin listeners over HTTP, and Prometheus. Each
// gives instances in one form. A source that cannot be asked is an error; an instance that
// does not answer is not.

// decodeStatus is an instance out of its /status or its record, which have one form.
// address is where it was found. Members that this version does not know are skipped: writ
// may be older than a writd.
func decodeStatus(body []byte, address string) (instance, error) {
	var status struct {
		server.Status
		Version string `json:"version"`
	}
	if err := json.Unmarshal(body, &status); err != nil {
		return instance{}, errors.New("it is not what writd says of itself")
	}
	return instance{
		Instance: status.Instance, Version: status.Version, Serial: status.Serial, Digest: status.Digest, Since: status.Since, Ready: status.Ready,
		LastRejected: status.LastRejected, Problems: status.Problems, Address: address, Answered: true,
		stale: status.Location != nil && status.Location.Stale,
	}, nil
}

// locationSource finds what a location holds, and the instances that follow it where it
// keeps a roster (NATS). A location that holds nothing yet is no error.
func locationSource(l location.Location) fleetSource {
	return func(ctx context.Context) (found []instance, held location.Head, err error) {
		held, err = l.Head(ctx, location.Head{})
		if err != nil && !errors.Is(err, location.ErrAbsent) {
			return nil, held, err
		}
		if roster := location.RosterOf(l); roster != nil {
			found, err = readRoster(ctx, roster)
			return found, held, err
		}
		return nil, held, nil
	}
}

// readRoster finds the instances that have a record on a roster. A record that is not
// writd's is skipped: others may write to the bucket.
func readRoster(ctx context.Context, roster *location.Roster) (found []instance, err error) {
	for record, err := range roster.Records(ctx) {
		if err != nil {
			return nil, err
		}
		if i, err := decodeStatus(record, roster.String()); err == nil && location.ValidInstance(i.Instance) { // else it is not writd's
			found = append(found, i)
		}
	}
	return found, nil
}

// storeFlag is --store, with the same value that writd is given; usage begins its help.
func storeFlag(url *string, usage string) cli.Flag {
	return cli.Flag{Name: "store", Usage: usage + " `URL`, as writd has it: nats://HOST[:PORT],...?bucket=writ", Value: url}
}

// storeSource finds the instances by the records that they keep beside the store they
// share. closing ends the connection.
func storeSource(url string, o location.Options) (source fleetSource, closing func(), err error) {
	address, err := natsbucket.Parse(url, natskv.DefaultBucket)
	if err != nil {
		return nil, nil, diag.Usagef("--store: %w", err)
	}
	roster, err := location.OpenRoster(address, o)
	if err != nil {
		return nil, nil, diag.Failf("unreachable", "", "%w", err)
	}
	source = func(ctx context.Context) ([]instance, location.Head, error) {
		found, err := readRoster(ctx, roster)
		return found, location.Head{}, err
	}
	return source, func() { _ = roster.Close() }, nil
}

// readTargets reads the values of --targets: addresses of admin listeners, and files with
// one a line and comments from "#" on. A word with a scheme is an address, any other is a
// file.
func readTargets(env *cli.Env, lists []string) (targets []*url.URL, err error) {
	add := func(text string) error {
		u, err := fleetURL("--targets", text)
		if targets = append(targets, u); err == nil && len(targets) > maxTargets {
			err = diag.Usagef("--targets names more than %d", maxTargets)
		}
		return err
	}
	// --targets may be repeated, and each may list several: both are one list.
	for word := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		if strings.Contains(word, "://") || strings.HasPrefix(word, "unix:") {
			if err := add(word); err != nil {
				return nil, err
			}
			continue
		}
		content, err := os.ReadFile(env.Path(word))
		if err != nil {
			return nil, diag.Failf("unreadable-file", "Name a file with one address a line, or an address that begins with http://.", "read targets %q: %w",
				filepath.ToSlash(word), errors.Unwrap(err))
		}
		for line := range strings.Lines(string(content)) {
			line, _, _ = strings.Cut(line, "#")
			if line = strings.TrimSpace(line); line == "" {
				continue
			}
			if err := add(line); err != nil {
				return nil, err
			}
		}
	}
	return targets, nil
}

// fleetURL reads an address that is asked over HTTP or over a Unix socket. Its errors quote
// nothing that may be a credential. A password over plain http is allowed for loopback
// only.
func fleetURL(flag, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme == "unix" && u.Path == "" || u.Scheme != "unix" && (u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == ""):
		return nil, diag.Usagef("an address of %s is not http://HOST:PORT, https://HOST:PORT or unix:/PATH", flag)
	case u.User != nil && u.Scheme == "http" && !schema.IsLoopback(u.Hostname()):
		return nil, diag.Usagef("an address of %s has user and password for plain http to %q, where everybody on the way reads them", flag, u.Host)
	}
	return u, nil
}

// fleetGet gets a document of at most most bytes within fleetTimeout. Redirects are not
// followed: they would carry credentials somewhere else. Connections are not kept:
// thousands of targets are asked once each.
func fleetGet(ctx context.Context, base *url.URL, path string, query url.Values, most int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fleetTimeout)
	defer cancel()
	// Over a Unix socket the path of the address is the socket, and the host of the request
	// means nothing.
	target, transport := *base, &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	if base.Scheme == "unix" {
		target = url.URL{Scheme: "http", Host: "localhost"}
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", base.Path)
		}
	}
	target.Path, target.RawPath, target.Fragment, target.RawQuery = strings.TrimSuffix(target.Path, "/")+path, "", "", query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, errors.New("the address is malformed")
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		// *url.Error quotes the address, which may have a password in it.
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		err := fmt.Errorf("the answer is %d", res.StatusCode)
		if res.StatusCode == http.StatusForbidden && path == "/status" {
			err = fmt.Errorf("%w: ask it by its address, or start it with --admin-host %s", err, base.Hostname())
		}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	if err == nil && int64(len(body)) > most {
		err = fmt.Errorf("the answer is longer than %d bytes", most)
	}
	return body, err
}

// fleetAddress is an address as it may be shown: without user, password and path.
func fleetAddress(u *url.URL) string {
	if u.Scheme == "unix" {
		return "unix:" + u.Path
	}
	return u.Scheme + "://" + u.Host
}

// targetSource finds the instances by the addresses of their admin listeners. The addresses are
// read once, so that every look of --wait asks the same ones.
func targetSource(env *cli.Env, lists []string) (fleetSource, error) {
	targets, err := readTargets(env, lists)
	return func(ctx context.Context) ([]instance, location.Head, error) {
		return askTargets(ctx, targets), location.Head{}, nil
	}, err
}

// askTargets asks admin listeners for their /status, fleetAtOnce at a time, and returns one
// instance for each in the order of targets. One that does not answer is in the list with
// the reason.
func askTargets(ctx context.Context, targets []*url.URL) []instance {
	// Each goroutine writes to its own place of found, so there is no lock.
	found := make([]instance, len(targets))
	free := make(chan struct{}, fleetAtOnce)
	var asking sync.WaitGroup
	for n, target := range targets {
		free <- struct{}{}
		asking.Go(func() {
			defer func() { <-free }()
			body, err := fleetGet(ctx, target, "/status", nil, maxFleetAnswer)
			if err == nil {
				found[n], err = decodeStatus(body, fleetAddress(target))
			}
			if err != nil {
				found[n] = instance{Address: fleetAddress(target), silent: err.Error()}
			}
		})
	}
	asking.Wait()
	return found
}

// What Prometheus is asked: the metrics by which an instance describes itself, and which
// targets of the same jobs are down. A job is one of writd if it has had writ_ready within
// the last hour, so that an instance which has just died is listed and other programs are
// not.
const (
	fleetQuery = `{__name__=~"writ_snapshot_info|writ_ready|writ_build_info|writ_location_stale|writ_snapshot_last_reload_successful|writ_snapshot_last_reload_success_timestamp_seconds"}`
	upQuery    = `up == 0 and on(job) group by(job) (writ_ready or last_over_time(writ_ready[1h]))`
)

// A series is one series of an instant query of Prometheus with its value, a pair of time
// and text.
type series struct {
	Metric map[string]string `json:"metric"`
	Value  [2]any            `json:"value"` // time and text
}

// is reports whether the value is this text. Prometheus writes 0 and 1 without a point.
func (s series) is(value string) bool { return s.Value[1] == value }

// prometheusQuery runs an instant query (/api/v1/query), whose answer has to be a vector.
func prometheusQuery(ctx context.Context, base *url.URL, query string) ([]series, error) {
	body, err := fleetGet(ctx, base, "/api/v1/query", url.Values{"query": {query}}, maxPrometheus)
	if err != nil {
		return nil, fmt.Errorf("query Prometheus at %s: %w", fleetAddress(base), err)
	}
	var answer struct {
		Status string
		Data   struct {
			ResultType string
			Result     []series
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Status != "success" || answer.Data.ResultType != "vector" {
		return nil, fmt.Errorf("query Prometheus at %s: the answer is no vector", fleetAddress(base))
	}
	return answer.Data.Result, nil
}

// askPrometheus finds instances by the metrics that Prometheus has of them, one for each
// pair of job and instance, and those that it could not scrape. The order is that of a map:
// lookAtFleet sorts.
func askPrometheus(ctx context.Context, base *url.URL) ([]instance, error) {
	samples, err := prometheusQuery(ctx, base, fleetQuery)
	if err != nil {
		return nil, err
	}
	down, err := prometheusQuery(ctx, base, upQuery)
	if err != nil {
		return nil, err
	}
	// Several series make up one instance; they come in no order.
	found := map[[2]string]*instance{}
	of := func(s series) *instance {
		key := [2]string{s.Metric["job"], s.Metric["instance"]}
		if found[key] == nil {
			found[key] = &instance{Instance: key[1], Address: fleetAddress(base), Answered: true}
		}
		return found[key]
	}
	for _, s := range samples {
		i := of(s)
		switch s.Metric["__name__"] {
		case "writ_build_info":
			i.Version = s.Metric["version"]
		case "writ_ready":
			i.Ready = s.is("1")
		case "writ_location_stale":
			i.stale = s.is("1")
		case "writ_snapshot_info":
			i.Digest = s.Metric["digest"]
			i.Serial, _ = strconv.ParseUint(s.Metric["serial"], 10, 64)
		case "writ_snapshot_last_reload_successful":
			if s.is("0") && i.LastRejected == nil {
				i.LastRejected = &server.Rejection{Reason: "its log and its /status say why"}
			}
		case "writ_snapshot_last_reload_success_timestamp_seconds":
			if text, ok := s.Value[1].(string); ok {
				if at, err := strconv.ParseFloat(text, 64); err == nil && at > 0 {
					i.Since = time.Unix(int64(at), 0).UTC()
				}
			}
		}
	}
	for _, s := range down {
		i := of(s)
		i.Answered, i.silent = false, "Prometheus cannot scrape it"
	}
	instances := make([]instance, 0, len(found))
	for _, i := range found {
		if i.Answered && i.Digest == "" && i.LastRejected != nil && i.Since.IsZero() && !i.Ready {
			i.LastRejected = nil // it has had none yet: the gauge begins with 0
		}
		instances = append(instances, *i)
	}
	return instances, nil
}
