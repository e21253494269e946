package snapshot

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/writ-auth/writ/schema"
)

// Bodies whose digest fits and whose tables do not fit each other.
func TestWalkRefuses(t *testing.T) {
	cut := func(sec section) func(*encoder) {
		return func(p *encoder) {
			p.sections[sec] = p.sections[sec][:len(p.sections[sec])-layout[sec].size[bodyVersion]]
		}
	}
	put := func(sec section, at int, value uint32) func(*encoder) {
		return func(p *encoder) { binary.LittleEndian.PutUint32(p.sections[sec][at:], value) }
	}
	for _, test := range []struct {
		name   string
		change func(*encoder)
		want   string
	}{
		{"nothing changed", func(*encoder) {}, ""},
		{"no issuer", cut(section(secIssuer)), `section "issuer": 0 records instead of 1`},
		{"two issuers", func(p *encoder) { p.sections[secIssuer] = append(p.sections[secIssuer], p.sections[secIssuer]...) }, `2 records instead of 1`},
		{"a key without authorization", func(p *encoder) { p.sections[secAuthKeys] = appendU32(p.sections[secAuthKeys], 100) }, "4 authorizations and 5 keys"},
		{"a scope without order", cut(section(secScopeOrder)), "4 scopes and an order of 3"},
		{"a client without index entry", cut(section(secClientIndex)), `section "client buckets"`},
		{"an index without buckets", func(p *encoder) { p.sections[secNearBuckets] = nil }, `section "near index": does not fit`},
		{"half a bucket", cut(section(secIdentifierBuckets)), `section "identifier index": does not fit`},
		{"a client that is not in the index", func(p *encoder) {
			cut(section(secClientIndex))(p)
			put(section(secClientBuckets), 4, 2)(p)
		}, `section "client index": does not fit`},
		{"an entry that no bucket holds", put(section(secClientBuckets), 4, 2), `section "client index": does not fit`},
		{"entries out of order", put(section(secClientIndex), 8, 0), `section "client index": record 1: in the wrong place`},
		{"labels left over", func(p *encoder) { p.sections[secAuthLabels] = append(p.sections[secAuthLabels], 'x') }, `section "authorizations": record 3`},
		{"authorizations before the first client", put(section(secClients), 0, 1), `section "clients": record 0`},
		{"authorizations going back", put(section(secClients), 40, 3), `section "clients": record 2`},
		{"the same key twice", func(p *encoder) { copy(p.sections[secAuthKeys][4:8], p.sections[secAuthKeys][:4]) }, `section "authorization keys": record 1`},
		{"a key for no API", put(section(secAuthKeys), 4, 2<<1), `section "authorization keys": record 1`},
		{"an order past its list", func(p *encoder) { p.sections[secScopeOrder][0] = 2 }, `section "scope order": record 0`},
		{"a text past the heap", put(section(secAPIs), 16, 1<<20), `section "apis": record 0: the field at byte 16`},
		{"a text longer than the heap", put(section(secAPIs), 20, none), `section "apis": record 0: the field at byte 16`},
		{"a secret past the heap", put(section(secSecrets), 48+16, none), `section "secrets": record 1`},
		{"an unknown profile", func(p *encoder) { p.sections[secAPIs][36] = byte(len(profiles)) }, `section "apis": record 0: the field at byte 36`},
		{"a default API past the end", put(section(secClientExtras), 64, 2), `section "client extras": record 0`},
		{"owners missing", func(p *encoder) {
			p.sections[secClients], p.sections[secClientIndex] = nil, nil
			p.sections[secClientBuckets] = make([]byte, 8)
		}, "authorizations or secrets without a client"},
	} {
		body, err := Encode(smallDocument())
		if err != nil {
			t.Fatal(err)
		}
		s := &Snapshot{body: body}
		if err := s.cut(); err != nil {
			t.Fatal(err)
		}
		p := &encoder{sections: s.sections}
		test.change(p)
		if body, err = p.body(); err != nil {
			t.Fatal(err)
		}
		checkBody(t, test.name, body, test.want)
	}
}

