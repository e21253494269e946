package clientauth

import (
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"
)

var errDistinguishedName = errors.New("not a distinguished name of RFC 4514")

// namedAttributes are the attribute types that have a name in text: those of
// RFC 4514 section 3 and RFC 4519, and what subjects of certificates hold
// beside them. All are strings without case.
var namedAttributes = []struct {
	names []string
	oid   asn1.ObjectIdentifier
}{
	{[]string{"CN", "commonName"}, asn1.ObjectIdentifier{2, 5, 4, 3}},
	{[]string{"SN", "surname"}, asn1.ObjectIdentifier{2, 5, 4, 4}},
	{[]string{"serialNumber"}, asn1.ObjectIdentifier{2, 5, 4, 5}},
	{[]string{"C", "countryName"}, asn1.ObjectIdentifier{2, 5, 4, 6}},
	{[]string{"L", "localityName"}, asn1.ObjectIdentifier{2, 5, 4, 7}},
	{[]string{"ST", "S", "stateOrProvinceName"}, asn1.ObjectIdentifier{2, 5, 4, 8}},
	{[]string{"STREET", "streetAddress"}, asn1.ObjectIdentifier{2, 5, 4, 9}},
	{[]string{"O", "organizationName"}, asn1.ObjectIdentifier{2, 5, 4, 10}},
	{[]string{"OU", "organizationalUnitName"}, asn1.ObjectIdentifier{2, 5, 4, 11}},
	{[]string{"title"}, asn1.ObjectIdentifier{2, 5, 4, 12}},
	{[]string{"businessCategory"}, asn1.ObjectIdentifier{2, 5, 4, 15}},
	{[]string{"postalCode"}, asn1.ObjectIdentifier{2, 5, 4, 17}},
	{[]string{"GN", "givenName"}, asn1.ObjectIdentifier{2, 5, 4, 42}},
	{[]string{"organizationIdentifier"}, asn1.ObjectIdentifier{2, 5, 4, 97}},
	{[]string{"UID", "userId"}, asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}},
	{[]string{"DC", "domainComponent"}, asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}},
	{[]string{"E", "email", "emailAddress"}, asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}},
}

// attributeType reads a name of the table or a numericoid. fold says that the
// table has it.
func attributeType(typ string) (oid asn1.ObjectIdentifier, fold bool, err error) {
	for _, named := range namedAttributes {
		if slices.ContainsFunc(named.names, func(name string) bool { return equalFoldASCII(name, typ) }) {
			return named.oid, true, nil
		}
	}
	if oid, err = parseOID(typ); err != nil {
		return nil, false, err
	}
	for _, named := range namedAttributes {
		fold = fold || named.oid.Equal(oid)
	}
	return oid, fold, nil
}

// parseDistinguishedName reads a name in the form of RFC 4514 section 3.
// Spaces around a type, "=", "," and "+" are allowed as in RFC 2253.
func parseDistinguishedName(text string) (name []relativeName, err error) {
	r := nameReader{rest: text}
	for {
		var relative relativeName
		for {
			attribute, err := r.attribute()
			if err != nil {
				return nil, err
			}
			relative = append(relative, attribute)
			if !r.skip('+') {
				break
			}
		}
		name = append(name, relative)
		if r.rest == "" {
			return name, nil
		}
		if !r.skip(',') {
			return nil, errDistinguishedName
		}
	}
}

// A nameReader reads a name in text from left to right.
type nameReader struct{ rest string }

// skip takes one byte away, if it comes next.
func (r *nameReader) skip(c byte) bool {
	if r.rest == "" || r.rest[0] != c {
		return false
	}
	r.rest = r.rest[1:]
	return true
}

// attribute reads TYPE=VALUE, where VALUE is "#" and hexadecimal DER or a text with escapes.
func (r *nameReader) attribute() (a textAttribute, err error) {
	typ, rest, found := strings.Cut(r.rest, "=")
	if !found {
		return a, errDistinguishedName
	}
	r.rest = strings.TrimLeft(rest, " ")
	typ = strings.Trim(typ, " ")
	if a.oid, a.fold, err = attributeType(typ); err != nil {
		return a, err
	}
	if strings.HasPrefix(r.rest, "#") {
		a.der, err = r.hexString()
		return a, err
	}
	a.value, err = r.value()
	return a, err
}

// parseOID reads a numericoid: numbers without leading zeros, with dots.
func parseOID(s string) (asn1.ObjectIdentifier, error) {
	var oid asn1.ObjectIdentifier
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || len(part) > 9 || len(part) > 1 && part[0] == '0' {
			return nil, errDistinguishedName
		}
		n := 0
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return nil, errDistinguishedName
			}
			n = n*10 + int(c-'0')
		}
		oid = append(oid, n)
	}
	if len(oid) < 2 {
		return nil, errDistinguishedName
	}
	return oid, nil
}

// hexString reads "#" and the hexadecimal of a BER encoding.
func (r *nameReader) hexString() ([]byte, error) {
	end := strings.IndexAny(r.rest, "+,")
	if end < 0 {
		end = len(r.rest)
	}
	der, err := hex.DecodeString(strings.TrimRight(r.rest[1:end], " "))
	r.rest = r.rest[end:]
	if err != nil || len(der) == 0 {
		return nil, errDistinguishedName
	}
	return der, nil
}

// value reads a string up to an unescaped "+" or ",". Spaces at its ends count
// only when escaped (RFC 4514 section 2.4).
func (r *nameReader) value() (string, error) {
	var value []byte
	keep := 0 // how much of value trailing spaces are not cut from
	for r.rest != "" && r.rest[0] != '+' && r.rest[0] != ',' {
		switch c := r.rest[0]; c {
		case '"', ';', '<', '>', 0:
			return "", errDistinguishedName
		case '\\':
			b, err := r.escape()
			if err != nil {
				return "", err
			}
			value = append(value, b)
			keep = len(value)
		default:
			r.rest = r.rest[1:]
			value = append(value, c)
			if c != ' ' {
				keep = len(value)
			}
		}
	}
	value = value[:keep]
	if len(value) == 0 || !utf8.Valid(value) {
		return "", errDistinguishedName
	}
	return string(value), nil
}

// escape reads "\" and a special character or two hexadecimal digits.
func (r *nameReader) escape() (byte, error) {
	if len(r.rest) < 2 {
		return 0, errDistinguishedName
	}
	if c := r.rest[1]; strings.IndexByte(` "#+,;<=>\`, c) >= 0 {
		r.rest = r.rest[2:]
		return c, nil
	}
	if len(r.rest) < 3 {
		return 0, errDistinguishedName
	}
	b, err := hex.DecodeString(r.rest[1:3])
	if err != nil {
		return 0, errDistinguishedName
	}
	r.rest = r.rest[3:]
	return b[0], nil
}
