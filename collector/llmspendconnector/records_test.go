// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/connector"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/spancost/spancost/collector/internal/tracetest"
)

func recording(t *testing.T, next consumer.Logs) connector.Traces {
	t.Helper()
	c, err := NewFactory().CreateTracesToLogs(context.Background(), settings(), config(), next)
	require.NoError(t, err)
	require.NoError(t, c.Start(context.Background(), componenttest.NewNopHost()))
	return c
}

func TestEachCountedCallBecomesARecord(t *testing.T) {
	sink := new(consumertest.LogsSink)
	c := recording(t, sink)
	td := tracetest.Traces(
		span(1, map[string]any{"http.request.method": "POST"}),
		span(2, priced("gpt-4o-mini", 0.5, map[string]any{
			"gen_ai.input.messages": "a secret", "gen_ai.conversation.id": "chat-7", "app.attribution_missing": "app.team",
		})),
		span(3, map[string]any{"llm.cost_status": "duplicate", "llm.model": "gpt-4o-mini"}))
	require.NoError(t, c.ConsumeTraces(context.Background(), td))
	require.NoError(t, c.ConsumeTraces(context.Background(), td))
	require.NoError(t, c.Shutdown(context.Background()))
	require.Equal(t, 1, sink.LogRecordCount())
	resource := sink.AllLogs()[0].ResourceLogs().At(0)
	assert.Equal(t, map[string]any{"service.name": "shop"}, resource.Resource().Attributes().AsRaw())
	record := resource.ScopeLogs().At(0).LogRecords().At(0)
	assert.Equal(t, "llm.request", record.EventName())
	assert.Equal(t, tracetest.SpanID(2), record.SpanID())
	assert.Equal(t, pcommon.TraceID{15: 1}, record.TraceID())
	assert.NotZero(t, record.Timestamp())
	expected := map[string]any{}
	for key, value := range priced("gpt-4o-mini", 0.5, nil) {
		if whole, isInt := value.(int); isInt {
			value = int64(whole)
		}
		expected[key] = value
	}
	expected["session.id"] = "chat-7"
	assert.Equal(t, expected, record.Attributes().AsRaw(), "no prompt")
}

func TestARefusedRecordIsMadeAgain(t *testing.T) {
	sink := new(consumertest.LogsSink)
	refuses := true
	next, err := consumer.NewLogs(func(ctx context.Context, ld plog.Logs) error {
		if refuses {
			return errors.New("no room")
		}
		return sink.ConsumeLogs(ctx, ld)
	})
	require.NoError(t, err)
	c := recording(t, next)
	td := tracetest.Traces(span(2, priced("gpt-4o-mini", 0.5, nil)))
	require.Error(t, c.ConsumeTraces(context.Background(), td))
	refuses = false
	require.NoError(t, c.ConsumeTraces(context.Background(), td))
	require.NoError(t, c.Shutdown(context.Background()))
	assert.Equal(t, 1, sink.LogRecordCount())
}

// records returns log records of calls; spanID 0 is none.
func records(event string, spans ...byte) plog.Logs {
	ld := plog.NewLogs()
	resource := ld.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	scope := resource.ScopeLogs().AppendEmpty()
	for n, id := range spans {
		record := scope.LogRecords().AppendEmpty()
		record.SetEventName(event)
		record.SetTimestamp(pcommon.NewTimestampFromTime(tracetest.Start) + pcommon.Timestamp(n))
		if id != 0 {
			record.SetTraceID(pcommon.TraceID{15: 1})
			record.SetSpanID(tracetest.SpanID(id))
		}
		tracetest.Put(record.Attributes(), priced("a", 1, nil))
	}
	return ld
}

func TestLogRecordsBecomeMetricsOnce(t *testing.T) {
	for name, c := range map[string]struct {
		sent     plog.Logs
		expected float64
	}{
		"an event names its own span":                  {records(eventName, 2, 2, 3), 2},
		"an agent's records may name one span":         {records("api_request", 2, 2, 3), 3},
		"an agent's records may name no span":          {records("api_request", 0, 0), 2},
		"what was not priced is no call: other events": {records("", 0), 1},
	} {
		t.Run(name, func(t *testing.T) {
			sink := new(consumertest.MetricsSink)
			cfg := config()
			logs, err := NewFactory().CreateLogsToMetrics(context.Background(), settings(), cfg, sink)
			require.NoError(t, err)
			for range 2 {
				require.NoError(t, logs.ConsumeLogs(context.Background(), c.sent))
			}
			require.NoError(t, logs.Shutdown(context.Background()))
			assert.InDelta(t, c.expected, points(t, sink.AllMetrics(), "llm.model")["llm.cost.usd a"].value, 0)
		})
	}
}

func TestACorrectionTakesItsCallBack(t *testing.T) {
	for name, order := range map[string][]string{
		"after the call": {eventName, correctionName}, "before the call": {correctionName, eventName},
	} {
		t.Run(name, func(t *testing.T) {
			sink := new(consumertest.MetricsSink)
			logs, err := NewFactory().CreateLogsToMetrics(context.Background(), settings(), config(), sink)
			require.NoError(t, err)
			require.NoError(t, logs.ConsumeLogs(context.Background(), records(eventName, 3)))
			for _, event := range order {
				require.NoError(t, logs.ConsumeLogs(context.Background(), records(event, 2)))
			}
			require.NoError(t, logs.Shutdown(context.Background()))
			assert.InDelta(t, 1, points(t, sink.AllMetrics(), "llm.model")["llm.cost.usd a"].value, 0)
		})
	}
}

func TestASpanAndItsEventCountOnce(t *testing.T) {
	sink := new(consumertest.MetricsSink)
	cfg := config()
	traces := started(t, cfg, sink)
	logs, err := NewFactory().CreateLogsToMetrics(context.Background(), settings(), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, logs.Start(context.Background(), componenttest.NewNopHost()))
	require.NoError(t, traces.ConsumeTraces(context.Background(), tracetest.Traces(span(2, priced("a", 1, nil)))))
	require.NoError(t, traces.Shutdown(context.Background()))
	require.NoError(t, logs.ConsumeLogs(context.Background(), records(eventName, 2, 4)))
	require.NoError(t, logs.Shutdown(context.Background()))
	assert.InDelta(t, 2, points(t, sink.AllMetrics(), "llm.model")["llm.cost.usd a"].value, 0)
}
