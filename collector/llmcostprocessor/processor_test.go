// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadatatest"
)

const agentScope = "opentelemetry.instrumentation.langchain"

func process(t *testing.T, configure func(*Config), td ptrace.Traces) []ptrace.Traces {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	if configure != nil {
		configure(cfg)
	}
	require.NoError(t, cfg.Validate())
	sink := new(consumertest.TracesSink)
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	require.NoError(t, p.ConsumeTraces(context.Background(), td))
	require.NoError(t, p.Shutdown(context.Background()))
	return sink.AllTraces()
}

func TestACallGetsItsCost(t *testing.T) {
	out := process(t, func(c *Config) { c.Attributes = []string{"full"} }, tracetest.Traces(
		tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 1_000_000, 1_000_000, "r1")}))
	span := tracetest.Find(out, 1, 1)[0]
	assert.InDelta(t, 0.75, tracetest.Raw(span, "llm.request_cost_usd"), 0)
	assert.Equal(t, int64(750_000_000), tracetest.Raw(span, "llm.request_cost_nanousd"))
	assert.Equal(t, "priced", tracetest.Raw(span, "llm.cost_status"))
	assert.Equal(t, "r1", tracetest.Raw(span, "llm.request_id"))
}

func TestASpanThatIsNoCallStaysAsItIs(t *testing.T) {
	in := tracetest.Span{Trace: 1, ID: 1, Attributes: map[string]any{"http.request.method": "GET", "url.full": "http://x"}}
	out := process(t, nil, tracetest.Traces(in))
	assert.Equal(t, in.Attributes, tracetest.Find(out, 1, 1)[0].Attributes().AsRaw())
}

func TestACallThatTwoInstrumentationsReportIsPricedOnce(t *testing.T) {
	call := tracetest.Call("gpt-4o-mini", 1000, 100, "")
	out := process(t, nil, tracetest.Traces(
		tracetest.Span{Trace: 1, ID: 1, Scope: agentScope, Attributes: call},
		tracetest.Span{Trace: 1, ID: 2, Parent: 1, Scope: "http", Attributes: map[string]any{"http.request.method": "POST"}},
		tracetest.Span{Trace: 1, ID: 3, Parent: 2, Scope: "opentelemetry.instrumentation.openai_v2", Attributes: call},
	))
	assert.Nil(t, tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.request_cost_usd"))
	assert.Equal(t, "duplicate", tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.cost_status"))
	assert.Equal(t, "0000000000000003", tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.duplicate_of"))
	assert.NotNil(t, tracetest.Raw(tracetest.Find(out, 1, 3)[0], "llm.request_cost_usd"))
}

func TestBothCopiesOfASpanGetTheSame(t *testing.T) {
	span := tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 1000, 100, "r")}
	out := tracetest.Find(process(t, nil, tracetest.Traces(span, span)), 1, 1)
	require.Len(t, out, 2)
	assert.Equal(t, out[0].Attributes().AsRaw(), out[1].Attributes().AsRaw())
	assert.NotNil(t, tracetest.Raw(out[0], "llm.request_cost_usd"))
}

func TestRunningTwiceChangesNothing(t *testing.T) {
	once := process(t, nil, tracetest.Traces(
		tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 1000, 100, "r")},
		tracetest.Span{Trace: 1, ID: 2, Parent: 1, Attributes: tracetest.Call("no-such-model", 1000, 100, "s")}))
	before := ptrace.NewTraces()
	once[0].CopyTo(before)
	twice := process(t, nil, once[0])
	marshal := &ptrace.JSONMarshaler{}
	want, err := marshal.MarshalTraces(before)
	require.NoError(t, err)
	found, err := marshal.MarshalTraces(twice[0])
	require.NoError(t, err)
	assert.JSONEq(t, string(want), string(found))
}

func TestOnlyTheChosenAttributesAreWritten(t *testing.T) {
	out := process(t, func(c *Config) { c.Attributes = []string{"llm.request_cost_usd", "llm.cost_status"} }, tracetest.Traces(
		tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 1000, 100, "r")}))
	span := tracetest.Find(out, 1, 1)[0]
	assert.NotNil(t, tracetest.Raw(span, "llm.request_cost_usd"))
	assert.Nil(t, tracetest.Raw(span, "llm.model"))
}

func TestSetsOfAttributes(t *testing.T) {
	attributes := tracetest.Call("gpt-4o-mini", 1000, 100, "r")
	attributes["gen_ai.usage.cache_read.input_tokens"] = 0
	attributes["gen_ai.response.finish_reasons"] = []any{"stop"}
	common := []string{
		"llm.provider", "llm.model", "llm.input_tokens", "llm.output_tokens", "llm.request_cost_usd",
		"llm.request_cost_nanousd", "llm.cost_status", "llm.pricing_version", "llm.rate_id",
	}
	rest := []string{
		"llm.operation", "llm.cost_source", "llm.request_id", "llm.total_tokens", "llm.cost_bucket",
		"llm.finish_reason", "llm.cached_input_tokens",
	}
	for _, row := range []struct {
		chosen, written []string
	}{
		{[]string{"standard"}, common},
		{[]string{"full"}, append(rest, common...)},
		{[]string{"lean"}, []string{"llm.request_cost_usd", "llm.cost_status", "llm.pricing_version"}},
		{[]string{"lean", "llm.model"}, []string{"llm.request_cost_usd", "llm.cost_status", "llm.pricing_version", "llm.model"}},
		{[]string{"standard", "llm.cost_bucket"}, append([]string{"llm.cost_bucket"}, common...)},
		{[]string{"standard", "llm.request_id"}, append([]string{"llm.request_id"}, common...)},
	} {
		out := process(t, func(c *Config) { c.Attributes = row.chosen }, tracetest.Traces(
			tracetest.Span{Trace: 1, ID: 1, Attributes: attributes}))
		var found []string
		for key := range tracetest.Find(out, 1, 1)[0].Attributes().All() {
			if strings.HasPrefix(key, "llm.") {
				found = append(found, key)
			}
		}
		assert.ElementsMatch(t, row.written, found, "%v", row.chosen)
	}
}

