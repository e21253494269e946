// Package metrics counts what the token server does, for Prometheus.
//
// It owns the names of the metrics, their labels, the text in which they are
// exposed and the bound on the number of series: every label's values come from
// a closed set, and the only set that a configuration makes, the labels of its
// APIs, is cut off at MaxAPIs. Nothing that a request holds becomes a label.
// Counting is atomic additions: it neither allocates nor locks. The package
// refuses to know what a snapshot or a request is: package server tells it.
package metrics
