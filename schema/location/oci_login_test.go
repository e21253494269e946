package location_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/location"
)

// A registry that asks who is there gets what Docker's config.json or the helper
// that it names says, read anew at each login; an error says neither.
func TestOCILogin(t *testing.T) {
	if _, err := os.Stat("/bin/sh"); err != nil {
		t.Skip("no shell for a credential helper")
	}
	f := newFakeRegistry(t)
	host := f.Listener.Addr().String()
	f.fail(func(w http.ResponseWriter, r *http.Request) bool {
		if user, password, _ := r.BasicAuth(); user == "ci" && password == "right-s3cr3t" {
			return false
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="writ"`)
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	dir := t.TempDir()
	helper := func(name, script string) {
		if err := os.WriteFile(filepath.Join(dir, "docker-credential-"+name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	helper("good", `echo '{"Username":"ci","Secret":"right-s3cr3t"}'`)
	helper("bad", `echo '{"Username":"ci","Secret":"right-s3cr3t"}'; exit 1`)
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
	auths := func(password string) string {
		return fmt.Sprintf(`{"auths":{%q:{"auth":%q}}}`, host, base64.StdEncoding.EncodeToString([]byte("ci:"+password)))
	}
	config := filepath.Join(dir, "config.json")
	for name, test := range map[string]struct {
		config string
		says   string // "" when it works
	}{
		"password":       {auths("right-s3cr3t"), ""},
		"wrong password": {auths("wrong-s3cr3t"), "answered 401"},
		"helper":         {fmt.Sprintf(`{"credHelpers":{%q:"good"}}`, host), ""},
		"store":          {`{"credsStore":"good"}`, ""},
		"failing helper": {`{"credsStore":"bad"}`, "gives no credential"},
		"no helper":      {`{"credsStore":"absent"}`, "gives no credential"},
		"nobody":         {`{}`, "credential not found"},
		"no JSON":        {`s3cr3t`, "cannot be read"},
	} {
		writeFile(t, config, []byte(test.config))
		for _, path := range []string{dir, config} {
			_, err := open(t, "oci://"+host+"/writ:prod", location.Options{DockerConfig: path}).Head(t.Context(), location.Head{})
			switch {
			case test.says == "" && !errors.Is(err, location.ErrAbsent):
				t.Errorf("%s: %v", name, err)
			case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "s3cr3t")):
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	a, err := location.Parse("oci://" + host + "/writ")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := location.Open(a, location.Options{DockerConfig: filepath.Join(dir, "absent")}); err == nil {
		t.Error("a config that is not there is taken")
	}
	t.Setenv("DOCKER_CONFIG", dir)
	writeFile(t, config, []byte(auths("right-s3cr3t")))
	if _, err := open(t, "oci://"+host+"/writ:prod", location.Options{}).Head(t.Context(), location.Head{}); !errors.Is(err, location.ErrAbsent) {
		t.Errorf("by $DOCKER_CONFIG: %v", err)
	}
}
