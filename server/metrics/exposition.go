package metrics

import (
	"strconv"
	"strings"
)

// The types of metric families.
const (
	counterType   = "counter"
	gaugeType     = "gauge"
	histogramType = "histogram"
)

// contentType is that of the text format.
const contentType = "text/plain; version=0.0.4; charset=utf-8"

// A page is metrics in Prometheus' text format, version 0.0.4.
type page struct {
	body []byte
	name string // of the family that is being written
}

// family begins a family: all its series follow.
func (p *page) family(name, kind, help string) {
	p.name = name
	p.body = append(p.body, "# HELP "...)
	p.body = append(p.body, name...)
	p.body = append(p.body, ' ')
	p.body = append(p.body, help...)
	p.body = append(p.body, "\n# TYPE "...)
	p.body = append(p.body, name...)
	p.body = append(p.body, ' ')
	p.body = append(p.body, kind...)
	p.body = append(p.body, '\n')
}

// series names a series of the family; its value follows. suffix is what a
// histogram adds to the name. labels are what label makes, with commas between.
func (p *page) series(suffix, labels string) {
	p.body = append(p.body, p.name...)
	p.body = append(p.body, suffix...)
	if labels != "" {
		p.body = append(p.body, '{')
		p.body = append(p.body, labels...)
		p.body = append(p.body, '}')
	}
	p.body = append(p.body, ' ')
}

func (p *page) count(suffix, labels string, value uint64) {
	p.series(suffix, labels)
	p.body = append(strconv.AppendUint(p.body, value, 10), '\n')
}

func (p *page) number(suffix, labels string, value float64) {
	p.series(suffix, labels)
	p.body = append(strconv.AppendFloat(p.body, value, 'g', -1, 64), '\n')
}

// gauge writes a family of one series without labels.
func (p *page) gauge(name, help string, value float64) {
	p.family(name, gaugeType, help)
	p.number("", "", value)
}

var escaped = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// label is a label with its value, as it stands in a series.
func label(name, value string) string { return name + `="` + escaped.Replace(value) + `"` }
