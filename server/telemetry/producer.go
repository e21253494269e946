package telemetry

import (
	"bytes"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	bridge "go.opentelemetry.io/contrib/bridges/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

// newProducer makes OpenTelemetry's metrics of a page in Prometheus' text format,
// so that both say the same and nothing is counted twice.
func newProducer(page func() []byte) sdkmetric.Producer {
	return bridge.NewMetricProducer(bridge.WithGatherer(prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		parser := expfmt.NewTextParser(model.LegacyValidation)
		families, err := parser.TextToMetricFamilies(bytes.NewReader(page()))
		if err != nil {
			return nil, err
		}
		sorted := make([]*dto.MetricFamily, 0, len(families))
		for _, name := range slices.Sorted(maps.Keys(families)) {
			sorted = append(sorted, families[name])
		}
		return sorted, nil
	})))
}
