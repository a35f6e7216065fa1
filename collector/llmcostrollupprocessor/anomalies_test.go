// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostrollupprocessor/internal/metadatatest"
)

// storm is an agent run whose context grows and is then sent again and again.
func storm() []span {
	spans := []span{{Trace: 1, ID: 1, Service: "agent", Kind: ptrace.SpanKindServer}}
	for n, tokens := range []int{300, 400, 500, 500, 500, 500, 500} {
		spans = append(spans, span{
			Trace: 1, ID: byte(n + 2), Parent: 1, Service: "agent", From: 10 + n*100, To: 60 + n*100,
			Attributes: priced(2_000_000, tokens, string(rune('a'+n))),
		})
	}
	return spans
}

func assertStorm(t *testing.T, out []ptrace.Traces) {
	t.Helper()
	roots := tracetest.Find(out, 1, 1)
	require.NotEmpty(t, roots)
	for _, root := range roots { // copies too
		assert.Equal(t, []any{"retry_storm"}, tracetest.Raw(root, "llm.anomalies"))
		assert.InDelta(t, 0.008, tracetest.Raw(root, "llm.anomaly_cost_usd"), 0, "the first request is wanted")
	}
	for id := byte(2); id < 9; id++ {
		assert.Nil(t, tracetest.Raw(tracetest.Find(out, 1, id)[0], "llm.anomalies"))
	}
}

func TestTheRootStatesTheAnomaliesOfItsTrace(t *testing.T) {
	for _, mode := range []string{ModeBatch, ModeHold} {
		t.Run(mode, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, sink := started(t, func(cfg *Config) { cfg.Mode, cfg.Detectors = mode, detectorsOn })
				send(t, p, storm()...)
				time.Sleep(11 * time.Second)
				assertStorm(t, sink.AllTraces())
				require.NoError(t, p.Shutdown(context.Background()))
			})
		})
	}
}

func TestCallsInOtherBatchesAreOneSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, func(cfg *Config) { cfg.Detectors = detectorsOn })
		for _, each := range storm() {
			send(t, p, each)
			send(t, p, each) // redelivered: seen once
			time.Sleep(time.Second)
		}
		time.Sleep(11 * time.Second)
		assertStorm(t, sink.AllTraces())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestAnomaliesAreCountedByRule(t *testing.T) {
	telemetry := componenttest.NewTelemetry()
	defer func() { require.NoError(t, telemetry.Shutdown(context.Background())) }()
	cfg := createDefaultConfig().(*Config)
	cfg.Mode, cfg.Detectors = ModeBatch, detectorsOn
	set := metadatatest.NewSettings(telemetry)
	p, err := NewFactory().CreateTraces(context.Background(), set, cfg, new(consumertest.TracesSink))
	require.NoError(t, err)
	require.NoError(t, p.ConsumeTraces(context.Background(), tracetest.Traces(storm()...)))
	metadatatest.AssertEqualProcessorLlmCostRollupAnomalies(t, telemetry, []metricdata.DataPoint[int64]{
		{Value: 1, Attributes: attribute.NewSet(attribute.String("rule", "retry_storm"))},
	}, metricdatatest.IgnoreTimestamp(), metricdatatest.IgnoreExemplars())
}

func TestDetectorsCanBeOffOrHaveOtherRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "detectors.yaml")
	require.NoError(t, os.WriteFile(path, []byte("detectors: 1\nrules:\n  retry_storm: {repeats: 9}\n"), 0o600))
	for _, setting := range []string{detectorsOff, path} {
		p, sink := started(t, func(cfg *Config) { cfg.Mode, cfg.Detectors = ModeBatch, setting })
		send(t, p, storm()...)
		assert.Nil(t, tracetest.Raw(tracetest.Find(sink.AllTraces(), 1, 1)[0], "llm.anomalies"))
	}
	require.NoError(t, os.WriteFile(path, []byte("detectors: 1\nrules:\n  retry_storm: {repeat: 9}\n"), 0o600))
	_, err := newWatch(path, nil)
	require.ErrorContains(t, err, `retry_storm: found "repeat"; expected one of enabled, blocks, repeats`)
}
