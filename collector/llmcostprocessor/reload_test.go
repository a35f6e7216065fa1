// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadatatest"
)

// contractOf returns a contract that takes a share off every price of a provider.
func contractOf(discount string) string {
	return "contract: 1\nname: reload\nterms:\n  - {id: all, match: {provider: openai}, discount: " + discount + "}\n"
}

// reloading is a processor that prices by a contract which a test changes.
type reloading struct {
	processor.Traces
	sink      *consumertest.TracesSink
	file      string
	telemetry *componenttest.Telemetry
	changes   int
}

func startReloading(t *testing.T, interval time.Duration) *reloading {
	t.Helper()
	r := &reloading{
		sink: new(consumertest.TracesSink), file: filepath.Join(t.TempDir(), "contract.yaml"), telemetry: componenttest.NewTelemetry(),
	}
	r.write(t, contractOf("50%"))
	r.open(t, interval)
	return r
}

func (r *reloading) open(t *testing.T, interval time.Duration) {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.ContractFile, cfg.ReloadInterval = r.file, interval
	require.NoError(t, cfg.Validate())
	var err error
	r.Traces, err = NewFactory().CreateTraces(context.Background(), metadatatest.NewSettings(r.telemetry), cfg, r.sink)
	require.NoError(t, err)
	require.NoError(t, r.Start(context.Background(), componenttest.NewNopHost()))
}

func (r *reloading) write(t *testing.T, content string) {
	t.Helper()
	require.NoError(t, os.WriteFile(r.file, []byte(content), 0o600))
	// A file system may keep time in steps that are longer than a test.
	r.changes++
	at := time.Now().Add(time.Duration(r.changes) * time.Second)
	require.NoError(t, os.Chtimes(r.file, at, at))
}

// cost returns what a call of 1 USD at list prices costs.
func (r *reloading) cost(t *testing.T) float64 {
	t.Helper()
	r.sink.Reset()
	td := tracetest.Traces(tracetest.Span{Trace: 1, ID: 1, Attributes: tracetest.Call("gpt-4o-mini", 0, 1_000_000, "r")})
	require.NoError(t, r.ConsumeTraces(context.Background(), td))
	var found float64
	tracetest.Each(r.sink.AllTraces(), func(_ ptrace.ResourceSpans, span ptrace.Span) {
		found, _ = tracetest.Raw(span, "llm.request_cost_usd").(float64)
	})
	return found
}

func (r *reloading) loads(t *testing.T, outcome string) (count int64) {
	t.Helper()
	found, err := r.telemetry.GetMetric("otelcol_processor_llm_cost_loads")
	require.NoError(t, err)
	for _, point := range found.Data.(metricdata.Sum[int64]).DataPoints {
		if value, _ := point.Attributes.Value("outcome"); value.AsString() == outcome {
			count += point.Value
		}
	}
	return count
}

func TestAChangedContractIsTakenInAndABrokenOneRefused(t *testing.T) {
	r := startReloading(t, 0)
	p := r.Traces
	assert.InDelta(t, 0.3, r.cost(t), 1e-12)
	require.NoError(t, p.Shutdown(context.Background()))

	r.write(t, "contract: 1\nrules: none\n")
	r.open(t, 0)
	assert.InDelta(t, 0.3, r.cost(t), 1e-12, "the last good one stays when the Collector reloads")
	assert.Equal(t, int64(1), r.loads(t, "refused"))
	require.NoError(t, r.Shutdown(context.Background()))

	r.write(t, contractOf("25%"))
	r.open(t, 0)
	assert.InDelta(t, 0.45, r.cost(t), 1e-12)
	require.NoError(t, r.Shutdown(context.Background()))
	require.NoError(t, r.telemetry.Shutdown(context.Background()))
}

func TestAWatchedContractIsTakenInWithoutARestart(t *testing.T) {
	r := startReloading(t, shortestReload)
	assert.InDelta(t, 0.3, r.cost(t), 1e-12)
	r.write(t, contractOf("25%"))
	require.Eventually(t, func() bool { return r.cost(t) == 0.45 }, 10*time.Second, 50*time.Millisecond)
	r.write(t, "rules: [")
	require.Eventually(t, func() bool { return r.loads(t, "refused") == 1 }, 10*time.Second, 50*time.Millisecond)
	assert.InDelta(t, 0.45, r.cost(t), 1e-12)
	require.NoError(t, os.Remove(r.file))
	require.Eventually(t, func() bool { return r.loads(t, "refused") == 2 }, 10*time.Second, 50*time.Millisecond)
	assert.InDelta(t, 0.45, r.cost(t), 1e-12)
	found, err := r.telemetry.GetMetric("otelcol_processor_llm_cost_prices")
	require.NoError(t, err)
	points := found.Data.(metricdata.Gauge[int64]).DataPoints
	require.Len(t, points, 1)
	version, _ := points[0].Attributes.Value("pricing_version")
	assert.Contains(t, version.AsString(), "+o")
	require.NoError(t, r.Shutdown(context.Background()))
	require.NoError(t, r.telemetry.Shutdown(context.Background()))
}

func TestAContractThatIsBrokenAtTheFirstStartIsAnError(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.ContractFile = filepath.Join(t.TempDir(), "contract.yaml")
	require.NoError(t, os.WriteFile(cfg.ContractFile, []byte("rules: ["), 0o600))
	require.ErrorContains(t, cfg.Validate(), "contract_file")
}

func TestAReloadIntervalBelowASecondIsAnError(t *testing.T) {
	cfg := createDefaultConfig().(*Config)
	cfg.ReloadInterval = time.Millisecond
	require.ErrorContains(t, cfg.Validate(), "reload_interval")
}
