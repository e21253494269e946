package console

import (
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Events for open pages, and the key without which pages are read-only.

// A Live tells open pages that what they show has changed. The zero value is ready, and it
// is safe for concurrent use.
type Live struct {
	mu     sync.Mutex
	next   chan struct{} // closed at the next change; nil: nobody waits
	closed bool
}

// Notify has every open page look again.
func (l *Live) Notify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next != nil {
		close(l.next)
		l.next = nil
	}
}

// Close ends every stream, so that a server can stop at once.
func (l *Live) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.Notify()
}

// wait returns a channel that is closed at the next change, nil after Close.
func (l *Live) wait() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil
	}
	if l.next == nil {
		l.next = make(chan struct{})
	}
	return l.next
}

// livePing keeps proxies and browsers from taking a quiet stream for a dead one.
const livePing = 20 * time.Second

// comparedPing is how often a page that compares the files with something is told what it
// should show: nobody tells the console of a commit or of an apply. Between two, a
// comparison is kept.
const comparedPing = 3 * time.Second

// events answers with server-sent events: one for each change. A page that connects after a
// change is told nothing of it, and so the first event comes at once.
func (c *Console) events(w http.ResponseWriter, r *http.Request) {
	if c.opts.Live == nil || r.Method != http.MethodGet {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	flush := http.NewResponseController(w)
	every := livePing
	if r.URL.Query().Has("against") {
		every = comparedPing
	}
	ping := time.NewTicker(every)
	defer ping.Stop()
	for event := "hello"; ; {
		next := c.opts.Live.wait()
		// What the page shows is named, so that one which shows it already does nothing.
		if _, err := fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event, c.showsNow(r)); err != nil || flush.Flush() != nil || next == nil {
			return
		}
		select {
		case <-next:
			event = "change"
		case <-ping.C:
			event = "hello"
		case <-r.Context().Done():
			return
		}
	}
}

// shows identifies what pages show of a state: the snapshot, and why a newer one is not
// shown.
func shows(s State) string {
	id := s.Digest
	if s.Rejected != nil {
		id += " rejected " + s.Rejected.At.UTC().Format(time.RFC3339Nano)
	}
	return id
}

// A lock keeps pages read-only for whoever has not opened the address with the key. The
// key works once: it may stay in a history or on a screen. From then on a cookie shows who
// has opened it.
type lock struct {
	mu     sync.Mutex
	key    string // not used yet; "" when it was
	used   string // the last one that was
	cookie string
}

// newLock makes both secrets, 26 characters with at least 128 bits each (rand.Text).
func newLock() *lock { return &lock{key: rand.Text(), cookie: rand.Text()} }

// Key is the key of the next browser, for ?key= in the printed address: "" for a console
// without one, and from the moment that it is used until a further one is announced.
func (c *Console) Key() string {
	if c.lock == nil {
		return ""
	}
	c.lock.mu.Lock()
	defer c.lock.mu.Unlock()
	return c.lock.key
}

// Address is where a person opens the console: origin is that of the listener.
func (c *Console) Address(origin string) string {
	if key := c.Key(); key != "" {
		return origin + Path + "?key=" + key
	}
	return origin + Path
}

// cookieName tells consoles on several ports apart: a cookie knows no port.
func cookieName(r *http.Request) string {
	_, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		port = "80"
	}
	return "writ_console_" + port
}

// trusted reports whether the request may write: it has the cookie, or there is no lock.
func (c *Console) trusted(r *http.Request) bool {
	if c.lock == nil {
		return true
	}
	cookie, err := r.Cookie(cookieName(r))
	return err == nil && subtle.ConstantTimeCompare([]byte(cookie.Value), []byte(c.lock.cookie)) == 1
}

// unlock answers a request whose address has a key: it leads to the same page without it, with
// the cookie where the key is right. The right key a second time has a new one announced,
// which only who sees the terminal gets.
func (c *Console) unlock(w http.ResponseWriter, r *http.Request, key string) {
	if c.lock != nil && r.Method == http.MethodGet {
		same := func(other string) bool {
			return other != "" && subtle.ConstantTimeCompare([]byte(key), []byte(other)) == 1
		}
		// Whoever sees a used key again, on a screen or in a history, gains nothing by it:
		// the new one is only announced where the first was printed. One new key at a time,
		// or anybody could fill the terminal.
		c.lock.mu.Lock()
		fits, again := same(c.lock.key), same(c.lock.used)
		if fits {
			c.lock.used, c.lock.key = c.lock.key, ""
		}
		again = again && c.lock.key == "" && !c.trusted(r)
		if again {
			c.lock.key = rand.Text()
		}
		c.lock.mu.Unlock()
		if fits {
			http.SetCookie(w, &http.Cookie{Name: cookieName(r), Value: c.lock.cookie, Path: Path, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}
		if again && c.opts.Announce != nil {
			c.opts.Announce()
		}
	}
	to := *r.URL
	query := to.Query()
	query.Del("key")
	to.RawQuery, to.Scheme, to.Host = query.Encode(), "", ""
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}
