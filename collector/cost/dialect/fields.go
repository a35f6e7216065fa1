// SPDX-License-Identifier: Apache-2.0

package dialect

import "strings"

// The fields that a dialect may report of a call, by number. The first are figures about tokens, of which some are meters
// and others state how the meter is to be had: uncached_input_tokens leaves cache reads and writes out,
// doubled_input_tokens holds cache reads twice, stated_input_tokens leaves out a cached part that no figure reports and the
// total holds, visible_output_tokens leaves reasoning out, stated_output_tokens leaves
// out what the total holds beyond it, tool_prompt_tokens is input outside of the input, total_tokens proves.
const (
	fieldInput = iota
	fieldUncachedInput
	fieldDoubledInput
	fieldStatedInput
	fieldOutput
	fieldVisibleOutput
	fieldStatedOutput
	fieldTotal
	fieldToolPrompt
	fieldCacheRead
	fieldCacheWrite
	fieldCacheWrite5m
	fieldCacheWrite30m
	fieldCacheWrite1h
	fieldCacheWrite12h
	fieldReasoning

	fieldOperation
	fieldProvider
	fieldModel
	fieldRequestModel
	fieldResponseID
	fieldFinishReason
	fieldServiceTier
	fieldProcessing
	fieldServerAddress

	fieldSpeed
	fieldInferenceGeo
	fieldDataResidency
	fieldVertexLocation
	fieldDeploymentType
	fieldSearchContext

	fieldReportedCost
	fieldBilledCost
	fieldUpstreamCost
	fieldDuration
	fieldOwnKey

	// Fields from here on are further meters, numbered as the dialects name them.
	fieldOther

	fieldCount = 64
)

const (
	// essentials are the figures without which there is no usage.
	essentials = fieldToolPrompt + 1
	// figureCount is how many fields are figures.
	figureCount = fieldReasoning + 1
	maxCount    = 1 << 60
)

var knownFields = [fieldOther]string{
	"input_tokens", "uncached_input_tokens", "doubled_input_tokens", "stated_input_tokens", "output_tokens",
	"visible_output_tokens", "stated_output_tokens", "total_tokens", "tool_prompt_tokens", "cache_read_tokens", "cache_write_tokens",
	"cache_write_5m_tokens", "cache_write_30m_tokens", "cache_write_1h_tokens", "cache_write_12h_tokens",
	"reasoning_tokens",
	"operation", "provider", "model", "request_model", "response_id", "finish_reason", "service_tier", "processing",
	"server_address",
	"speed", "inference_geo", "data_residency", "vertex_location", "deployment_type",
	"search_context",
	"reported_cost_usd", "billed_cost_usd", "upstream_cost_usd", "duration_seconds", "own_key",
}

// fieldTable numbers the fields: those above, then the meters that the dialects name besides.
type fieldTable struct {
	names  []string
	number map[string]int
	// divisible has a bit for each field whose amount may be a fraction: further meters that are not tokens.
	divisible uint64
}

func newFieldTable() *fieldTable {
	t := &fieldTable{number: map[string]int{}}
	for _, name := range knownFields {
		t.enter(name)
	}
	return t
}

// enter returns the number of a field; false when there are too many.
func (t *fieldTable) enter(name string) (int, bool) {
	if n, known := t.number[name]; known {
		return n, true
	}
	if len(t.names) == fieldCount {
		return 0, false
	}
	t.number[name] = len(t.names)
	if len(t.names) >= fieldOther && !strings.HasSuffix(name, "_tokens") {
		t.divisible |= 1 << len(t.names)
	}
	t.names = append(t.names, name)
	return len(t.names) - 1, true
}

// isFigure reports whether a field is an amount.
func isFigure(field int) bool { return field < figureCount || field >= fieldOther }
