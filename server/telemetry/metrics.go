package telemetry

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A meter sends what is gathered, at regular intervals and when it is closed.
type meter struct {
	to       *sender
	gatherer prometheus.Gatherer
	resource *resourcepb.Resource
	schema   string // the URL of the conventions that the resource's names are from
	scope    *commonpb.InstrumentationScope
	start    time.Time // of counters that do not say when they began
	timeout  time.Duration
	complain func(error)

	cancel context.CancelFunc
	ended  chan struct{}
}

// run sends until the context ends.
func (m *meter) run(ctx context.Context, interval time.Duration) {
	defer close(m.ended)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if err := m.send(ctx); err != nil && ctx.Err() == nil {
			m.complain(err)
		}
	}
}

// close ends run and sends the last values. A send of run that has begun is cancelled first:
// its values are among those that are sent again.
func (m *meter) close(ctx context.Context) error {
	m.cancel()
	select {
	case <-m.ended:
		return m.send(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send sends the values of now. Families that could be gathered are sent even
// though others could not.
func (m *meter) send(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, m.timeout)
	defer cancel()
	families, err := m.gatherer.Gather()
	scope := &metricspb.ScopeMetrics{Scope: m.scope}
	now := time.Now()
	for _, family := range families {
		if metric := m.convert(family, now); metric != nil {
			scope.Metrics = append(scope.Metrics, metric)
		}
	}
	// MetricsData is encoded as the collector's ExportMetricsServiceRequest is, whose
	// package imports gRPC.
	return errors.Join(err, m.to.send(ctx, &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{
		{Resource: m.resource, SchemaUrl: m.schema, ScopeMetrics: []*metricspb.ScopeMetrics{scope}},
	}}))
}

// convert makes OpenTelemetry's metric of a family, as its data model says
// (https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/).
// It returns nil for a type that the server has no metrics of.
func (m *meter) convert(family *dto.MetricFamily, now time.Time) *metricspb.Metric {
	to := &metricspb.Metric{Name: family.GetName(), Description: family.GetHelp()}
	at := uint64(now.UnixNano())
	switch family.GetType() {
	case dto.MetricType_COUNTER:
		sum := &metricspb.Sum{AggregationTemporality: cumulative, IsMonotonic: true}
		for _, one := range family.Metric {
			point := number(one, one.GetCounter().GetValue(), at)
			point.StartTimeUnixNano = m.began(one.GetCounter().GetCreatedTimestamp())
			sum.DataPoints = append(sum.DataPoints, point)
		}
		to.Data = &metricspb.Metric_Sum{Sum: sum}
	case dto.MetricType_GAUGE:
		gauge := &metricspb.Gauge{}
		for _, one := range family.Metric {
			gauge.DataPoints = append(gauge.DataPoints, number(one, one.GetGauge().GetValue(), at))
		}
		to.Data = &metricspb.Metric_Gauge{Gauge: gauge}
	case dto.MetricType_HISTOGRAM:
		histogram := &metricspb.Histogram{AggregationTemporality: cumulative}
		for _, one := range family.Metric {
			h := one.GetHistogram()
			bounds, counts := buckets(h)
			histogram.DataPoints = append(histogram.DataPoints, &metricspb.HistogramDataPoint{
				Attributes: attributes(one), StartTimeUnixNano: m.began(h.GetCreatedTimestamp()), TimeUnixNano: at,
				Count: h.GetSampleCount(), Sum: h.SampleSum, ExplicitBounds: bounds, BucketCounts: counts,
			})
		}
		to.Data = &metricspb.Metric_Histogram{Histogram: histogram}
	case dto.MetricType_SUMMARY:
		summary := &metricspb.Summary{}
		for _, one := range family.Metric {
			s := one.GetSummary()
			point := &metricspb.SummaryDataPoint{
				Attributes: attributes(one), StartTimeUnixNano: m.began(s.GetCreatedTimestamp()), TimeUnixNano: at,
				Count: s.GetSampleCount(), Sum: s.GetSampleSum(),
			}
			for _, q := range s.Quantile {
				point.QuantileValues = append(point.QuantileValues,
					&metricspb.SummaryDataPoint_ValueAtQuantile{Quantile: q.GetQuantile(), Value: q.GetValue()})
			}
			summary.DataPoints = append(summary.DataPoints, point)
		}
		to.Data = &metricspb.Metric_Summary{Summary: summary}
	default:
		return nil
	}
	return to
}

// cumulative says that a value counts from its start time on, as Prometheus counts.
const cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE

// number makes the point of a counter or gauge; at is its time in nanoseconds.
func number(one *dto.Metric, value float64, at uint64) *metricspb.NumberDataPoint {
	return &metricspb.NumberDataPoint{
		Attributes: attributes(one), TimeUnixNano: at, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: value},
	}
}

// buckets returns the upper bounds of a histogram and how many values are in each
// bucket: one more than there are bounds, because the last has none. Prometheus
// counts in each bucket what is in those before it too.
func buckets(h *dto.Histogram) (bounds []float64, counts []uint64) {
	var before uint64
	for _, b := range h.Bucket {
		if !math.IsInf(b.GetUpperBound(), 1) {
			bounds = append(bounds, b.GetUpperBound())
			counts = append(counts, b.GetCumulativeCount()-before)
			before = b.GetCumulativeCount()
		}
	}
	return bounds, append(counts, h.GetSampleCount()-before)
}

// began is when a value was 0, in nanoseconds.
func (m *meter) began(created *timestamppb.Timestamp) uint64 {
	if created == nil {
		return uint64(m.start.UnixNano())
	}
	return uint64(created.AsTime().UnixNano())
}

// attributes returns the labels of a metric.
func attributes(one *dto.Metric) []*commonpb.KeyValue {
	var pairs []*commonpb.KeyValue
	for _, label := range one.Label {
		pairs = append(pairs, pair(label.GetName(), label.GetValue()))
	}
	return pairs
}

// pair returns one attribute with a text. Attributes of other types are not needed: labels of
// Prometheus are texts.
func pair(key, value string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
}
