// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"encoding/binary"
	"time"

	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/spend"
	"github.com/spancost/spancost/collector/llmspendconnector/internal/metadata"
)

const (
	serviceName     = "service.name"
	serviceInstance = "service.instance.id"
	tokenType       = "llm.token.type"
)

// instruments are the metrics, in the order of a scope.
var instruments = [...]struct{ name, unit, description string }{
	{"llm.cost.usd", "{USD}", "Cost of model calls."},
	{"llm.tokens", "{token}", "Tokens of model calls, each token under one type."},
	{"llm.requests", "{request}", "Model calls."},
	{"llm.unpriced_requests", "{request}", "Model calls whose cost is unknown."},
}

const (
	costInstrument = iota
	tokensInstrument
	requestsInstrument
	unpricedInstrument
	instrumentCount
)

// writer makes metrics of a table.
type writer struct {
	resource, labels []string
	// instance is the Collector's own service.instance.id: two Collectors that count for one service export two series.
	instance, version string
}

func newWriter(cfg *Config, set connector.Settings) *writer {
	w := &writer{resource: cfg.ResourceAttributes, labels: cfg.Attributes, version: set.BuildInfo.Version}
	if value, known := set.Resource.Attributes().Get(serviceInstance); known {
		w.instance = value.AsString()
	}
	return w
}

// scope is the metrics of one resource.
type scope [instrumentCount]pmetric.NumberDataPointSlice

// metrics returns the sums of all series, with a resource for each combination of resource attributes.
func (w *writer) metrics(table *spend.Table, nowNs int64, isLast bool) pmetric.Metrics {
	made := pmetric.NewMetrics()
	scopes := map[string]*scope{}
	table.Export(nowNs, isLast, func(series *spend.Series, point spend.Point) {
		of := w.resourceKey(series)
		into := scopes[of]
		if into == nil {
			into = w.scope(made.ResourceMetrics().AppendEmpty(), series)
			scopes[of] = into
		}
		w.write(into, series, point, nowNs)
	})
	made.ResourceMetrics().RemoveIf(func(resource pmetric.ResourceMetrics) bool {
		resource.ScopeMetrics().At(0).Metrics().RemoveIf(func(m pmetric.Metric) bool { return m.Sum().DataPoints().Len() == 0 })
		return false
	})
	return made
}

func (w *writer) resourceKey(series *spend.Series) string {
	var key []byte
	for _, value := range series.Labels[:len(w.resource)] {
		key = append(binary.AppendUvarint(key, uint64(len(value))), value...)
	}
	return string(key)
}

func (w *writer) scope(resource pmetric.ResourceMetrics, series *spend.Series) *scope {
	put(resource.Resource().Attributes(), w.resource, series.Labels)
	if w.instance != "" {
		if _, known := resource.Resource().Attributes().Get(serviceInstance); !known {
			resource.Resource().Attributes().PutStr(serviceInstance, w.instance)
		}
	}
	of := resource.ScopeMetrics().AppendEmpty()
	of.Scope().SetName(metadata.ScopeName)
	of.Scope().SetVersion(w.version)
	made := &scope{}
	for n, instrument := range instruments {
		metric := of.Metrics().AppendEmpty()
		metric.SetName(instrument.name)
		metric.SetUnit(instrument.unit)
		metric.SetDescription(instrument.description)
		sum := metric.SetEmptySum()
		sum.SetIsMonotonic(true)
		sum.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
		made[n] = sum.DataPoints()
	}
	return made
}

// put sets the labels that are known; "" is unknown.
func put(on pcommon.Map, keys, labels []string) {
	on.EnsureCapacity(len(keys) + 1)
	for n, key := range keys {
		if labels[n] != "" {
			on.PutStr(key, labels[n])
		}
	}
}

func (w *writer) write(into *scope, series *spend.Series, point spend.Point, nowNs int64) {
	at, exemplar := requestsInstrument, spend.Exemplar{}
	switch {
	case point.Metric == spend.Cost:
		at, exemplar = costInstrument, series.Highest
	case point.Metric == spend.Unpriced:
		at, exemplar = unpricedInstrument, series.LastUnpriced
	case point.Metric < spend.Requests:
		at = tokensInstrument
	}
	made := into[at].AppendEmpty()
	put(made.Attributes(), w.labels, series.Labels[len(w.resource):])
	made.SetStartTimestamp(pcommon.Timestamp(series.StartNs))
	made.SetTimestamp(pcommon.Timestamp(nowNs))
	if point.IsZero {
		// In the last export, the value follows the zero of a new sum: an exporter may reorder two exports, not two points.
		made.SetTimestamp(pcommon.Timestamp(max(nowNs-int64(time.Millisecond), series.StartNs)))
	}
	switch at {
	case costInstrument:
		made.SetDoubleValue(point.Cost.USD())
	case tokensInstrument:
		made.Attributes().PutStr(tokenType, spend.TokenType(point.Metric-spend.Tokens).String())
		made.SetIntValue(point.Count)
	default:
		made.SetIntValue(point.Count)
	}
	if !point.IsZero {
		writeExemplar(made, exemplar, at == costInstrument)
	}
}

// writeExemplar links a point to a call.
func writeExemplar(point pmetric.NumberDataPoint, of spend.Exemplar, isCost bool) {
	if of.Span == (cost.SpanKey{}) {
		return
	}
	made := point.Exemplars().AppendEmpty()
	made.SetTraceID(traceID(of.Span))
	made.SetSpanID(spanID(of.Span))
	made.SetTimestamp(pcommon.Timestamp(of.TimeNs))
	if isCost {
		made.SetDoubleValue(of.Cost.USD())
	} else {
		made.SetIntValue(1)
	}
}

func traceID(of cost.SpanKey) (id pcommon.TraceID) {
	binary.BigEndian.PutUint64(id[:8], of.Trace[0])
	binary.BigEndian.PutUint64(id[8:], of.Trace[1])
	return id
}

func spanID(of cost.SpanKey) (id pcommon.SpanID) {
	binary.BigEndian.PutUint64(id[:], of.ID)
	return id
}
