package schema

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePKCS11(t *testing.T) {
	for s, want := range map[string]PKCS11Key{
		"pkcs11:token=writ;object=rs256":                    {Token: "writ", Object: "rs256"},
		"pkcs11:token=My%20HSM;id=%01%00%ff":                {Token: "My HSM", ID: "\x01\x00\xff"},
		"pkcs11:serial=0a1b;object=k;type=private":          {Serial: "0a1b", Object: "k"},
		"pkcs11:object=k;token=t;id=%01?pin-source=env:PIN": {Token: "t", Object: "k", ID: "\x01", PIN: "env:PIN"},
		"pkcs11:token=t;object=k?pin-source=file:hsm/pin":   {Token: "t", Object: "k", PIN: "file:hsm/pin"},
		"pkcs11:token=t;object=k?pin-source=file%3Apin":     {Token: "t", Object: "k", PIN: "file:pin"},
		"pkcs11:token=rs256-2026-q4;object=a:b@c":           {Token: "rs256-2026-q4", Object: "a:b@c"},
	} {
		if got, err := ParsePKCS11(s); err != nil || got != want {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
		if err := CheckPrivateKeyRef(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
		if err := CheckSecretRef(s); !errors.Is(err, ErrPlaintext) {
			t.Errorf("%q is taken for a secret: %v", s, err)
		}
	}
	for _, s := range []string{
		"pkcs11:", "pkcs11:token=t", "pkcs11:object=k", "pkcs11:token=t;serial=s;object=k", "pkcs11:token=;object=k", "pkcs11:token=t;object=k;object=l",
		"pkcs11:token=t;object=%zz", "pkcs11:token=t;object=a%00b", "pkcs11:token=t;object=k;type=public", "pkcs11:token=t;object=k;color=red",
		"pkcs11:token=t;object=k?pin-source=1234", "pkcs11:token=t;object=k?pin-source=/etc/pin", "pkcs11:token=t;object=k?pin-source=env:A&pin-source=env:B",
		"pkcs11:token=t;object=k?module-path=/tmp/x.so", "pkcs11:token=t;object=k;module-name=x", "pkcs11:token=t;object=k;", "pkcs11:token=t;object=" + strings.Repeat("k", 512),
	} {
		if _, err := ParsePKCS11(s); err == nil || errors.Is(err, ErrPlaintext) {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"pkcs11:token=t;object=k?pin-value=hunter2", "pkcs11:token=t;object=k;pin-value=hunter2"} {
		if err := CheckPrivateKeyRef(s); !errors.Is(err, ErrPlaintext) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", s, err)
		}
	}
	for s, ok := range map[string]bool{"env:KEY": true, "file:key.pem": true, "key.pem": false, "PKCS11:token=t;object=k": false} {
		if err := CheckPrivateKeyRef(s); (err == nil) != ok {
			t.Errorf("%q: %v", s, err)
		}
	}
}
