// Command pictures makes the pictures of the README from the real programs:
//
//	go run .ci/pictures.go
//
// docs/plan.svg is what "writ plan" prints on a terminal; docs/console.png is the console of
// "writ dev" in Chromium, which has to be in PATH (or --console=false). The same programs
// give the same pictures: run it again when the plan's words or the pages have changed.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	columns = 92               // of the terminal
	largest = 150_000          // bytes of a picture
	listen  = "127.0.0.1:8080" // stands in the picture, as in the README
)

func main() {
	log.SetFlags(0)
	withConsole := flag.Bool("console", true, "make the picture of the console, too")
	flag.Parse()
	dir, err := os.MkdirTemp("", "writ-pictures-")
	check(err)
	defer os.RemoveAll(dir)
	writ := filepath.Join(dir, "writ")
	run("", "go", "build", "-o", writ, "./cmd/writ")
	save("docs/plan.svg", terminal("writ plan", plan(writ, dir)))
	if *withConsole {
		png := filepath.Join(dir, "console.png")
		shoot(writ, dir, png)
		content, err := os.ReadFile(png)
		check(err)
		save("docs/console.png", content)
	}
}

// plan is what a terminal shows of the plan in the README's tour.
func plan(writ, dir string) string {
	demo := filepath.Join(dir, "demo")
	run(dir, writ, "init", "demo")
	run(demo, writ, "apply", "--auto-approve")
	check(os.Remove(filepath.Join(demo, "orders.test.hcl"))) // which does not expect what comes
	file := filepath.Join(demo, "billing.hcl")
	content, err := os.ReadFile(file)
	check(err)
	check(os.WriteFile(file, []byte(strings.Replace(string(content), `["read:orders"]`, `["read:orders", "write:orders"]`, 1)), 0o666))
	// script(1) gives the program a terminal.
	return run(demo, "script", "-qec", fmt.Sprintf("stty cols %d rows 60; exec %s plan", columns, writ), os.DevNull)
}

// The colours of the terminal, by the parameter of SGR.
var colours = map[string]string{"31": "#f97583", "32": "#85e89d", "33": "#ffdf5d", "36": "#79b8ff"}

// terminal draws text with SGR sequences as SVG, below a line with the command.
func terminal(command, text string) []byte {
	const size, line, pad = 14, 20, 20
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	var b strings.Builder
	width, height := columns*8.43+2*pad, (len(lines)+1)*line+2*pad
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" role="img" aria-label="The output of %s">`+"\n", width, height, html.EscapeString(command))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="#1b1f24"/>`+"\n")
	fmt.Fprintf(&b, `<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d" fill="#e1e4e8" xml:space="preserve">`+"\n", size)
	for i, l := range append([]string{"\x1b[2m$\x1b[0m \x1b[1m" + command}, lines...) {
		if l = spans(l); l != "" {
			fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", pad, pad+size+i*line, l)
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return []byte(b.String())
}

// spans turns the SGR sequences of one line into spans.
func spans(line string) string {
	var b strings.Builder
	style := ""
	for i, part := range strings.Split(line, "\x1b[") {
		if i > 0 {
			sgr, rest, ok := strings.Cut(part, "m")
			if !ok {
				continue
			}
			part, style = rest, restyled(style, sgr)
		}
		switch text := strings.ReplaceAll(html.EscapeString(part), " ", "&#160;"); {
		case text == "":
		case style == "":
			b.WriteString(text)
		default:
			fmt.Fprintf(&b, "<tspan%s>%s</tspan>", style, text)
		}
	}
	return b.String()
}

// restyled is the style after one more sequence.
func restyled(style, sgr string) string {
	for code := range strings.SplitSeq(sgr, ";") {
		switch {
		case code == "" || code == "0":
			style = ""
		case code == "1":
			style += ` font-weight="bold"`
		case code == "2":
			style += ` opacity="0.6"`
		case colours[code] != "":
			style += fmt.Sprintf(" fill=%q", colours[code])
		}
	}
	return style
}

// shoot takes a picture of the console over the realistic example.
func shoot(writ, dir, png string) {
	ctx, stop := context.WithTimeout(context.Background(), 2*time.Minute)
	defer stop()
	tree := filepath.Join(dir, "platform")
	check(os.CopyFS(tree, os.DirFS("examples/platform")))
	dev := exec.CommandContext(ctx, writ, "dev", "--json", "--listen", listen, "platform")
	dev.Dir = dir
	dev.Cancel = func() error { return dev.Process.Signal(os.Interrupt) }
	out, err := dev.StdoutPipe()
	check(err)
	check(dev.Start())
	var serving struct{ Console string }
	for scanner := bufio.NewScanner(out); serving.Console == "" && scanner.Scan(); {
		_ = json.Unmarshal(scanner.Bytes(), &serving) // the line that has it
	}
	if serving.Console == "" {
		log.Fatal("writ dev serves no console")
	}
	run(dir, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,760",
		"--user-data-dir="+filepath.Join(dir, "profile"), "--timeout=3000", "--screenshot="+png, serving.Console)
	stop()
	_ = dev.Wait() // interrupted
}

func save(name string, content []byte) {
	if len(content) > largest {
		log.Fatalf("%s has %d bytes: at most %d", name, len(content), largest)
	}
	check(os.WriteFile(name, content, 0o644))
	log.Printf("%s: %d bytes", name, len(content))
}

// run returns what a command prints on standard output.
func run(dir, name string, args ...string) string {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	cmd.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	out, err := cmd.Output()
	if err != nil {
		log.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
