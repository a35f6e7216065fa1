// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/connector/connectortest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmspendconnector/internal/metadata"
)

func settings() connector.Settings {
	set := connectortest.NewNopSettings(metadata.Type)
	set.Resource = pcommon.NewResource()
	set.Resource.Attributes().PutStr(serviceInstance, "collector-1")
	return set
}

// started returns a connector that exports when it is shut down, and not before unless interval is set.
func started(t *testing.T, cfg *Config, next consumer.Metrics) connector.Traces {
	t.Helper()
	require.NoError(t, cfg.Validate())
	c, err := NewFactory().CreateTracesToMetrics(context.Background(), settings(), cfg, next)
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background(), componenttest.NewNopHost()))
	return c
}

func config() *Config { return createDefaultConfig().(*Config) }

// priced returns the attributes of a priced call.
func priced(model string, usd float64, more map[string]any) map[string]any {
	found := map[string]any{
		"llm.provider": "openai", "llm.model": model, "llm.operation": "chat", "llm.cost_status": "priced",
		"llm.request_cost_usd": usd, "llm.request_cost_nanousd": int64(math.Round(usd * 1e9)),
		"llm.input_tokens": 100, "llm.cached_input_tokens": 40, "llm.cache_write_input_tokens": 10, "llm.output_tokens": 30,
		"llm.reasoning_output_tokens": 5, "llm.total_tokens": 130, "app.feature": "search",
	}
	for key, value := range more {
		found[key] = value
	}
	return found
}

func span(id byte, attributes map[string]any) tracetest.Span {
	return tracetest.Span{Trace: 1, ID: id, Service: "shop", Attributes: attributes}
}

// point is the last value of a series.
type point struct {
	value    float64
	start    pcommon.Timestamp
	exemplar pcommon.SpanID
}

// points returns the last value of each series, by metric and the values of some labels, and checks that none falls.
func points(t *testing.T, all []pmetric.Metrics, labels ...string) map[string]point {
	t.Helper()
	found := map[string]point{}
	for _, made := range all {
		for _, resource := range made.ResourceMetrics().All() {
			for _, metric := range resource.ScopeMetrics().At(0).Metrics().All() {
				assert.True(t, metric.Sum().IsMonotonic())
				assert.Equal(t, pmetric.AggregationTemporalityCumulative, metric.Sum().AggregationTemporality())
				for _, each := range metric.Sum().DataPoints().All() {
					key := metric.Name()
					for _, label := range append(labels, tokenType) {
						value, known := each.Attributes().Get(label)
						if !known {
							value, known = resource.Resource().Attributes().Get(label)
						}
						if known {
							key += " " + value.AsString()
						}
					}
					value := each.DoubleValue()
					if each.ValueType() == pmetric.NumberDataPointValueTypeInt {
						value = float64(each.IntValue())
					}
					assert.GreaterOrEqual(t, value, found[key].value, key)
					next := point{value: value, start: each.StartTimestamp(), exemplar: found[key].exemplar}
					for _, exemplar := range each.Exemplars().All() {
						next.exemplar = exemplar.SpanID()
					}
					found[key] = next
				}
			}
		}
	}
	return found
}

func TestSpansBecomeMetrics(t *testing.T) {
	sink := new(consumertest.MetricsSink)
	c := started(t, config(), sink)
	require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(
		span(1, map[string]any{"http.request.method": "POST"}),
		span(2, priced("gpt-4o-mini", 0.000021, nil)),
		span(3, priced("gpt-4o-mini", 0.5, nil)),
		span(4, map[string]any{"llm.cost_status": "unpriced", "llm.model": "new", "llm.input_tokens": 7}),
		span(5, map[string]any{"llm.cost_status": "duplicate", "llm.model": "gpt-4o-mini", "llm.duplicate_of": "0000000000000002"}),
		span(6, map[string]any{"llm.subtree_cost_usd": 0.500021, "llm.trace_cost_usd": 0.500021}),
	)))
	require.NoError(t, c.Shutdown(context.Background()))
	found := points(t, sink.AllMetrics(), "llm.model")
	assert.InDelta(t, 0.500021, found["llm.cost.usd gpt-4o-mini"].value, 1e-15)
	assert.Equal(t, tracetest.SpanID(3), found["llm.cost.usd gpt-4o-mini"].exemplar)
	assert.Equal(t, tracetest.SpanID(4), found["llm.unpriced_requests new"].exemplar)
	values := map[string]float64{}
	for key, last := range found {
		assert.NotZero(t, last.start, key)
		values[key] = last.value
	}
	delete(values, "llm.cost.usd gpt-4o-mini")
	assert.Equal(t, map[string]float64{
		"llm.tokens gpt-4o-mini input": 100, "llm.tokens gpt-4o-mini cache_read": 80, "llm.tokens gpt-4o-mini cache_write": 20,
		"llm.tokens gpt-4o-mini output": 50, "llm.tokens gpt-4o-mini reasoning": 10, "llm.requests gpt-4o-mini": 2,
		"llm.tokens new input": 7, "llm.requests new": 1, "llm.unpriced_requests new": 1,
	}, values)
}

