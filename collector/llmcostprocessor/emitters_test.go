// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/spancost/spancost/collector/internal/tracetest"
)

func TestEmittersAreReadAsAFileDescribesThem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "emitters.yaml")
	const described = "emitters: [{name: acme, detect_by: [acme.model], provider: openai, " +
		"keys: {model: acme.model, input_tokens: acme.in, output_tokens: acme.out}}]"
	require.NoError(t, os.WriteFile(file, []byte(described), 0o600))
	said := map[string]any{"acme.model": "gpt-4o-mini", "acme.in": 1_000_000, "acme.out": 1_000_000}
	td := tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Attributes: said, To: 2_000})
	out := process(t, func(c *Config) { c.EmittersFile = file }, td)
	assert.InDelta(t, 0.75, tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.request_cost_usd"), 1e-15)
}

func TestTheLanguageOfTheSDKIsRead(t *testing.T) {
	for language, cost := range map[string]float64{"go": 0.00155, "python": 0} {
		said := map[string]any{
			"gen_ai.operation.name": "generate_content", "gen_ai.request.model": "gemini-2.5-flash",
			"gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 500, "gen_ai.usage.reasoning.output_tokens": 400,
		}
		td := tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Attributes: said, To: 2_000})
		td.ResourceSpans().At(0).Resource().Attributes().PutStr("telemetry.sdk.language", language)
		td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).SetName("generate_content gemini-2.5-flash")
		scope := td.ResourceSpans().At(0).ScopeSpans().At(0).Scope()
		scope.SetName("gcp.vertex.agent")
		scope.SetVersion("2.0.0")
		out := process(t, nil, td)
		if found := tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.request_cost_usd"); cost > 0 {
			assert.InDelta(t, cost, found, 1e-15)
		} else {
			assert.Nil(t, found)
		}
	}
}

func TestAWrongFileOfEmittersIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "emitters.yaml")
	require.NoError(t, os.WriteFile(file, []byte("emitters: [{scopes: [acme]}]"), 0o600))
	cfg := createDefaultConfig().(*Config)
	cfg.EmittersFile = file
	assert.ErrorContains(t, cfg.Validate(), "emitters_file: emitters[0]: found neither keys nor provider; expected one of them")
}
