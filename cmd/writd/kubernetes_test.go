//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema/snapshot"
)

// A manifest is what the tests look at of an object; that it has no member too many is
// seen by the API's own types.
type manifest struct {
	Kind     string
	Metadata struct{ Name, Namespace string }
	Data     map[string]string
	Spec     struct {
		Template struct {
			Metadata struct{ Labels map[string]string }
			Spec     podSpec
		}
		Selector    json.RawMessage // a Service has the labels, others have them under matchLabels
		PodSelector struct{ MatchLabels map[string]string }
		Ports       []struct{ TargetPort string }
		Rules       []struct {
			HTTP struct{ Paths []struct{ Path string } }
		}
		PodMetricsEndpoints []struct{ Port, Path string }
	}
}

type podSpec struct {
	InitContainers, Containers []container
	Volumes                    []struct {
		Name      string
		ConfigMap struct{ Name string }
	}
	TopologySpreadConstraints []struct {
		LabelSelector struct{ MatchLabels map[string]string }
	}
}

type container struct {
	Name, Image, RestartPolicy                  string
	Args                                        []string
	Ports                                       []struct{ Name string }
	StartupProbe, ReadinessProbe, LivenessProbe struct {
		HTTPGet struct{ Path, Port string }
	}
	SecurityContext struct{ RunAsNonRoot, ReadOnlyRootFilesystem bool }
	VolumeMounts    []struct{ Name, MountPath string }
}

// matches reports whether a selector chooses the labels, and chooses at all.
func matches(selector, labels map[string]string) bool {
	for name, value := range selector {
		if labels[name] != value {
			return false
		}
	}
	return len(selector) > 0
}

// builder builds the overlays with Kustomize and holds them to the API's types.
func builder(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "kubernetes")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", program, ".")
	build.Dir = "../../.ci/e2e/kubernetes"
	build.Env = append(os.Environ(), "GOFLAGS=-mod=readonly")
	if out, err := build.CombinedOutput(); err != nil {
		need(t, "the module in .ci/e2e/kubernetes does not build: "+string(out))
	}
	return program
}

// Both overlays are objects that a cluster takes, that find each other, and whose writd
// is one that runs.
func TestKubernetesExample(t *testing.T) {
	t.Parallel()
	program := builder(t)
	dir := t.TempDir()
	writeSnapshot(t, filepath.Join(dir, "writ.snapshot"), 1, "read")
	p := start(t, dir)
	for overlay, wanted := range map[string][]string{
		"sidecar": {"ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "PodMonitor"},
		"central": {"ConfigMap", "Deployment", "Ingress", "NetworkPolicy", "PodDisruptionBudget", "PodMonitor", "Service"},
	} {
		t.Run(overlay, func(t *testing.T) {
			var stderr bytes.Buffer
			cmd := exec.CommandContext(t.Context(), program, filepath.Join(examples, "kubernetes/overlays", overlay))
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("%v\n%s", err, &stderr)
			}
			var objects []manifest
			must(t, json.Unmarshal(out, &objects))
			byKind := map[string]manifest{}
			var kinds []string
			for _, o := range objects {
				byKind[o.Kind] = o
				kinds = append(kinds, o.Kind)
				if o.Metadata.Namespace == "" {
					t.Errorf("%s %s is in no namespace", o.Kind, o.Metadata.Name)
				}
			}
			if slices.Sort(kinds); !slices.Equal(kinds, wanted) {
				t.Fatalf("objects %v, want %v", kinds, wanted)
			}
			template := byKind["Deployment"].Spec.Template
			pod, labels := template.Spec, template.Metadata.Labels
			writd := pod.Containers[0]
			if overlay == "sidecar" {
				writd = pod.InitContainers[0]
				if writd.RestartPolicy != "Always" || pod.Containers[0].Name != "app" {
					t.Errorf("not a sidecar of the application: %+v", pod)
				}
			}
			for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
				if !strings.Contains(c.Image, "@sha256:") || !c.SecurityContext.RunAsNonRoot || !c.SecurityContext.ReadOnlyRootFilesystem {
					t.Errorf("%s is not by digest, or not confined: %+v", c.Name, c)
				}
			}
			checkSelectors(t, byKind, labels)
			checkMounts(t, pod, writd, byKind["ConfigMap"])
			var ports []string
			for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
				for _, port := range c.Ports {
					ports = append(ports, port.Name)
				}
			}
			for _, port := range byKind["Service"].Spec.Ports {
				if !slices.Contains(ports, port.TargetPort) {
					t.Errorf("the Service's port %q is none of %v", port.TargetPort, ports)
				}
			}
			endpoint := byKind["PodMonitor"].Spec.PodMetricsEndpoints[0]
			for _, probe := range []struct{ Path, Port string }{
				writd.StartupProbe.HTTPGet, writd.ReadinessProbe.HTTPGet, writd.LivenessProbe.HTTPGet, {endpoint.Path, endpoint.Port},
			} {
				if err := status(p.admin, probe.Path, http.StatusOK); err != nil || !slices.Contains(ports, probe.Port) {
					t.Errorf("%+v: %v", probe, err)
				}
			}
			for _, rule := range byKind["Ingress"].Spec.Rules {
				for _, path := range rule.HTTP.Paths {
					if path.Path == "/.well-known/" {
						path.Path += "jwks.json"
					}
					if err := status(p.client, path.Path, map[bool]int{true: http.StatusMethodNotAllowed, false: http.StatusOK}[path.Path == "/oauth/token"]); err != nil {
						t.Error(err)
					}
				}
			}
			checkFlags(t, withFiles(t, writd.Args))
		})
	}
	// A member that a type does not have is refused.
	wrong := t.TempDir()
	must(t, os.CopyFS(wrong, os.DirFS(filepath.Join(examples, "kubernetes"))))
	deployment := filepath.Join(wrong, "base/deployment.yaml")
	text, err := os.ReadFile(deployment)
	must(t, err)
	put(t, deployment, bytes.ReplaceAll(text, []byte("readOnlyRootFilesystem"), []byte("readOnlyRootFileSystem")))
	if out, err := exec.CommandContext(t.Context(), program, filepath.Join(wrong, "overlays/central")).CombinedOutput(); err == nil || !strings.Contains(string(out), "unknown field") {
		t.Errorf("an unknown field passes: %v\n%s", err, out)
	}
}

