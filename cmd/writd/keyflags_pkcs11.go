//go:build pkcs11

package main

import "flag"

func registerModule(f *flag.FlagSet, module *string) {
	f.StringVar(module, "pkcs11-module", "", "library `FILE` for keys that the configuration names as pkcs11:token=LABEL;object=LABEL")
}