func TestWalkRefusesHeaders(t *testing.T) {
	body, err := Encode(smallDocument())
	if err != nil {
		t.Fatal(err)
	}
	checkBody(t, "bytes after the last section", append(body, 0), "1 bytes after the last section")
	checkBody(t, "a section too few", patched(body, 4, byte(numSections)-1, 1), "30 sections instead of 31")
	checkBody(t, "a section past the end", patched(body, 8+4*int(secHeap), 0xff, 4), `section "strings heap": runs past the end`)
	checkBody(t, "a header alone", body[:bodyHeaderSize], "runs past the end")

	if _, err := Marshal(Envelope{Serial: 1}, patched(body, 0, bodyVersion+1, 1), nil); err == nil || !strings.Contains(err.Error(), "does not come from Encode") {
		t.Errorf("a body of another version is written: %v", err)
	}
	// The envelope signs for the body, so the header may not say another version.
	env := Envelope{Serial: 1}
	file, err := Marshal(env, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := patched(body, 0, bodyVersion+1, 1)
	env.Bind(other, nil)
	envelope, err := env.canonical()
	if err != nil {
		t.Fatal(err)
	}
	file = reseal(append(file[:len(file)-len(body):len(file)-len(body)], other...), envelope)
	if _, err := Open(file); err == nil || !strings.Contains(err.Error(), "another format version than its header") {
		t.Errorf("a body of another version: %v", err)
	}
}

// An empty index has one bucket all the same: a lookup looks into it.
func TestWalkRefusesEmptyIndexWithoutBucket(t *testing.T) {
	body, err := Encode(&schema.Document{})
	if err != nil {
		t.Fatal(err)
	}
	for _, buckets := range [][]byte{nil, make([]byte, 4)} {
		s := &Snapshot{body: body}
		if err := s.cut(); err != nil {
			t.Fatal(err)
		}
		p := &encoder{sections: s.sections}
		p.sections[secClientBuckets] = buckets
		changed, err := p.body()
		if err != nil {
			t.Fatal(err)
		}
		checkBody(t, "no bucket", changed, `section "client index": does not fit`)
	}
}

// checkBody opens a body with a digest that fits; want is part of the error, "" for none.
func checkBody(t *testing.T, name string, body []byte, want string) {
	t.Helper()
	file, err := Marshal(Envelope{Serial: 1}, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	switch s, err := Open(file); {
	case err == nil && want == "":
		visit(s)
	case err == nil || want == "" || !strings.Contains(err.Error(), want):
		t.Errorf("%s: %v, want %q", name, err, want)
	}
}

// Two APIs list the same scopes in another order: the same grant is another set.
func TestScopeSetsBelongToTheirList(t *testing.T) {
	x, y := schema.Scope{Name: "x"}, schema.Scope{Name: "y"}
	doc := &schema.Document{
		APIs: []schema.API{
			{Label: "a", Identifier: "a", Scopes: []schema.Scope{x, y}},
			{Label: "b", Identifier: "b", Scopes: []schema.Scope{y, x}},
		},
		Clients: []schema.Client{{Label: "c", ClientID: "c"}},
		Authorizations: []schema.Authorization{
			{Label: "1", Client: "c", API: "a", SubjectType: schema.SubjectClient, Scopes: []string{"x"}},
			{Label: "2", Client: "c", API: "b", SubjectType: schema.SubjectClient, Scopes: []string{"x"}},
		},
	}
	checkHandles(t, mustOpen(t, doc), doc)
}

// A record of an older body is filled up with zero bytes.
func TestWiden(t *testing.T) {
	if got := padRecords([]byte{1, 2, 3, 4}, 2, 4); string(got) != "\x01\x02\x00\x00\x03\x04\x00\x00" {
		t.Errorf("%v", got)
	}
	if got := padRecords(nil, 2, 4); len(got) != 0 {
		t.Errorf("no records: %v", got)
	}
}

// A field with the tag since is missing in the records of older bodies.
func TestLayOutOlderRecords(t *testing.T) {
	rows := [numSections]sectionRow{}
	for i := range rows {
		rows[i] = secStrings.row("text lists")
	}
	rows[0] = table[struct {
		label text
		list  span `of:"text lists" since:"1"`
		more  le32 `since:"1"`
	}](0).row("records")
	l := layOut(rows)[0]
	if l.size[0] != 8 || l.size[bodyVersion] != 20 || len(l.fields) != 3 || l.fields[1].target != 1 {
		t.Errorf("%+v", l)
	}
}