// checkSelectors sees that everything that looks for the pods finds them.
func checkSelectors(t *testing.T, byKind map[string]manifest, labels map[string]string) {
	t.Helper()
	selectors := map[string]map[string]string{"NetworkPolicy": byKind["NetworkPolicy"].Spec.PodSelector.MatchLabels}
	for _, kind := range []string{"Deployment", "PodDisruptionBudget", "PodMonitor"} {
		var selector struct{ MatchLabels map[string]string }
		must(t, json.Unmarshal(byKind[kind].Spec.Selector, &selector))
		selectors[kind] = selector.MatchLabels
	}
	if service, ok := byKind["Service"]; ok {
		var selector map[string]string
		must(t, json.Unmarshal(service.Spec.Selector, &selector))
		selectors["Service"] = selector
	}
	for i, c := range byKind["Deployment"].Spec.Template.Spec.TopologySpreadConstraints {
		selectors["topology "+string(rune('0'+i))] = c.LabelSelector.MatchLabels
	}
	if len(selectors) < 6 {
		t.Errorf("only %d selectors", len(selectors))
	}
	for who, selector := range selectors {
		if !matches(selector, labels) {
			t.Errorf("%s looks for %v, the pods have %v", who, selector, labels)
		}
	}
}

// checkMounts sees that each mount has its volume and a flag that uses it, and that the
// key that --trust names is in the ConfigMap.
func checkMounts(t *testing.T, pod podSpec, writd container, trust manifest) {
	t.Helper()
	volumes := map[string]string{}
	for _, v := range pod.Volumes {
		volumes[v.Name] = v.ConfigMap.Name
	}
	for _, mount := range writd.VolumeMounts {
		name, ok := volumes[mount.Name]
		if !ok {
			t.Errorf("no volume %q", mount.Name)
		}
		if mount.Name == "trust" && name != trust.Metadata.Name {
			t.Errorf("the ConfigMap is %q, the volume is of %q", trust.Metadata.Name, name)
		}
		if !slices.ContainsFunc(writd.Args, func(arg string) bool { return strings.Contains(arg, "="+mount.MountPath) }) {
			t.Errorf("no flag uses %q", mount.MountPath)
		}
	}
	path := filepath.Join(t.TempDir(), "trust.pem")
	put(t, path, []byte(trust.Data["trust.pem"]))
	if keys, err := snapshot.ParseTrustedKeys(path, os.ReadFile); err != nil || len(keys) != 1 {
		t.Errorf("the key that is trusted: %v, %v", keys, err)
	}
}

// A digest that no image has stands only where somebody is to put his own, and says so
// on its line. With it nothing is pulled, which nobody overlooks.
func TestImagePlaceholders(t *testing.T) {
	placeholder := "sha256:" + strings.Repeat("0", 64)
	var found []string
	err := filepath.WalkDir("../../examples", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "node_modules" {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(content)) {
			if !strings.Contains(line, placeholder) {
				continue
			}
			if !strings.Contains(line, placeholder+" # placeholder: ") {
				t.Errorf("%s: a placeholder that does not say so: %s", path, line)
			}
			found = append(found, strings.TrimPrefix(filepath.ToSlash(path), "../../examples/"))
		}
		return nil
	})
	must(t, err)
	if want := []string{"kubernetes/base/kustomization.yaml", "kubernetes/overlays/sidecar/deployment.yaml"}; !slices.Equal(found, want) {
		t.Errorf("placeholders in %q, want %q", found, want)
	}
}

// withFiles gives the flags that read a file at once one to read.
func withFiles(t *testing.T, args []string) (with []string) {
	t.Helper()
	trust, err := filepath.Abs(filepath.Join(examples, "kubernetes/base/trust.pem"))
	must(t, err)
	for _, arg := range args {
		if strings.HasPrefix(arg, "--trust=") {
			arg = "--trust=" + trust
		}
		with = append(with, arg)
	}
	return with
}
