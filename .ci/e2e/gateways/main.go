// Command gateways holds configurations of Envoy and Istio to their own
// schemas: unknown fields are refused, and Envoy's rules for values are checked.
//
//	gateways envoy|istio FILE...
//
// What is wrong is printed, one line each, and the program ends with 1.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	bootstrapv3 "github.com/envoyproxy/go-control-plane/envoy/config/bootstrap/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/jwt_authn/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/rbac/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/router/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/anypb"
	securityv1 "istio.io/api/security/v1"
	"sigs.k8s.io/yaml"
)

func main() {
	checks := map[string]func([]byte) error{"envoy": envoy, "istio": istio}
	if len(os.Args) < 3 || checks[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: gateways envoy|istio FILE...")
		os.Exit(64)
	}
	failed := false
	for _, name := range os.Args[2:] {
		content, err := os.ReadFile(name)
		if err == nil {
			err = checks[os.Args[1]](content)
		}
		if err != nil {
			failed = true
			fmt.Printf("%s: %v\n", name, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}

// envoy reads a bootstrap file and applies Envoy's rules to it and to all that
// is packed inside.
func envoy(content []byte) error {
	text, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		return err
	}
	var bootstrap bootstrapv3.Bootstrap
	if err := protojson.Unmarshal(text, &bootstrap); err != nil {
		return err
	}
	return validate(&bootstrap)
}

// validate applies a message's rules and those of the messages packed into it.
func validate(m proto.Message) error {
	if checked, ok := m.(interface{ ValidateAll() error }); ok {
		if err := checked.ValidateAll(); err != nil {
			return err
		}
	}
	return walk(m.ProtoReflect())
}

// walk looks for packed messages below.
func walk(m protoreflect.Message) error {
	if packed, ok := m.Interface().(*anypb.Any); ok {
		inner, err := packed.UnmarshalNew()
		if err != nil {
			return err
		}
		return validate(inner)
	}
	var errs []error
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				if field.MapValue().Message() != nil {
					errs = append(errs, walk(v.Message()))
				}
				return true
			})
		case field.Message() == nil:
		case field.IsList():
			for i := range value.List().Len() {
				errs = append(errs, walk(value.List().Get(i).Message()))
			}
		default:
			errs = append(errs, walk(value.Message()))
		}
		return true
	})
	return errors.Join(errs...)
}

// An object is what Kubernetes puts around a message of Istio.
type object struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   json.RawMessage `json:"metadata"`
	Spec       json.RawMessage `json:"spec"`
}

// istio reads the two objects of a file.
func istio(content []byte) error {
	documents := bytes.Split(content, []byte("\n---\n"))
	if len(documents) != 2 {
		return fmt.Errorf("%d documents, want 2", len(documents))
	}
	for _, document := range documents {
		var o object
		if err := yaml.UnmarshalStrict(document, &o); err != nil {
			return err
		}
		spec := map[string]proto.Message{
			"RequestAuthentication": new(securityv1.RequestAuthentication),
			"AuthorizationPolicy":   new(securityv1.AuthorizationPolicy),
		}[o.Kind]
		if o.APIVersion != "security.istio.io/v1" || spec == nil {
			return fmt.Errorf("unknown object %s %s", o.APIVersion, o.Kind)
		}
		if err := protojson.Unmarshal(o.Spec, spec); err != nil {
			return fmt.Errorf("%s: %w", o.Kind, err)
		}
	}
	return nil
}
