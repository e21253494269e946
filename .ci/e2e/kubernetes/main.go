// Command kubernetes builds a Kustomize folder and holds each object that comes out to
// the API's own types: a member that a type does not have is refused, as a cluster would
// with strict validation, and so is a kind that is not known here.
//
//	kubernetes FOLDER
//
// The objects are printed as one JSON array. What is wrong is printed to standard error,
// one line each, and the program ends with 1.
package main

import (
	encodingjson "encoding/json"
	"errors"
	"fmt"
	"os"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: kubernetes FOLDER")
		os.Exit(64)
	}
	objects, err := build(os.Args[1])
	if err == nil {
		err = encodingjson.NewEncoder(os.Stdout).Encode(objects)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// newObject makes an empty object of each kind that the examples use.
var newObject = map[string]func() any{
	"v1 ConfigMap":                        func() any { return new(corev1.ConfigMap) },
	"v1 Service":                          func() any { return new(corev1.Service) },
	"apps/v1 Deployment":                  func() any { return new(appsv1.Deployment) },
	"networking.k8s.io/v1 Ingress":        func() any { return new(networkingv1.Ingress) },
	"networking.k8s.io/v1 NetworkPolicy":  func() any { return new(networkingv1.NetworkPolicy) },
	"policy/v1 PodDisruptionBudget":       func() any { return new(policyv1.PodDisruptionBudget) },
	"monitoring.coreos.com/v1 PodMonitor": func() any { return new(monitoringv1.PodMonitor) },
}

func build(folder string) (objects []any, err error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, r := range resources.Resources() {
		name := r.GetApiVersion() + " " + r.GetKind()
		if newObject[name] == nil {
			errs = append(errs, fmt.Errorf("unknown object %s %q", name, r.GetName()))
			continue
		}
		text, err := r.MarshalJSON()
		if err != nil {
			return nil, err
		}
		// As the API server decodes with strict validation: names of members count by case.
		object := newObject[name]()
		strict, err := json.UnmarshalStrict(text, object)
		if err = errors.Join(append(strict, err)...); err != nil {
			errs = append(errs, fmt.Errorf("%s %q: %w", name, r.GetName(), err))
		}
		objects = append(objects, object)
	}
	return objects, errors.Join(errs...)
}
