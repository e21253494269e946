// Package testenv keeps the machine out of the tests.
//
// It owns what a test must not take from where it runs: variables that somebody
// has set for git, writ, writd, a service manager or an exporter, a temporary
// folder whose name is too long for a socket, and a port that another process
// takes between the moment it was found and the moment it is used. Beside that it has what
// tests of several programs need. Only tests import it, those of both programs, and so it
// stands with what these share.
package testenv

import (
	"flag"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// What is taken out of the environment: each of these changes what a program
// under test does, or which repository, manager or collector it speaks to. GIT_DIR
// alone, which git sets for its hooks, would have tests commit to the caller's
// repository.
var (
	foreign = []string{"CI_", "GIT_", "GITHUB_", "LISTEN_", "OTEL_", "WATCHDOG_", "WRIT_", "WRITD_", "CLICOLOR", "COLUMNS", "FORCE_COLOR", "NO_COLOR", "NOTIFY_SOCKET", "SOURCE_DATE_EPOCH"}
	kept    = []string{"GIT_EXEC_PATH", "GIT_SSL_CAINFO", "WRIT_SCREENSHOTS", "WRIT_SOAK", "WRIT_TEST_", "WRITD_TEST_"}
)

// longestTempDir is the longest name of a folder for temporary files in which a
// test's own folder still has room for a socket: the path of one takes at most
// 103 bytes, and the longest that our tests put behind the folder is 75.
const longestTempDir = 28

// Isolate prepares the environment of this process and of all that it starts.
// TestMain calls it before anything else.
func Isolate() {
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		begins := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if slices.ContainsFunc(foreign, begins) && !slices.ContainsFunc(kept, begins) {
			os.Unsetenv(name)
		}
	}
	if len(os.TempDir()) > longestTempDir {
		os.Setenv("TMPDIR", "/tmp")
	}
	os.Setenv("XDG_RUNTIME_DIR", os.DevNull) // where a "writ dev" of the developer could be found
	os.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	os.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	os.Setenv("GIT_CEILING_DIRECTORIES", os.TempDir()) // which may lie in a repository
	// Strangers' programs ask a proxy for addresses of this machine as for any other.
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		local := "localhost,127.0.0.1,::1"
		if others := os.Getenv(name); others != "" {
			local += "," + others
		}
		os.Setenv(name, local)
	}
}

// Overlap lets more parallel tests run at once than there are processors, for a package
// whose tests mostly wait for other programs. What go test was told by -parallel stays.
// TestMain calls it.
func Overlap() {
	flag.Parse()
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == "test.parallel" })
	if told {
		return
	}
	if err := flag.Set("test.parallel", strconv.Itoa(2*max(2, runtime.NumCPU()))); err != nil {
		panic(err) // there is no such flag in what is not a test
	}
}
