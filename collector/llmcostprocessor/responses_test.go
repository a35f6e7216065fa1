// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"

	"github.com/spancost/spancost/collector/internal/tracetest"
)

// The answer in an attribute reports two searches, which the span reports nowhere else: read by default, not where reported so; and
// read although the answer is then removed.
func TestUsageOfTheAnswerIsReadUnlessToldOtherwise(t *testing.T) {
	call := map[string]any{
		"openinference.span.kind": "LLM", "llm.provider": "anthropic", "llm.model_name": "claude-sonnet-4-5",
		"llm.token_count.prompt": 700, "llm.token_count.completion": 50,
	}
	answer := map[string]any{
		"output.value": `{"usage": {"input_tokens": 700, "output_tokens": 50, "server_tool_use": {"web_search_requests": 2}}}`,
	}
	maps.Copy(answer, call)
	cost := func(keys map[string]any, attributes map[string]any) float64 {
		configure := func(c *Config) { require.NoError(t, confmap.NewFromStringMap(keys).Unmarshal(c)) }
		out := process(t, configure, tracetest.Traces(
			tracetest.Span{Trace: 1, ID: 1, Scope: "openinference.instrumentation.anthropic", Attributes: attributes}))
		found, _ := tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.request_cost_usd").(float64)
		return found
	}
	without := cost(nil, call)
	require.NotZero(t, without)
	assert.InDelta(t, without+0.02, cost(nil, answer), 1e-12)
	assert.InDelta(t, without+0.02, cost(map[string]any{"drop_content": true}, answer), 1e-12)
	assert.InDelta(t, without, cost(map[string]any{"read_responses": false}, answer), 1e-12)
}
