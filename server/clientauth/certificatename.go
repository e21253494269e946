package clientauth

import (
	"bytes"
	"encoding/asn1"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// matchDistinguishedName compares a name in the form of RFC 4514 with an
// encoded one by distinguishedNameMatch (RFC 4517 section 4.2.15): as many
// relative names, in the same order, each with the same set of attributes.
//
// Values of the attributes that the table below names are strings, compared
// without the case of ASCII letters and with runs of spaces as one
// (caseIgnoreMatch, RFC 4518). Other letters must be the same characters:
// names that differ only in the case or the composition of those do not match.
// Values of other attributes are compared by their encoding, which the text
// gives as "#" and hexadecimal, or as the characters of a string.
func matchDistinguishedName(text string, der []byte) bool {
	want, err := parseDistinguishedName(text)
	if err != nil || len(want) == 0 {
		return false
	}
	var got distinguishedName
	rest, err := asn1.Unmarshal(der, &got)
	if err != nil || len(rest) != 0 || len(got) != len(want) {
		return false
	}
	slices.Reverse(got) // RFC 4514 writes the last relative name first
	for i := range want {
		if !want[i].matches(got[i]) {
			return false
		}
	}
	return true
}

// A distinguishedName is an RDNSequence (RFC 5280 section 4.1.2.4).
type distinguishedName []relativeNameSET

// The name's ending makes encoding/asn1 read a SET.
type relativeNameSET []nameAttribute

// A nameAttribute is an AttributeTypeAndValue of a certificate. Its value keeps its encoding:
// only directory strings are compared as texts.
type nameAttribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// A relativeName is one part of a name in text, of one or more attributes.
type relativeName []textAttribute

// A textAttribute is an attribute of a name as RFC 4514 writes it. It has a value, or the
// bytes of one in DER.
type textAttribute struct {
	oid   asn1.ObjectIdentifier
	fold  bool   // compared without case and extra spaces
	value string // without escapes; or
	der   []byte // given by "#"
}

// matches compares two sets of attributes: each of one has its equal in the
// other.
func (r relativeName) matches(set relativeNameSET) bool {
	if len(r) != len(set) {
		return false
	}
	left := slices.Clone(set)
	for _, want := range r {
		i := slices.IndexFunc(left, want.matches)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

// matches compares an attribute with one of a certificate: by its bytes if those were given, or
// as texts, since one text may be encoded as several types of string.
func (a textAttribute) matches(got nameAttribute) bool {
	if !a.oid.Equal(got.Type) {
		return false
	}
	if a.der != nil && bytes.Equal(a.der, got.Value.FullBytes) {
		return true
	}
	want := a.value
	if a.der != nil {
		var value asn1.RawValue
		if rest, err := asn1.Unmarshal(a.der, &value); err != nil || len(rest) != 0 {
			return false
		}
		var ok bool
		if want, ok = directoryString(value); !ok {
			return false
		}
	}
	value, ok := directoryString(got.Value)
	if a.fold {
		want, value = foldName(want), foldName(value)
	}
	return ok && want == value
}

// directoryString returns the characters of a value that is a string.
func directoryString(value asn1.RawValue) (s string, ok bool) {
	if value.Class != asn1.ClassUniversal || value.IsCompound {
		return "", false
	}
	switch value.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString:
		return string(value.Bytes), utf8.Valid(value.Bytes)
	case asn1.TagBMPString:
		if len(value.Bytes)%2 != 0 {
			return "", false
		}
		units := make([]uint16, 0, len(value.Bytes)/2)
		for i := 0; i < len(value.Bytes); i += 2 {
			units = append(units, uint16(value.Bytes[i])<<8|uint16(value.Bytes[i+1]))
		}
		s := string(utf16.Decode(units))
		return s, !strings.ContainsRune(s, utf8.RuneError)
	}
	return "", false
}

// foldName prepares a value for comparison: ASCII letters in lower case, no
// spaces at the ends, one space for several.
func foldName(s string) string {
	fields := strings.FieldsFunc(s, func(r rune) bool { return r == ' ' })
	return strings.Map(lowerASCII, strings.Join(fields, " "))
}