func TestStandardWritesWhatTheSpanDoesNotState(t *testing.T) {
	out := process(t, nil, tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Scope: "openinference.instrumentation.openai", Attributes: map[string]any{
		"openinference.span.kind": "LLM", "llm.system": "openai", "llm.model_name": "gpt-4o-mini",
		"llm.token_count.prompt": 1000, "llm.token_count.completion": 100,
	}}))
	assert.Equal(t, "chat", tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.operation"), "no attribute of the span states it")
}

func TestWhatTheDefaultWritesOfARepeatIsEnoughForTotals(t *testing.T) {
	inner := tracetest.Call("gpt-4o-mini", 1000, 100, "r")
	out := process(t, nil, tracetest.Traces(
		tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 1000, 100, "r"), To: 2_000},
		tracetest.Span{Trace: 1, ID: 2, Parent: 1, Attributes: inner, To: 1_000}))
	outer := tracetest.Find(out, 1, 1)[0]
	assert.Equal(t, "duplicate", tracetest.Raw(outer, "llm.cost_status"))
	assert.NotNil(t, tracetest.Raw(outer, "llm.cost_reason"))
	assert.NotNil(t, tracetest.Raw(outer, "llm.duplicate_of"))
}

func TestContentIsDroppedWhereAskedFor(t *testing.T) {
	attributes := tracetest.Call("gpt-4o-mini", 1000, 100, "r")
	attributes["gen_ai.prompt.0.content"] = "secret"
	attributes["gen_ai.input.messages"] = "secret"
	td := tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Attributes: attributes})
	event := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Events().AppendEmpty()
	event.Attributes().PutStr("gen_ai.event.content", "secret")
	out := process(t, func(c *Config) { c.DropContent = true }, td)
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(out[0])
	require.NoError(t, err)
	assert.NotContains(t, string(text), "secret")
	assert.NotNil(t, tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.request_cost_usd"))
}

func TestConfigNamesTheKey(t *testing.T) {
	for _, bad := range []struct {
		key   string
		cause func(*Config)
	}{
		{"card_version", func(c *Config) { c.CardVersion = "latest" }},
		{"attributes", func(c *Config) { c.Attributes = []string{"llm.cost_status", "llm.costs"} }},
		{"attributes", func(c *Config) { c.Attributes = []string{"llm.model"} }},
		{"content_attributes", func(c *Config) { c.ContentAttributes = []string{"*"} }},
		{"content_attributes", func(c *Config) { c.DropContent, c.ContentAttributes = true, nil }},
	} {
		cfg := createDefaultConfig().(*Config)
		bad.cause(cfg)
		assert.ErrorContains(t, cfg.Validate(), bad.key)
	}
}

func TestACardThatCannotBeUsedStopsTheStart(t *testing.T) {
	for _, bad := range []struct{ file, version, want string }{
		{"testdata/no-such-card.jsonl", "", "card_file"},
		{"testdata/changed-card.jsonl", "", "hash"},
		{"", "2020.01.01-000000000000", "card_version"},
	} {
		cfg := createDefaultConfig().(*Config)
		cfg.CardFile, cfg.CardVersion = bad.file, bad.version
		_, err := NewFactory().CreateTraces(
			context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.ErrorContains(t, err, bad.want)
	}
}

func TestWhatIsSaidOfOneself(t *testing.T) {
	tel := componenttest.NewTelemetry()
	defer func() { require.NoError(t, tel.Shutdown(context.Background())) }()
	p, err := NewFactory().CreateTraces(
		context.Background(), metadatatest.NewSettings(tel), createDefaultConfig(), consumertest.NewNop())
	require.NoError(t, err)
	require.NoError(t, p.ConsumeTraces(context.Background(), tracetest.Traces(
		tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 1000, 100, "r")},
		tracetest.Span{Trace: 2, ID: 1, Attributes: tracetest.Call("no-such-model", 1000, 100, "s")})))
	calls, err := tel.GetMetric("otelcol_processor_llm_cost_calls")
	require.NoError(t, err)
	assert.Equal(t, "otelcol_processor_llm_cost_calls", calls.Name)
	unpriced, err := tel.GetMetric("otelcol_processor_llm_cost_unpriced")
	require.NoError(t, err)
	assert.NotNil(t, unpriced.Data)
	age, err := tel.GetMetric("otelcol_processor_llm_cost_card_age")
	require.NoError(t, err)
	assert.NotNil(t, age.Data)
	require.NoError(t, p.Shutdown(context.Background()))
}

func TestShutdownLosesNothing(t *testing.T) {
	processortest.VerifyShutdown(t, NewFactory(), createDefaultConfig())
}