func TestANewSumIsExportedAsZeroFirst(t *testing.T) {
	cfg := config()
	cfg.FlushInterval, cfg.ZeroFor = shortestFlush, shortestFlush
	sink := new(consumertest.MetricsSink)
	c := started(t, cfg, sink)
	require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(span(1, priced("a", 1, nil)))))
	require.Eventually(t, func() bool { return len(sink.AllMetrics()) > 3 }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, c.Shutdown(context.Background()))
	for key, first := range points(t, sink.AllMetrics()[:1], "llm.model") {
		assert.Zero(t, first.value, key)
	}
	assert.InDelta(t, 1, points(t, sink.AllMetrics()[:4], "llm.model")["llm.cost.usd a"].value, 0)
}

func TestASumThatIsNewAtTheEndIsZeroFirstToo(t *testing.T) {
	sink := new(consumertest.MetricsSink)
	c := started(t, config(), sink)
	require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(span(1, priced("a", 1, nil)))))
	require.NoError(t, c.Shutdown(context.Background()))
	require.Len(t, sink.AllMetrics(), 1)
	each := sink.AllMetrics()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Sum().DataPoints()
	require.Equal(t, 2, each.Len())
	assert.Zero(t, each.At(0).DoubleValue())
	assert.InDelta(t, 1, each.At(1).DoubleValue(), 0)
	assert.Less(t, each.At(0).Timestamp(), each.At(1).Timestamp())
}

func TestTheResourceNamesTheServiceAndTheCollector(t *testing.T) {
	sink := new(consumertest.MetricsSink)
	c := started(t, config(), sink)
	other := span(2, priced("gpt-4o-mini", 1, nil))
	other.Service = "mail"
	require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(span(1, priced("gpt-4o-mini", 2, nil)), other)))
	require.NoError(t, c.Shutdown(context.Background()))
	found := points(t, sink.AllMetrics(), "service.name", "service.instance.id")
	assert.InDelta(t, 2, found["llm.cost.usd shop collector-1"].value, 0)
	assert.InDelta(t, 1, found["llm.cost.usd mail collector-1"].value, 0)
}

func TestLabelsAreChosenAndComeFromTheResourceToo(t *testing.T) {
	cfg := config()
	cfg.Attributes = []string{"app.workspace_id", "app.environment", "cloud.region"}
	sink := new(consumertest.MetricsSink)
	c := started(t, cfg, sink)
	td := tracetest.Traces(span(1, priced("gpt-4o-mini", 2, map[string]any{"app.workspace_id": 7})))
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("deployment.environment.name", "staging")
	td.ResourceSpans().At(0).Resource().Attributes().PutStr("cloud.region", "eu")
	require.NoError(t, c.ConsumeTraces(context.Background(), td))
	require.NoError(t, c.Shutdown(context.Background()))
	assert.Contains(t, points(t, sink.AllMetrics(), "app.workspace_id", "app.environment", "cloud.region"), "llm.cost.usd 7 staging eu")
}

func TestWhatASpanStatesOtherwiseIsALabel(t *testing.T) {
	cfg := config()
	cfg.Attributes = []string{"llm.operation", "llm.cost_source"}
	sink := new(consumertest.MetricsSink)
	c := started(t, cfg, sink)
	byRate := priced("gpt-4o-mini", 2, map[string]any{"llm.rate_id": "openai/gpt-4o-mini", "gen_ai.operation.name": "embeddings"})
	delete(byRate, "llm.operation")
	underContract := priced("gpt-4o-mini", 3, map[string]any{"llm.rate_id": "r", "llm.pricing_version": "2026.01.01-0a+o1f"})
	require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(span(1, byRate), span(2, underContract))))
	require.NoError(t, c.Shutdown(context.Background()))
	found := points(t, sink.AllMetrics(), "llm.operation", "llm.cost_source")
	assert.Contains(t, found, "llm.cost.usd embeddings rate_card")
	assert.Contains(t, found, "llm.cost.usd chat")
}

func TestACostThatIsNoAmountIsNotCountedAsOne(t *testing.T) {
	sink := new(consumertest.MetricsSink)
	c := started(t, config(), sink)
	require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(
		span(1, priced("a", math.NaN(), map[string]any{"llm.request_cost_nanousd": "x"})),
		span(2, priced("b", -1, map[string]any{"llm.request_cost_nanousd": 7})),
		span(3, priced("c", 0, map[string]any{"llm.cost_status": "free"})),
		span(4, priced("d", 9, map[string]any{"llm.cost_status": "some day"})))))
	require.NoError(t, c.Shutdown(context.Background()))
	found := points(t, sink.AllMetrics(), "llm.model")
	assert.NotContains(t, found, "llm.cost.usd a")
	assert.InDelta(t, 7e-9, found["llm.cost.usd b"].value, 0)
	assert.Contains(t, found, "llm.cost.usd c")
	assert.NotContains(t, found, "llm.requests d")
}

