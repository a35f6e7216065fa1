// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"maps"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

func TestAContractSetsTheCostAndLeavesTheListPriceBesideIt(t *testing.T) {
	const list = 0.75
	for name, row := range map[string]struct {
		attributes map[string]any
		namespace  string
		cost       any
		source     string
		status     string
		hasList    bool
	}{
		"nobody in particular":     {cost: list, source: "rate_card", status: "priced"},
		"a tenant of the span":     {attributes: map[string]any{"app.workspace_id": "acme"}, cost: list * 0.8, source: "contract", status: "priced", hasList: true},
		"a tenant of the resource": {namespace: "acme", cost: list * 0.8, source: "contract", status: "priced", hasList: true},
		"the span before the resource": {
			attributes: map[string]any{"app.workspace_id": "other"}, namespace: "acme", cost: list, source: "rate_card", status: "priced",
		},
		"an alias of a key": {
			attributes: map[string]any{"metadata.user_api_key_alias": "batch-jobs"}, cost: list * 0.4, source: "contract", status: "priced",
			hasList: true,
		},
		"machines": {
			attributes: map[string]any{"server.address": "gpu-7"}, cost: 0.002, source: "hardware", status: "estimated", hasList: true,
		},
		"by hand": {
			attributes: map[string]any{"spancost.cost.override_usd": 0.25}, cost: 0.25, source: "manual", status: "priced", hasList: true,
		},
		"by hand, too much": {
			attributes: map[string]any{"spancost.cost.override_usd": "1.5"}, cost: list, source: "rate_card", status: "estimated",
		},
	} {
		t.Run(name, func(t *testing.T) {
			attributes := tracetest.Call("gpt-4o-mini", 1_000_000, 1_000_000, "r1")
			maps.Copy(attributes, row.attributes)
			td := tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Attributes: attributes, To: 2_000})
			td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.namespace", row.namespace)
			out := process(t, func(c *Config) { c.ContractFile = "testdata/contract.yaml" }, td)
			span := tracetest.Find(out, 1, 1)[0]
			assert.InDelta(t, row.cost, tracetest.Raw(span, "llm.request_cost_usd"), 1e-15)
			assert.Equal(t, row.source, tracetest.Raw(span, "llm.cost_source"))
			assert.Equal(t, row.status, tracetest.Raw(span, "llm.cost_status"))
			assert.Regexp(t, regexp.MustCompile(`\+o[0-9a-f]{8}$`), tracetest.Raw(span, "llm.pricing_version"))
			if row.hasList {
				assert.InDelta(t, list, tracetest.Raw(span, "llm.list_cost_usd"), 0)
			} else {
				assert.Nil(t, tracetest.Raw(span, "llm.list_cost_usd"))
			}
		})
	}
}

func TestAContractThatCannotBeUsedStopsTheStart(t *testing.T) {
	for file, want := range map[string]string{
		"testdata/no-such-contract.yaml": "contract_file: testdata/no-such-contract.yaml: found a file that cannot be read",
		"testdata/wrong-contract.yaml":   "contract_file: testdata/wrong-contract.yaml, line 7, terms[0].discount: found 20; expected a part of the price",
	} {
		cfg := createDefaultConfig().(*Config)
		cfg.ContractFile = file
		require.ErrorContains(t, cfg.Validate(), want)
		_, err := NewFactory().CreateTraces(
			context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
		require.ErrorContains(t, err, want)
	}
}

func TestTheCardVersionIsThatOfTheCardAlone(t *testing.T) {
	out := process(t, nil, tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 1, 1, "")}))
	version, _ := tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.pricing_version").(string)
	process(t, func(c *Config) { c.CardVersion, c.ContractFile = version, "testdata/contract.yaml" }, tracetest.Traces())
}

func TestFactsOfAccountsPriceACallThatReportsNone(t *testing.T) {
	attributes := tracetest.Call("gpt-4o-2024-11-20", 1_000_000, 0, "r1")
	attributes["gen_ai.provider.name"] = "azure.ai.openai"
	td := func() ptrace.Traces {
		return tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Attributes: attributes, To: 2_000})
	}
	span := tracetest.Find(process(t, nil, td()), 1, 1)[0]
	assert.Equal(t, "estimated", tracetest.Raw(span, "llm.cost_status"))
	assert.Equal(t, "assumed_fact:deployment_type", tracetest.Raw(span, "llm.cost_reason"))
	facts := map[string]map[string]string{"azure": {"deployment_type": "data zone"}}
	span = tracetest.Find(process(t, func(c *Config) { c.AccountFacts = facts }, td()), 1, 1)[0]
	assert.Equal(t, "priced", tracetest.Raw(span, "llm.cost_status"))
	assert.InDelta(t, 2.75, tracetest.Raw(span, "llm.request_cost_usd"), 1e-15)
	assert.Regexp(t, regexp.MustCompile(`\+o[0-9a-f]{8}$`), tracetest.Raw(span, "llm.pricing_version"))
}

func TestFactsOfAccountsThatCannotBeUsedStopTheStart(t *testing.T) {
	for want, facts := range map[string]map[string]map[string]string{
		"account_facts, acme:service_tier=flex: found provider 'acme'; expected a provider of the rate card": {"acme": {"service_tier": "flex"}},
		"account_facts, openai:weather=rain: found fact 'weather'; expected one of ":                         {"openai": {"weather": "rain"}},
		"account_facts, openai:service_tier=warp: found 'warp'; expected the usual one, or one with a ":      {"openai": {"service_tier": "warp"}},
	} {
		cfg := createDefaultConfig().(*Config)
		cfg.AccountFacts = facts
		require.ErrorContains(t, cfg.Validate(), want)
	}
}
