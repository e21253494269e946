package schema

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// A PKCS11Key names a private key that never leaves its token, a hardware
// security module for example (RFC 7512): "pkcs11:token=writ;object=rs256".
type PKCS11Key struct {
	Token  string // the token's label
	Serial string // the token's serial number, instead of its label
	Object string // the key's label
	ID     string // the key's CKA_ID, as bytes
	// PIN is where the server finds the user's PIN, "" for a token without one.
	PIN SecretRef
}

// pkcs11Prefix begins a reference to a key in a token.
const pkcs11Prefix = "pkcs11:"

// CheckPrivateKeyRef reports why s does not say where the server finds a
// private key: it is a SecretRef, or a PKCS #11 URI.
func CheckPrivateKeyRef(s string) error {
	if strings.HasPrefix(s, pkcs11Prefix) {
		_, err := ParsePKCS11(s)
		return err
	}
	return CheckSecretRef(s)
}

// ParsePKCS11 reads a PKCS #11 URI (RFC 7512 section 2). Its path names the
// token, by token or serial, and the key, by object or id or both; pin-source in
// its query is a SecretRef. The PIN itself and the module, which is a library
// that the server would run, have no place in a configuration.
func ParsePKCS11(s string) (PKCS11Key, error) {
	var k PKCS11Key
	if len(s) > 512 {
		return k, fmt.Errorf("PKCS #11 URI has %d bytes: it may have 512", len(s))
	}
	path, query, _ := strings.Cut(strings.TrimPrefix(s, pkcs11Prefix), "?")
	var kind string
	var pin string
	err := pkcs11Attributes(path, ";", map[string]*string{
		"token": &k.Token, "serial": &k.Serial, "object": &k.Object, "id": &k.ID, "type": &kind,
	})
	if err == nil && query != "" {
		err = pkcs11Attributes(query, "&", map[string]*string{"pin-source": &pin})
	}
	switch k.PIN = SecretRef(pin); {
	case err != nil:
		return PKCS11Key{}, err
	case (k.Token == "") == (k.Serial == ""):
		return PKCS11Key{}, errors.New("PKCS #11 URI must name the token by one of token and serial: write \"pkcs11:token=LABEL;object=LABEL\"")
	case k.Object == "" && k.ID == "":
		return PKCS11Key{}, errors.New("PKCS #11 URI must name the key by object or id: write \"pkcs11:token=LABEL;object=LABEL\"")
	case kind != "" && kind != "private":
		return PKCS11Key{}, fmt.Errorf("PKCS #11 URI is of type %q: a private key is meant, leave type out", kind)
	case pin != "" && CheckSecretRef(pin) != nil:
		return PKCS11Key{}, errors.New("PKCS #11 URI must have a pin-source of the form \"env:NAME\" or \"file:NAME\", which only the server reads")
	}
	return k, nil
}

// pkcs11Attributes sets what "name=value" pairs say. No error repeats a value.
func pkcs11Attributes(text, separator string, to map[string]*string) error {
	for pair := range strings.SplitSeq(text, separator) {
		name, escaped, _ := strings.Cut(pair, "=")
		value, err := url.PathUnescape(escaped)
		target, known := to[name]
		switch {
		case name == "pin-value":
			return fmt.Errorf("%w: the PIN has no place in a configuration: write pin-source=env:NAME, and change the PIN, since it has been in a file", ErrPlaintext)
		case name == "module-path" || name == "module-name":
			return fmt.Errorf("PKCS #11 URI has %q: which library to load is the server's to say, with --pkcs11-module", name)
		case !known:
			return fmt.Errorf("PKCS #11 URI has an attribute %q: token, serial, object, id, type and, after \"?\", pin-source are known", name)
		case err != nil || value == "" || strings.ContainsRune(value, 0) && name != "id":
			return fmt.Errorf("PKCS #11 URI has a %s that is empty or not percent-encoded", name)
		case *target != "":
			return fmt.Errorf("PKCS #11 URI has %s twice", name)
		}
		*target = value
	}
	return nil
}
