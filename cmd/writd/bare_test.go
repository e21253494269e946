//go:build linux

package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/writ-auth/writ/schema"
)

// becomeBare serves tokens of one shape as plainly as net/http allows: it reads
// the form, compares the secret's hash, puts the token together and signs it. It
// has no configuration, no limits, no log and no metrics. It is what writd's cost
// is measured against. The address stands on the first line of its output.
func becomeBare(alg schema.SigningAlg) int {
	sign, err := bareSigner(alg)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitError
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return exitError
	}
	fmt.Println(l.Addr())
	fmt.Fprintln(os.Stderr, http.Serve(l, &bareHandler{alg: string(alg), secret: sha256.Sum256([]byte(clientSecret)), sign: sign}))
	return exitError
}

type bareHandler struct {
	alg    string
	secret [sha256.Size]byte
	sign   func(input []byte) ([]byte, error)
}

func (h *bareHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	form, formErr := url.ParseQuery(string(body))
	if err != nil || formErr != nil || form.Get("grant_type") != "client_credentials" || form.Get("audience") != ordersURL {
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	id, secret, _ := r.BasicAuth()
	sum := sha256.Sum256([]byte(secret))
	if id != "billing" || subtle.ConstantTimeCompare(sum[:], h.secret[:]) != 1 {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	token, err := h.token(time.Now().Unix())
	if err != nil {
		http.Error(w, "signer", http.StatusServiceUnavailable)
		return
	}
	answer := append([]byte(`{"access_token":"`), token...)
	answer = append(answer, `","token_type":"Bearer","expires_in":3600,"scope":"read"}`...)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.Header().Set("Content-Length", strconv.Itoa(len(answer)))
	w.Write(answer)
}

func (h *bareHandler) token(now int64) ([]byte, error) {
	encode := base64.RawURLEncoding
	var jti [16]byte
	rand.Read(jti[:])
	claims := append(make([]byte, 0, 512), `{"iss":"https://auth.example.com/","aud":"`+ordersURL+`","sub":"billing@clients","iat":`...)
	claims = append(strconv.AppendInt(claims, now, 10), `,"exp":`...)
	claims = append(strconv.AppendInt(claims, now+3600, 10), `,"client_id":"billing","jti":"`...)
	claims = append(encode.AppendEncode(claims, jti[:]), `","scope":"read"}`...)
	token := encode.AppendEncode(make([]byte, 0, 1024), []byte(`{"alg":"`+h.alg+`","typ":"at+jwt","kid":"mJ5fKSTS0cJ8HPgVzXKw0s0_4dR3Gv9dXmFs-4y6F0Q"}`))
	token = encode.AppendEncode(append(token, '.'), claims)
	signature, err := h.sign(token)
	if err != nil {
		return nil, err
	}
	return encode.AppendEncode(append(token, '.'), signature), nil
}

// bareSigner makes a key and signs with the standard library.
func bareSigner(alg schema.SigningAlg) (func(input []byte) ([]byte, error), error) {
	switch alg {
	case schema.RS256:
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		return func(input []byte) ([]byte, error) {
			digest := sha256.Sum256(input)
			return rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
		}, err
	case schema.ES256:
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		return func(input []byte) ([]byte, error) {
			digest := sha256.Sum256(input)
			r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
			if err != nil {
				return nil, err
			}
			signature := make([]byte, 64)
			r.FillBytes(signature[:32])
			s.FillBytes(signature[32:])
			return signature, nil
		}, err
	case schema.EdDSA:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return func(input []byte) ([]byte, error) { return ed25519.Sign(key, input), nil }, err
	}
	return func(input []byte) ([]byte, error) {
		mac := hmac.New(sha256.New, []byte(clientSecret))
		mac.Write(input)
		return mac.Sum(nil), nil
	}, nil
}
