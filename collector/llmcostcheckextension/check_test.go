// SPDX-License-Identifier: Apache-2.0

package llmcostcheckextension

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.yaml.in/yaml/v3"
)

// checked returns what is said of a configuration, "" when nothing.
func checked(t *testing.T, content string) string {
	t.Helper()
	var raw map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(content), &raw))
	if err := (&checkExtension{}).NotifyConfig(context.Background(), confmap.NewFromStringMap(raw)); err != nil {
		return err.Error()
	}
	return ""
}

const joined = `
connectors: {forward: , llm_spend: }
service:
  pipelines:
    traces: {receivers: [otlp], processors: [llm_cost, llm_cost_rollup], exporters: [llm_spend, forward]}
    traces/sampled: {receivers: [forward], processors: [tail_sampling], exporters: [otlphttp]}
    metrics: {receivers: [llm_spend], exporters: [otlphttp]}
`

func TestASamplerMustWaitLongerThanTheRollUp(t *testing.T) {
	for settings, says := range map[string]string{
		"processors: {llm_cost_rollup: {max_wait: 10s}, tail_sampling: {decision_wait: 15s}}":                "",
		"processors: {llm_cost_rollup: , tail_sampling: }":                                                   "",
		"processors: {llm_cost_rollup: {max_wait: 10s}, tail_sampling: {decision_wait: 10s}}":                "decision_wait: found 10s; expected more than processors::llm_cost_rollup::max_wait (10s)",
		"processors: {llm_cost_rollup: {max_wait: 1m}, tail_sampling: }":                                     "decision_wait: found 30s",
		"processors: {llm_cost_rollup: , tail_sampling: {decision_wait: 5s}}":                                "max_wait (10s)",
		"processors: {llm_cost_rollup: {max_wait: 10000000000}, tail_sampling: {decision_wait: 9000000000}}": "found 9s",
		"processors: {llm_cost_rollup: {mode: batch}, tail_sampling: {decision_wait: 5s}}":                   "",
	} {
		said := checked(t, settings+joined)
		if says == "" {
			assert.Empty(t, said, settings)
		} else {
			assert.Contains(t, said, says, settings)
		}
	}
}

func TestOrder(t *testing.T) {
	const connectors = "connectors: {forward: , forward/b: , llm_spend: }\nservice: {pipelines: {"
	for pipelines, says := range map[string]string{
		"traces: {receivers: [otlp], processors: [tail_sampling, llm_cost_rollup], exporters: [otlp]}": "" +
			"service::pipelines::traces: found llm_cost_rollup after tail_sampling",
		"traces: {receivers: [otlp], processors: [probabilistic_sampler/half, llm_cost], exporters: [otlp]}": "" +
			"found llm_cost after probabilistic_sampler/half",
		"traces: {receivers: [otlp], processors: [llm_cost, tail_sampling], exporters: [llm_spend/a]}": "" +
			"found llm_spend/a after tail_sampling",
		"traces/a: {receivers: [otlp], processors: [tail_sampling], exporters: [forward]}," +
			"traces/b: {receivers: [forward], exporters: [llm_spend]}": "service::pipelines::traces/b: found llm_spend",
		"traces: {receivers: [otlp], processors: [llm_cost], exporters: [llm_spend, otlp]}": "",
		"traces: {receivers: [otlp], processors: [tail_sampling], exporters: [otlp]}":       "",
		"traces/a: {receivers: [forward], processors: [llm_cost], exporters: [forward/b]}, logs: bad," +
			"traces/b: {receivers: [forward/b, otlp], processors: [llm_cost], exporters: [forward]}": "",
	} {
		said := checked(t, connectors+pipelines+"}}")
		if says == "" {
			assert.Empty(t, said, pipelines)
		} else {
			assert.Contains(t, said, says, pipelines)
		}
	}
}

func TestTheShippedConfigurationsPass(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("..", "..", "collector-config", "*.yaml"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		found, err := confmaptest.LoadConf(file)
		require.NoError(t, err)
		assert.NoError(t, (&checkExtension{}).NotifyConfig(context.Background(), found), file)
	}
}