// number returns the spans of a sender: each costs another amount.
func number(sender, of int) (batches []ptrace.Traces, nano int64) {
	const perBatch = 100
	for n := range of {
		if n%perBatch == 0 {
			batches = append(batches, ptrace.NewTraces())
			scope := batches[len(batches)-1].ResourceSpans().AppendEmpty()
			scope.Resource().Attributes().PutStr("service.name", "shop")
			scope.ScopeSpans().AppendEmpty()
		}
		made := batches[len(batches)-1].ResourceSpans().At(0).ScopeSpans().At(0).Spans().AppendEmpty()
		made.SetTraceID(pcommon.TraceID{0: byte(sender + 1), 14: byte(n >> 8), 15: byte(n)})
		made.SetSpanID(pcommon.SpanID{0: 1, 6: byte(n >> 8), 7: byte(n)})
		cost := int64(1 + n*7919%100_000)
		nano += cost
		tracetest.Put(made.Attributes(), priced([]string{"a", "b", "c"}[n%3], float64(cost)/1e9, nil))
	}
	return batches, nano
}

func TestConcurrentSendersAndRepeatsGiveTheExactSum(t *testing.T) {
	const senders, spans = 4, 5_000
	cfg := config()
	cfg.FlushInterval = shortestFlush
	sink := new(consumertest.MetricsSink)
	c := started(t, cfg, sink)
	var total int64
	var group sync.WaitGroup
	for sender := range senders {
		batches, nano := number(sender, spans)
		total += nano
		group.Go(func() {
			for n, td := range batches {
				assert.NoError(t, c.ConsumeTraces(context.Background(), td))
				if n%5 == 0 {
					assert.NoError(t, c.ConsumeTraces(context.Background(), td))
				}
			}
		})
	}
	group.Wait()
	require.NoError(t, c.Shutdown(context.Background()))
	var usd, requests float64
	for key, last := range points(t, sink.AllMetrics(), "llm.model") {
		switch strings.TrimRight(key, " abc") {
		case "llm.cost.usd":
			usd += last.value
		case "llm.requests":
			requests += last.value
		}
	}
	assert.Equal(t, total, int64(math.Round(usd*1e9)))
	assert.InDelta(t, senders*spans, requests, 0)
}

func TestARefusedExportIsContainedInTheNextOne(t *testing.T) {
	sink := new(consumertest.MetricsSink)
	var refusals int
	next, err := consumer.NewMetrics(func(ctx context.Context, md pmetric.Metrics) error {
		if refusals++; refusals <= 2 {
			return errors.New("no room")
		}
		return sink.ConsumeMetrics(ctx, md)
	})
	require.NoError(t, err)
	cfg := config()
	cfg.FlushInterval, cfg.ZeroFor = shortestFlush, time.Millisecond
	c := started(t, cfg, next)
	require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(span(1, priced("a", 0.25, nil)))))
	require.Eventually(t, func() bool { return sink.DataPointCount() > 14 }, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, c.Shutdown(context.Background()))
	assert.Zero(t, points(t, sink.AllMetrics()[:1], "llm.model")["llm.cost.usd a"].value, "the zero is sent again")
	assert.InDelta(t, 0.25, points(t, sink.AllMetrics(), "llm.model")["llm.cost.usd a"].value, 0)
}

func TestCardinalityIsBoundedAndTheSumStays(t *testing.T) {
	cfg := config()
	cfg.Attributes, cfg.MaxSeries = []string{"app.workspace_id", "llm.model"}, 6
	sink := new(consumertest.MetricsSink)
	c := started(t, cfg, sink)
	for n := range byte(20) {
		made := span(n+1, priced("a", 1, map[string]any{"app.workspace_id": int(n)}))
		require.NoError(t, c.ConsumeTraces(context.Background(), tracetest.Traces(made)))
	}
	require.NoError(t, c.Shutdown(context.Background()))
	found := points(t, sink.AllMetrics(), "app.workspace_id", "llm.model", "service.name")
	assert.InDelta(t, 17, found["llm.cost.usd other a shop"].value, 0)
	assert.InDelta(t, 1, found["llm.cost.usd 2 a shop"].value, 0)
}

func TestABadConfigurationNamesTheKey(t *testing.T) {
	for key, change := range map[string]func(*Config){
		"flush_interval": func(c *Config) { c.FlushInterval = 0 },
		"zero_for":       func(c *Config) { c.ZeroFor = -1 },
		"max_series":     func(c *Config) { c.MaxSeries = 0 },
		"max_idle":       func(c *Config) { c.MaxIdle = time.Second },
		"repeat_window":  func(c *Config) { c.RepeatWindow = 0 },
		"max_spans":      func(c *Config) { c.MaxSpans = 1 },
		"attributes":     func(c *Config) { c.Attributes = []string{"llm.model", "llm.model"} },
	} {
		cfg := config()
		change(cfg)
		assert.ErrorContains(t, cfg.Validate(), key+": found")
	}
}
