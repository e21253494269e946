package snapshot

import (
	"encoding/binary"
	"fmt"
	"math"
)

// A pool holds every distinct string, record and list once. What is equal gets
// the same position, and positions are given in the order of first use, so the
// same calls give the same bytes.
type pool struct {
	sections [numSections][]byte
	texts    map[string]uint32              // where a string starts in secHeap
	records  [numSections]map[string]uint32 // record -> its index
	lists    [numSections]map[string]uint32 // records end to end -> index of the first
}

// text returns the reference to s, ready to be appended to a record.
func (p *pool) text(s string) [2]uint32 {
	if s == "" {
		return [2]uint32{}
	}
	start, ok := p.texts[s]
	if !ok {
		start = uint32(len(p.sections[secHeap]))
		p.texts[s] = start
		p.sections[secHeap] = append(p.sections[secHeap], s...)
	}
	return [2]uint32{start, uint32(len(s))}
}

// record returns the index of an equal record of the section, adding it if it is new.
func (p *pool) record(sec section, record []byte) uint32 {
	i, ok := p.records[sec][string(record)]
	if !ok {
		i = uint32(len(p.sections[sec]) / len(record))
		set(&p.records[sec], record, i)
		p.sections[sec] = append(p.sections[sec], record...)
	}
	return i
}

// list returns the range of an equal run of records, adding it if it is new.
func (p *pool) list(sec section, records []byte) [2]uint32 {
	if len(records) == 0 {
		return [2]uint32{}
	}
	size := layout[sec].size
	start, ok := p.lists[sec][string(records)]
	if !ok {
		start = uint32(len(p.sections[sec]) / size)
		set(&p.lists[sec], records, start)
		p.sections[sec] = append(p.sections[sec], records...)
	}
	return [2]uint32{start, uint32(len(records) / size)}
}

func set(m *map[string]uint32, key []byte, value uint32) {
	if *m == nil {
		*m = make(map[string]uint32)
	}
	(*m)[string(key)] = value
}

// body joins header and sections.
func (p *pool) body() ([]byte, error) {
	size := uint64(bodyHeaderSize)
	for i := range p.sections {
		size += uint64(len(p.sections[i]))
	}
	if size > math.MaxUint32 {
		return nil, fmt.Errorf("the configuration needs %d bytes, more than the %d of a snapshot", size, uint32(math.MaxUint32))
	}
	body := make([]byte, 0, size)
	body = appendU32(body, bodyVersion, uint32(numSections))
	for i := range p.sections {
		body = appendU32(body, uint32(len(p.sections[i])/layout[i].size))
	}
	body = append(body, make([]byte, bodyHeaderSize-len(body))...)
	for i := range p.sections {
		body = append(body, p.sections[i]...)
	}
	return body, nil
}

func appendU32(b []byte, values ...uint32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	return b
}

// appendPair appends a string reference or a range.
func appendPair(b []byte, pair [2]uint32) []byte { return appendU32(b, pair[0], pair[1]) }
