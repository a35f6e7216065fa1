// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

func processLogs(t *testing.T, configure func(*Config), ld plog.Logs) plog.LogRecordSlice {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	if configure != nil {
		configure(cfg)
	}
	sink := new(consumertest.LogsSink)
	p, err := NewFactory().CreateLogs(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	require.NoError(t, p.ConsumeLogs(context.Background(), ld))
	require.NoError(t, p.Shutdown(context.Background()))
	return sink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
}

func logs(t *testing.T, scope, event string, attributes map[string]any) plog.Logs {
	t.Helper()
	ld := plog.NewLogs()
	scoped := ld.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scoped.Scope().SetName(scope)
	record := scoped.LogRecords().AppendEmpty()
	record.SetObservedTimestamp(pcommon.NewTimestampFromTime(tracetest.Start))
	record.SetEventName(event)
	require.NoError(t, record.Attributes().FromRaw(attributes))
	return ld
}

var claudeCode = map[string]any{
	"event.name": "api_request", "model": "claude-opus-4-8", "input_tokens": 1000, "output_tokens": 100,
	"cache_read_tokens": 0, "cache_creation_tokens": 0, "request_id": "req_1", "speed": "fast", "cost_usd": 0.0265,
}

func TestALogRecordOfACallGetsItsCost(t *testing.T) {
	record := processLogs(t, nil, logs(t, "com.anthropic.claude_code.events", "", claudeCode)).At(0)
	found := record.Attributes().AsRaw()
	assert.InDelta(t, 0.015, found["llm.request_cost_usd"], 0)
	assert.Equal(t, "priced", found["llm.cost_status"])
	assert.Equal(t, int64(1000), found["llm.input_tokens"])
	assert.NotContains(t, found, "llm.trace_cost_usd")
}

func TestALogRecordThatIsNoCallStaysAsItIs(t *testing.T) {
	in := map[string]any{"event.name": "user_prompt", "prompt_length": "6"}
	found := processLogs(t, nil, logs(t, "com.anthropic.claude_code.events", "", in)).At(0)
	assert.Equal(t, in, found.Attributes().AsRaw())
}

func TestRunningTwiceOverLogRecordsChangesNothing(t *testing.T) {
	once := plog.NewLogs()
	processLogs(t, nil, logs(t, "com.anthropic.claude_code.events", "", claudeCode)).
		CopyTo(once.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords())
	before := once.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Attributes().AsRaw()
	assert.Equal(t, before, processLogs(t, nil, once).At(0).Attributes().AsRaw())
}

func TestContentIsDroppedFromLogRecordsWhereAskedFor(t *testing.T) {
	attributes := tracetest.Call("gpt-4o-mini", 1000, 100, "r")
	attributes["gen_ai.input.messages"] = "secret"
	ld := logs(t, "opentelemetry.instrumentation.openai_v2", "gen_ai.client.inference.operation.details", attributes)
	ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().SetStr("secret")
	record := processLogs(t, func(c *Config) { c.DropContent = true }, ld).At(0)
	assert.NotContains(t, record.Attributes().AsRaw(), "gen_ai.input.messages")
	assert.Empty(t, record.Body().AsString())
	assert.Contains(t, record.Attributes().AsRaw(), "llm.request_cost_usd")
}

// The vectors of log records alone: what `spancost enrich` states of each request, but for prices, which are the card's here.
func TestTheVectorsOfRecordsAreCallsHereToo(t *testing.T) {
	files, err := filepath.Glob("../../tests/vectors/records/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	seen := 0
	for _, file := range files {
		var vector struct {
			Requests []json.RawMessage
			Expected []map[string]any
		}
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(content, &vector))
		if strings.Contains(string(content), "resourceSpans") || len(vector.Requests) != 1 {
			continue
		}
		ld, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(vector.Requests[0])
		require.NoError(t, err)
		records := processLogs(t, nil, ld)
		for n := range records.Len() {
			found := records.At(n).Attributes().AsRaw()
			for _, key := range []string{"llm.provider", "llm.model", "llm.operation", "llm.request_id"} {
				assert.Equal(t, vector.Expected[n][key], found[key], "%s, %d: %s", file, n, key)
				seen++
			}
		}
	}
	assert.Positive(t, seen)
}
