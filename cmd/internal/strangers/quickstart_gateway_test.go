//go:build linux

package strangers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/server/quickstart"
)

// installed finds a gateway, which Debian puts where only root looks.
func installed(t *testing.T, name, pkg string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return filepath.Join(dir, name)
		}
	}
	path, err := exec.LookPath(name)
	if err != nil {
		need(t, name+" is not installed: "+pkg)
	}
	return path
}

// edit changes the one line of a file that is to be as the machine has it.
func edit(t *testing.T, path string, changes ...string) {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	text := string(content)
	for i := 0; i < len(changes); i += 2 {
		if strings.Count(text, changes[i]) != 1 {
			t.Fatalf("%s does not have %q once:\n%s", path, changes[i], text)
		}
		text = strings.Replace(text, changes[i], changes[i+1], 1)
	}
	put(t, path, []byte(text))
}

// atOnce runs a program that ends by itself.
func (s *shop) atOnce(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "SSL_CERT_FILE="+s.ca, "SIGNING_SECRET="+signingSecret)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

func haproxy(t *testing.T, s *shop, target quickstart.Target, _ []quickstart.API) launcher {
	haproxy := installed(t, "haproxy", "haproxy")
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		dir, port := lay(t, target, api), ownPort(t)
		if _, err := os.Stat(filepath.Join(dir, "keys.py")); err == nil {
			s.atOnce(t, dir, python, "keys.py")
		}
		edit(t, filepath.Join(dir, "haproxy.cfg"), "bind 127.0.0.1:3000", "bind 127.0.0.1:"+port,
			"server application 127.0.0.1:8000", "server application "+s.upstream)
		s.atOnce(t, dir, haproxy, "-c", "-f", "haproxy.cfg")
		return s.serveOn(t, port, dir, environment, haproxy, "-f", "haproxy.cfg")
	}
}

func nginx(t *testing.T, s *shop, target quickstart.Target, _ []quickstart.API) launcher {
	nginx := installed(t, "nginx", "nginx-light")
	if _, err := os.Stat("/usr/lib/nginx/modules/ngx_http_js_module.so"); err != nil {
		need(t, "nginx cannot run JavaScript: libnginx-mod-http-js")
	}
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		s.atOnce(t, lay(t, target, api), nginx, "-p", ".", "-c", "nginx.conf", "-t") // with https
		api.JWKSURI = s.plain
		dir, port := lay(t, target, api), ownPort(t)
		openToWorkers(t, dir)
		edit(t, filepath.Join(dir, "nginx.conf"), "listen 127.0.0.1:3000;", "listen 127.0.0.1:"+port+";",
			"server 127.0.0.1:8000;", "server "+s.upstream+";")
		return s.serveOn(t, port, dir, environment, nginx, "-p", dir, "-c", "nginx.conf", "-g", "daemon off; error_log stderr warn;")
	}
}

func apache(t *testing.T, s *shop, target quickstart.Target, _ []quickstart.API) launcher {
	apache := installed(t, "apache2", "apache2-bin")
	if _, err := os.Stat("/usr/lib/apache2/modules/mod_oauth2.so"); err != nil {
		need(t, "Apache cannot check tokens: libapache2-mod-oauth2")
	}
	return func(t *testing.T, api quickstart.API, environment ...string) string {
		dir := lay(t, target, api)
		s.atOnce(t, dir, apache, "-d", dir, "-f", "apache.conf", "-t") // with https
		api.JWKSURI = s.plain
		dir, port := lay(t, target, api), ownPort(t)
		openToWorkers(t, dir)
		edit(t, filepath.Join(dir, "apache.conf"), "Listen 127.0.0.1:3000", "Listen 127.0.0.1:"+port,
			"http://127.0.0.1:8000$1", "http://"+s.upstream+"$1")
		return s.serveOn(t, port, dir, environment, apache, "-d", dir, "-f", "apache.conf", "-DFOREGROUND", "-C", "LogLevel warn")
	}
}

// openToWorkers lets another user reach what is in a folder of a test: a gateway
// that root starts works as one, whatever the umask.
func openToWorkers(t *testing.T, dir string) {
	t.Helper()
	must(t, os.Chmod(filepath.Dir(dir), 0o711))
	must(t, os.Chmod(dir, 0o711))
}
