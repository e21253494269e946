package main

import (
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestNothingBreaksInAWord: at a terminal of 80 and of 40 columns every line ends between
// words. The terminal itself would break one that is longer within a word. JSON stays whole.
func TestNothingBreaksInAWord(t *testing.T) {
	const folder = "../../examples/platform"
	for _, columns := range []int{80, 40} {
		for _, command := range []string{
			"who", "show nowhere", "who --api orders", "who --client checkout", "explain --client billing --api orders", "explain --client storefront --api payments",
			"validate", "check --coverage", "plan --first", "who --help", "who --api orders --json",
		} {
			text := atTerminal(t, columns, append([]string{"-C", folder}, strings.Fields(command)...)...)
			lines := slices.Collect(strings.Lines(text))
			if strings.HasSuffix(command, "--json") {
				if len(lines) != 1 {
					t.Errorf("%s: %d lines of JSON", command, len(lines))
				}
				continue
			}
			for _, line := range lines {
				line = regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(strings.TrimRight(line, "\r\n"), "")
				words := strings.Fields(line)
				if utf8.RuneCountInString(line) > columns && len(words) > 1 && words[0] != "$" && len(words[0]) < columns-20 {
					t.Errorf("%s at %d columns: %q", command, columns, line)
				}
			}
		}
	}
}

// atTerminal runs the program at a terminal with so many columns, and returns what it prints.
func atTerminal(t *testing.T, columns int, args ...string) string {
	t.Helper()
	if has, err := hasTerminal(); err != nil {
		t.Fatal(err)
	} else if !has {
		t.Skip("there is no terminal to open")
	}
	person, program, err := openTerminal()
	if err == nil {
		err = resize(program, columns)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer person.Close()
	printed := make(chan string)
	go func() {
		text, _ := io.ReadAll(person) // ends with EIO
		printed <- string(text)
	}()
	env, _, _ := testStdio()
	env.Out, env.Err = program, program
	run(t.Context(), args, env) // whose exit code is another test's
	program.Close()
	return <-printed
}
