package console

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	protocol "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// chromium is one browser for all tests; each of them has a profile of its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, fmt.Errorf("there is no chromium in PATH")
	}
	profile, err := os.MkdirTemp("", "writ-console-")
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.Flag("disable-gpu", true),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	browser, end := chromedp.NewContext(allocator)
	ending = func() { end(); stop(); os.RemoveAll(profile) }
	return browser, chromedp.Do(browser)
})

var ending = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	ending()
	os.Exit(code)
}

// patience is how long a page may take, on a busy machine too.
const patience = 2 * time.Minute

// A tab is one page of the browser, with what went wrong in it.
type tab struct {
	t      *testing.T
	ctx    context.Context
	origin string
	inDark bool // the scheme is the dark one
	pixels int  // how wide the page is

	mu     sync.Mutex
	faults []string
}

// open makes a tab that may load from origin only, with cookies and a focus of its own, so
// that tests run side by side. At the end of the test it must have no error on its console
// and no request to anywhere else.
func open(t *testing.T, origin string) *tab {
	t.Helper()
	browser, err := chromium()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the console cannot be tested: %v", err)
		}
		t.Skipf("not tested: %v", err)
	}
	b := &tab{t: t, origin: origin}
	ctx, stop := chromedp.NewContext(browser, chromedp.WithNewBrowserContext(), chromedp.WithListener(b.event))
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Minute)
	b.ctx = ctx
	t.Cleanup(func() {
		cancel()
		stop()
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, fault := range b.faults {
			t.Error(fault)
		}
	})
	call(b, network.Enable, network.EnableParams{})
	call(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	if address, ok := keys.LoadAndDelete(origin); ok {
		b.visit(address.(string))
	}
	return b
}

func (b *tab) event(event any) {
	fault := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		fault = fmt.Sprintf("exception: %+v", e.ExceptionDetails)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			fault = fmt.Sprintf("console: %s %v", e.Type, e.Args)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError {
			fault = "log: " + e.Entry.Text + " " + e.Entry.URL
		}
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme+"://"+u.Host != b.origin {
			fault = "request to elsewhere: " + e.Request.URL
		}
	}
	if fault == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.faults = append(b.faults, fault)
}

type action = chromedp.Action[chromedp.Void]

func (b *tab) do(actions ...action) {
	b.t.Helper()
	if err := b.try(actions...); err != nil {
		b.t.Fatalf("%v\nat %s", err, b.where())
	}
}

func (b *tab) try(actions ...action) error {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Do(ctx, actions...)
}

// where is the page for the report of a failure.
func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location.href + "\n" + document.body.innerText.slice(0, 1500)`))
	if err != nil {
		return err.Error()
	}
	return text
}

// call sends a command of the browser's protocol.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) (result R) {
	b.t.Helper()
	b.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) (err error) {
		result, err = cdp.Call(ctx, t, command, params)
		return err
	}))
	return result
}

func (b *tab) visit(path string) {
	b.t.Helper()
	there := chromedp.Navigate(b.origin + path)
	if err := b.try(there); err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		b.do(there) // the answer to a form came in between
	} else if err != nil {
		b.t.Fatalf("%v\nat %s", err, b.where())
	}
}

// script evaluates an expression and returns its value.
func script[T any](b *tab, expression string) T {
	b.t.Helper()
	value, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v\nat %s", expression[:min(len(expression), 200)], err, b.where())
	}
	return value
}

// wait waits until an expression is true on a page that is all there.
func (b *tab) wait(expression string) {
	b.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		// Between two pages there is nowhere to ask.
		if ok, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("document.readyState !== 'loading' && Boolean("+expression+")")); err == nil && ok {
			return
		}
	}
	b.t.Fatalf("never true: %s\nat %s", expression, b.where())
}

// text waits until the page holds the text.
func (b *tab) text(text string) {
	b.t.Helper()
	b.wait(fmt.Sprintf("document.body.innerText.includes(%q)", text))
}

func (b *tab) light() { b.scheme("light") }
func (b *tab) dark()  { b.scheme("dark") }

func (b *tab) width(pixels int) {
	b.pixels = pixels
	b.do(chromedp.EmulateViewport(int64(pixels), 900))
}

func (b *tab) scheme(scheme string) {
	b.inDark = scheme == "dark"
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// shoot keeps a picture of the whole page in the folder $WRIT_SCREENSHOTS.
func (b *tab) shoot(name string) {
	b.t.Helper()
	dir := os.Getenv("WRIT_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		b.t.Fatal(err)
	}
	yes := true
	picture := call(b, protocol.CaptureScreenshot, protocol.CaptureScreenshotParams{Format: protocol.CaptureScreenshotFormatPng, CaptureBeyondViewport: &yes, OptimizeForSpeed: &yes})
	if err := os.WriteFile(filepath.Join(dir, name+".png"), picture.Data, 0o666); err != nil {
		b.t.Fatal(err)
	}
}
