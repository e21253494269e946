//go:build !pkcs11

package main

import "flag"

// registerModule registers nothing: this program was built without PKCS #11.
func registerModule(*flag.FlagSet, *string) {}
