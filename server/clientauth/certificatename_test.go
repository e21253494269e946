package clientauth

import (
	"encoding/asn1"
	"strings"
	"testing"
	"unicode/utf16"
)

// A part is one attribute of a name to encode; parts of one slice make one
// relative name.
type part struct {
	oid   asn1.ObjectIdentifier
	tag   int
	value string
}

var (
	oidCN = asn1.ObjectIdentifier{2, 5, 4, 3}
	oidC  = asn1.ObjectIdentifier{2, 5, 4, 6}
	oidO  = asn1.ObjectIdentifier{2, 5, 4, 10}
	oidOU = asn1.ObjectIdentifier{2, 5, 4, 11}
	oidDC = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}
	oidX  = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 1}
)

func cn(value string) part  { return part{oidCN, asn1.TagUTF8String, value} }
func org(value string) part { return part{oidO, asn1.TagPrintableString, value} }

func encodeName(t testing.TB, relatives ...[]part) []byte {
	t.Helper()
	var name distinguishedName
	for _, parts := range relatives {
		var set relativeNameSET
		for _, p := range parts {
			set = append(set, nameAttribute{p.oid, asn1.RawValue{Tag: p.tag, Bytes: []byte(p.value)}})
		}
		name = append(name, set)
	}
	der, err := asn1.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestMatchDistinguishedName(t *testing.T) {
	one := func(parts ...part) []byte {
		var relatives [][]part
		for _, p := range parts {
			relatives = append(relatives, []part{p})
		}
		return encodeName(t, relatives...)
	}
	billing := one(org("Example"), cn("billing")) // encoded from the top, written from the bottom
	bmp := func(s string) string {
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(s)) {
			b.WriteByte(byte(unit >> 8))
			b.WriteByte(byte(unit))
		}
		return b.String()
	}
	for _, test := range []struct {
		name, text string
		der        []byte
		want       bool
	}{
		{"equal", "CN=billing,O=Example", billing, true},
		{"case of values", "CN=BILLING,O=example", billing, true},
		{"case of types", "cn=billing,o=Example", billing, true},
		{"long names of types", "commonName=billing,organizationName=Example", billing, true},
		{"types as numbers", "2.5.4.3=billing,2.5.4.10=EXAMPLE", billing, true},
		{"spaces around", " CN = billing , O = Example ", billing, true},
		{"spaces within", "CN=a  b,O=Example", one(org("Example"), cn("a b")), true},
		{"spaces in the certificate", "CN=billing,O=Example", one(org(" Example  "), cn("billing")), true},
		{"another string type", "CN=billing", one(part{oidCN, asn1.TagPrintableString, "billing"}), true},
		{"two-byte characters", "CN=bé€", one(part{oidCN, asn1.TagBMPString, bmp("bé€")}), true},
		{"escapes", `CN=a\,b\+c\"d\\e\<\>\;\#\=\20`, one(cn(`a,b+c"d\e<>;#= `)), true},
		{"escaped bytes", `CN=Lu\C4\8Di\C4\87`, one(cn("Lučić")), true},
		{"escaped first space and hash", `CN=\ \#x`, one(cn(" #x")), true},
		{"escape at the end", `CN=b\,`, one(cn("b,")), true},
		{"equals sign in a value", "CN=a=b", one(cn("a=b")), true},
		{"hexadecimal", "CN=#0c0762696c6c696e67,O=Example", billing, true},
		{"hexadecimal of another string type", "CN=#130762696c6c696e67,O=Example", billing, true},
		{"domain", "DC=Example,DC=net", one(part{oidDC, asn1.TagIA5String, "net"}, part{oidDC, asn1.TagIA5String, "example"}), true},
		{"two attributes", "CN=a+OU=b,O=x", encodeName(t, []part{org("x")}, []part{{oidOU, asn1.TagUTF8String, "b"}, cn("a")}), true},
		{"two attributes, other order", "OU=b+CN=a,O=x", encodeName(t, []part{org("x")}, []part{{oidOU, asn1.TagUTF8String, "b"}, cn("a")}), true},
		{"unknown type", "1.3.6.1.4.1.99999.1=Abc", one(part{oidX, asn1.TagUTF8String, "Abc"}), true},
		{"unknown type by encoding", "1.3.6.1.4.1.99999.1=#0c03416263", one(part{oidX, asn1.TagUTF8String, "Abc"}), true},

		{"unknown type keeps its case", "1.3.6.1.4.1.99999.1=abc", one(part{oidX, asn1.TagUTF8String, "Abc"}), false},
		{"other value", "CN=billin,O=Example", billing, false},
		{"other type", "OU=billing,O=Example", billing, false},
		{"the order of OpenSSL's -subj", "O=Example,CN=billing", billing, false},
		{"fewer parts", "CN=billing", billing, false},
		{"more parts", "CN=billing,O=Example,C=DE", billing, false},
		{"a part twice", "CN=billing,CN=billing", billing, false},
		{"an attribute more in the certificate", "CN=a,O=x", encodeName(t, []part{org("x")}, []part{cn("a"), {oidOU, asn1.TagUTF8String, "b"}}), false},
		{"an attribute less in the certificate", "CN=a+OU=b,O=x", encodeName(t, []part{org("x")}, []part{cn("a")}), false},
		{"two attributes as two parts", "CN=a,OU=b", encodeName(t, []part{{oidOU, asn1.TagUTF8String, "b"}, cn("a")}), false},
		{"two parts as two attributes", "CN=billing+O=Example", billing, false},
		{"a set with one of them twice", "CN=a+CN=a", encodeName(t, []part{cn("a"), cn("b")}), false},
		{"a value that continues", "CN=billing,O=Example", one(org("Example"), cn("billing\x00.evil")), false},
		{"case of other letters", "CN=MÜLLER", one(cn("Müller")), false},
		{"a letter that folds to another", "CN=billing", one(cn("b\u0131lling")), false},
		{"Kelvin sign", "CN=k", one(cn("\u212a")), false},
		{"not a string", "CN=billing", one(part{oidCN, asn1.TagOctetString, "billing"}), false},
		{"empty name in the certificate", "CN=billing", encodeName(t), false},
		{"half a two-byte character", "CN=b", one(part{oidCN, asn1.TagBMPString, "\x00b\x00"}), false},
		{"bad DER", "CN=billing,O=Example", append([]byte{0x31}, billing[1:]...), false},
		{"something after the DER", "CN=billing,O=Example", append(billing[:len(billing):len(billing)], 0), false},
		{"country", "C=DE", one(part{oidC, asn1.TagPrintableString, "de"}), true},

		{"no name", "", billing, false},
		{"no name, empty certificate", "", encodeName(t), false},
		{"no value", "CN=", one(cn("")), false},
		{"no type", "=billing", billing, false},
		{"no equals sign", "billing", billing, false},
		{"comma at the end", "CN=billing,O=Example,", billing, false},
		{"unknown word", "foo=billing,O=Example", billing, false},
		{"quotes of RFC 1779", `CN="billing",O=Example`, billing, false},
		{"semicolon of RFC 1779", "CN=billing;O=Example", billing, false},
		{"slashes of OpenSSL", "/O=Example/CN=billing", billing, false},
		{"bad escape", `CN=billin\g,O=Example`, billing, false},
		{"open escape", `CN=billing,O=Example\`, billing, false},
		{"half an escape", `CN=billing,O=Exampl\6`, billing, false},
		{"escape that is not UTF-8", `CN=\ff`, one(cn("\xff")), false},
		{"bad hexadecimal", "CN=#0c07zz", billing, false},
		{"no hexadecimal", "CN=#,O=Example", billing, false},
		{"hexadecimal of half an encoding", "CN=#0c07626c", one(cn("")), false},
		{"hexadecimal of two encodings", "CN=#0c01620c0162", one(cn("b")), false},
		{"hexadecimal of no string", "CN=#0500", one(cn("")), false},
		{"number with a leading zero", "2.05.4.3=billing,O=Example", billing, false},
		{"number with an empty part", "2..5.4.3=billing,O=Example", one(org("Example"), part{asn1.ObjectIdentifier{2, 0, 5, 4, 3}, asn1.TagUTF8String, "billing"}), false},
		{"number with a word", "2.5.4.x=billing,O=Example", billing, false},
		{"number too long", "2.5.4.33333333333333333333=x", billing, false},
	} {
		if got := matchDistinguishedName(test.text, test.der); got != test.want {
			t.Errorf("%s: %q matches %x: %v", test.name, test.text, test.der, got)
		}
	}
}

func TestDirectoryString(t *testing.T) {
	for _, value := range []asn1.RawValue{
		{Class: asn1.ClassContextSpecific, Tag: asn1.TagUTF8String, Bytes: []byte("x")},
		{IsCompound: true, Tag: asn1.TagUTF8String, Bytes: []byte("\x0c\x01x")},
		{Tag: asn1.TagUTF8String, Bytes: []byte("\xff")},
		{Tag: asn1.TagT61String, Bytes: []byte("x")},
	} {
		if s, ok := directoryString(value); ok {
			t.Errorf("%+v is the string %q", value, s)
		}
	}
}

func FuzzDistinguishedName(f *testing.F) {
	f.Add(`CN=Lu\C4\8Di\C4\87+OU=a\,b, O = #0c0141,2.5.4.97=x`)
	name := encodeName(f, []part{org("Example")}, []part{cn("billing")})
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseDistinguishedName(text)
		if err != nil {
			if matchDistinguishedName(text, name) {
				t.Fatalf("%q does not parse and matches", text)
			}
			return
		}
		for _, relative := range parsed {
			for _, attribute := range relative {
				if attribute.value == "" && attribute.der == nil {
					t.Fatalf("%q has an empty value", text)
				}
			}
		}
		matchDistinguishedName(text, name)
	})
}
