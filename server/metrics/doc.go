// Package metrics counts what the token server does, for Prometheus.
//
// It owns the names of the metrics, their labels and the bound on the number of
// series: every label's values come from a closed set, and the only set that a
// configuration makes, the labels of its APIs, is cut off at MaxAPIs. Nothing
// that a request holds becomes a label. It refuses to know what a snapshot or a
// request is: package server tells it, and the client library is imported
// nowhere else.
package metrics
