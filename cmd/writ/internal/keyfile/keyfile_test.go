package keyfile

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/writ-auth/writ/schema/jose"
)

// A key in each of the forms that people have makes assertions that verify.
func TestForms(t *testing.T) {
	for _, alg := range jose.Algs(jose.Assertions) {
		key, err := alg.Generate(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		pkcs8, err := jose.EncodePrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		forms := map[string][]byte{"PKCS #8": pkcs8, "with words before it": append([]byte("Bag Attributes\n  friendlyName: x\n"), pkcs8...)}
		switch key := key.(type) {
		case *rsa.PrivateKey:
			forms["PKCS #1"] = pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
		case *ecdsa.PrivateKey:
			der, err := x509.MarshalECPrivateKey(key)
			if err != nil {
				t.Fatal(err)
			}
			parameters := pem.EncodeToMemory(&pem.Block{Type: "EC PARAMETERS", Bytes: []byte{6, 0}})
			forms["SEC 1"] = append(parameters, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})...)
		}
		for form, content := range forms {
			f, err := Read(content)
			if err != nil || f.Certificate() != nil {
				t.Errorf("%s, %s: %v", alg, form, err)
				continue
			}
			assertion, err := f.Assertion(alg, "k", "a", "b", "c", map[string]any{"iss": "forged", "more": 1}, time.Unix(1_800_000_000, 0))
			if err != nil {
				t.Fatal(err)
			}
			parsed, err := jose.Parse(assertion, 8<<10, jose.Assertions)
			if err != nil || !alg.Verify(key.Public(), parsed.Input, parsed.Signature) {
				t.Errorf("%s, %s: %v", alg, form, err)
			}
			claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(assertion, ".")[1])
			if text := string(claims); !strings.Contains(text, `"iss":"a"`) || !strings.Contains(text, `"exp":1800000060`) || !strings.Contains(text, `"more":1`) {
				t.Error(text)
			}
		}
	}
}

// A wrong file is called what it is, and nothing of it is in the words.
func TestWrongFiles(t *testing.T) {
	key, err := jose.ES256.Generate(rand.Reader, 0)
	if err != nil {
		t.Fatal(err)
	}
	good, _ := jose.EncodePrivateKey(key)
	public, _ := jose.EncodePublicKey(key.Public())
	block := func(kind string) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte("canary canary canary")})
	}
	old := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("canary canary canary")})
	for want, contents := range map[string][][]byte{
		"no file was chosen":              {nil, []byte(" \n")},
		"neither PEM":                     {[]byte("canary")},
		"over 64 KiB":                     {[]byte(strings.Repeat("canary", 20_000))},
		"with a passphrase":               {block("ENCRYPTED PRIVATE KEY")},
		"with a passphrase, which":        {old},
		"OpenSSH":                         {block("OPENSSH PRIVATE KEY")},
		"public half":                     {public},
		"not readable as a key":           {block("PRIVATE KEY")},
		"its end is missing":              {good[:len(good)/2]},
		"two private keys":                {good, good},
		"without its private key":         {block("CERTIFICATE")},
		"certificate is malformed":        {block("CERTIFICATE"), good},
		"one file is a token":             {[]byte("a.b.c"), good},
		"not a private key":               {[]byte(`{"kty":"EC","canary":"canary"}`)},
		"has a member that stands twice":  {[]byte(`{"d":"canary","d":"canary"}`)},
		"no private key in it, nor a cer": {block("DH PARAMETERS")},
	} {
		f, err := Read(contents...)
		if err == nil || f.Key != nil || f.Token != "" {
			t.Errorf("%q: %v", want, err)
			continue
		}
		if strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), want) && !strings.HasPrefix(want, "has a member") {
			t.Errorf("%q: %v", want, err)
		}
	}
	if f, err := Read([]byte("a.b.c\n")); err != nil || f.Token != "a.b.c" {
		t.Errorf("a token: %+v, %v", f, err)
	}
}
