// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostrollupprocessor/internal/metadata"
)

type span = tracetest.Span

// priced returns what llm_cost writes on a call of so many nano-dollars.
func priced(nano, tokens int, responseID string) map[string]any {
	return map[string]any{
		"llm.cost_status": "priced", "llm.request_cost_usd": float64(nano) / 1e9, "llm.request_cost_nanousd": nano,
		"llm.input_tokens": tokens, "llm.output_tokens": 1, "llm.total_tokens": tokens + 1, "llm.request_id": responseID,
		"llm.model": "gpt-4o-mini", "llm.operation": "chat", "llm.pricing_version": "2026.11.21-000000000000",
	}
}

func started(t *testing.T, configure func(*Config)) (processor.Traces, *consumertest.TracesSink) {
	t.Helper()
	cfg := createDefaultConfig().(*Config)
	cfg.Shards = 2
	if configure != nil {
		configure(cfg)
	}
	require.NoError(t, cfg.Validate())
	sink := new(consumertest.TracesSink)
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.Start(context.Background(), componenttest.NewNopHost()))
	return p, sink
}

func send(t *testing.T, p processor.Traces, spans ...span) {
	t.Helper()
	require.NoError(t, p.ConsumeTraces(context.Background(), tracetest.Traces(spans...)))
}

// threeServices is a trace through three services: the root of web, the server span of agent, the server span of rag.
func threeServices() []span {
	const server, internal = ptrace.SpanKindServer, ptrace.SpanKindInternal
	return []span{
		{Trace: 1, ID: 1, Service: "web", Kind: server},
		{Trace: 1, ID: 2, Parent: 1, Service: "web", Kind: ptrace.SpanKindClient},
		{Trace: 1, ID: 3, Parent: 2, Service: "agent", Kind: server},
		{Trace: 1, ID: 4, Parent: 3, Service: "agent", Kind: internal,
			Attributes: map[string]any{"gen_ai.operation.name": "invoke_agent"}},
		{Trace: 1, ID: 5, Parent: 4, Service: "agent", Kind: internal, Attributes: priced(3_000, 30, "a")},
		{Trace: 1, ID: 6, Parent: 4, Service: "agent", Kind: ptrace.SpanKindClient},
		{Trace: 1, ID: 7, Parent: 6, Service: "rag", Kind: server},
		{Trace: 1, ID: 8, Parent: 7, Service: "rag", Kind: internal, Attributes: priced(500, 5, "b")},
		{Trace: 1, ID: 9, Parent: 1, Service: "web", Kind: internal, Attributes: priced(70, 7, "c")},
	}
}

func assertTotals(t *testing.T, out []ptrace.Traces) {
	t.Helper()
	for id, nano := range map[byte]int64{1: 3_570, 3: 3_500, 7: 500} {
		for _, found := range tracetest.Find(out, 1, id) {
			assert.Equal(t, nano, tracetest.Raw(found, "llm.trace_cost_nanousd"), "span %d", id)
			assert.Equal(t, "lt_0.0001", tracetest.Raw(found, "llm.trace_cost_bucket"), "span %d", id)
			assert.Equal(t, true, tracetest.Raw(found, "llm.trace_cost_complete"), "span %d", id)
		}
	}
	agent := tracetest.Find(out, 1, 4)
	require.NotEmpty(t, agent)
	assert.InDelta(t, 3.5e-6, tracetest.Raw(agent[0], "llm.subtree_cost_usd"), 0)
	assert.Nil(t, tracetest.Raw(agent[0], "llm.trace_cost_usd"), "an agent span is no local root")
	assert.Nil(t, tracetest.Raw(agent[0], "llm.trace_cost_bucket"))
	assert.Equal(t, int64(3_570), ownSum(out), "own costs")
}

// ownSum returns the cost of all calls, each span once.
func ownSum(out []ptrace.Traces) (sum int64) {
	seen := map[string]bool{}
	tracetest.Each(out, func(_ ptrace.ResourceSpans, found ptrace.Span) {
		key := found.TraceID().String() + found.SpanID().String()
		if nano, _ := tracetest.Raw(found, "llm.request_cost_nanousd").(int64); !seen[key] {
			seen[key] = true
			sum += nano
		}
	})
	return sum
}

func TestTotalsCrossServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, nil)
		send(t, p, threeServices()...)
		assert.Len(t, tracetest.Find(sink.AllTraces(), 1, 5), 1, "a call is passed on at once")
		assert.Empty(t, tracetest.Find(sink.AllTraces(), 1, 1), "the root is held")
		time.Sleep(11 * time.Second)
		assertTotals(t, sink.AllTraces())
		require.NoError(t, p.Shutdown(context.Background()))
		assert.Equal(t, 9, sink.SpanCount())
	})
}

func TestOrderBatchesAndCopiesChangeNothing(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 1))
				p, sink := started(t, nil)
				spans := threeServices()
				if seed%2 == 1 {
					spans = append(spans, threeServices()...)
				}
				random.Shuffle(len(spans), func(a, b int) { spans[a], spans[b] = spans[b], spans[a] })
				for len(spans) > 0 {
					count := 1 + random.IntN(len(spans))
					send(t, p, spans[:count]...)
					spans = spans[count:]
					time.Sleep(time.Duration(random.IntN(900)) * time.Millisecond)
				}
				time.Sleep(11 * time.Second)
				assertTotals(t, sink.AllTraces())
				require.NoError(t, p.Shutdown(context.Background()))
			})
		})
	}
}

func TestAChildEightSecondsLateIsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, nil)
		spans := threeServices()
		send(t, p, append(spans[:7:7], spans[8])...)
		time.Sleep(8 * time.Second)
		send(t, p, spans[7])
		time.Sleep(3 * time.Second)
		assertTotals(t, sink.AllTraces())
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestACallAfterTheRootKeepsItsCostAndIsCorrected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, func(c *Config) { c.CorrectionSpans = true })
		spans := threeServices()
		send(t, p, append(spans[:7:7], spans[8])...)
		time.Sleep(12 * time.Second)
		send(t, p, spans[7])
		out := sink.AllTraces()
		assert.Equal(t, int64(3_070), tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.trace_cost_nanousd"))
		assert.Equal(t, int64(3_570), ownSum(out))
		corrections := 0
		tracetest.Each(out, func(_ ptrace.ResourceSpans, found ptrace.Span) {
			if found.Name() != "llm_cost correction" {
				return
			}
			corrections++
			assert.InDelta(t, 5e-7, tracetest.Raw(found, "llm.subtree_cost_usd"), 0)
			assert.Equal(t, tracetest.SpanID(1), found.ParentSpanID())
			assert.Equal(t, tracetest.SpanID(1), found.Links().At(0).SpanID())
		})
		assert.Equal(t, 1, corrections)
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestOverALimitTheOldestIsReleasedAndSaysSo(t *testing.T) {
	for name, configure := range map[string]func(*Config){
		"traces": func(c *Config) { c.MaxTraces, c.Shards = 1, 1 },
		"bytes":  func(c *Config) { c.MaxHeldBytes, c.Shards = 1<<16, 1 },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, sink := started(t, configure)
				large := make([]byte, 50_000)
				first := span{Trace: 1, ID: 1, Attributes: map[string]any{"big": string(large)}}
				send(t, p, first, span{Trace: 1, ID: 2, Parent: 1, Attributes: priced(10, 1, "a")})
				send(t, p, span{Trace: 2, ID: 1, Attributes: map[string]any{"big": string(large)}})
				out := sink.AllTraces()
				require.Len(t, tracetest.Find(out, 1, 1), 1, "released, not dropped")
				root := tracetest.Find(out, 1, 1)[0]
				assert.Equal(t, int64(10), tracetest.Raw(root, "llm.trace_cost_nanousd"))
				assert.Equal(t, false, tracetest.Raw(root, "llm.trace_cost_complete"))
				require.NoError(t, p.Shutdown(context.Background()))
				assert.Equal(t, 3, sink.SpanCount())
			})
		})
	}
}

func TestARestartInMidTraceNeitherLosesNorDoublesMoney(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := threeServices()
		p, before := started(t, nil)
		send(t, p, spans[:5]...)
		require.NoError(t, p.Shutdown(context.Background()))
		p, after := started(t, nil)
		send(t, p, spans[5:]...)
		time.Sleep(11 * time.Second)
		out := append(before.AllTraces(), after.AllTraces()...)
		assert.Equal(t, int64(3_570), ownSum(out))
		root := tracetest.Find(out, 1, 1)[0]
		assert.Equal(t, int64(3_000), tracetest.Raw(root, "llm.trace_cost_nanousd"))
		assert.Equal(t, false, tracetest.Raw(root, "llm.trace_cost_complete"))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestMoneyUnderASpanThatNeverCameGoesToTheRoot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, sink := started(t, nil)
		send(t, p, span{Trace: 1, ID: 1}, span{Trace: 1, ID: 3, Parent: 2, Attributes: priced(10, 1, "a")})
		time.Sleep(11 * time.Second)
		root := tracetest.Find(sink.AllTraces(), 1, 1)[0]
		assert.Equal(t, int64(10), tracetest.Raw(root, "llm.trace_cost_nanousd"))
		assert.Equal(t, false, tracetest.Raw(root, "llm.trace_cost_complete"))
		require.NoError(t, p.Shutdown(context.Background()))
	})
}

func TestTheSameCallInTwoProcessesIsCountedOnce(t *testing.T) {
	for name, copies := range map[string]int{"once": 1, "delivered twice": 2} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, sink := started(t, nil)
				gateway := span{Trace: 1, ID: 3, Parent: 2, Service: "gateway", Attributes: priced(10, 1, "resp")}
				client := span{Trace: 1, ID: 2, Parent: 1, Service: "app", Attributes: priced(11, 1, "resp")}
				send(t, p, span{Trace: 1, ID: 1, Service: "app"}, gateway)
				for range copies {
					send(t, p, client)
				}
				time.Sleep(11 * time.Second)
				out := sink.AllTraces()
				for _, withdrawn := range tracetest.Find(out, 1, 2) {
					assert.Equal(t, "duplicate", tracetest.Raw(withdrawn, "llm.cost_status"))
					assert.Nil(t, tracetest.Raw(withdrawn, "llm.request_cost_usd"))
					assert.Nil(t, tracetest.Raw(withdrawn, "llm.input_tokens"))
				}
				assert.Equal(t, int64(10), tracetest.Raw(tracetest.Find(out, 1, 1)[0], "llm.trace_cost_nanousd"))
				require.NoError(t, p.Shutdown(context.Background()))
			})
		})
	}
}

func TestRunningInTwoTiersChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, between := started(t, nil)
		send(t, first, threeServices()...)
		time.Sleep(11 * time.Second)
		second, sink := started(t, nil)
		for _, td := range between.AllTraces() {
			require.NoError(t, second.ConsumeTraces(context.Background(), td))
		}
		time.Sleep(11 * time.Second)
		assertTotals(t, sink.AllTraces())
		require.NoError(t, first.Shutdown(context.Background()))
		require.NoError(t, second.Shutdown(context.Background()))
	})
}

func TestBatchModeHoldsNothing(t *testing.T) {
	p, sink := started(t, func(c *Config) { c.Mode = ModeBatch })
	send(t, p, threeServices()...)
	assertTotals(t, sink.AllTraces())
	require.NoError(t, p.Shutdown(context.Background()))
}

func TestShutdownLosesNothing(t *testing.T) {
	for _, mode := range []string{ModeHold, ModeBatch} {
		cfg := createDefaultConfig().(*Config)
		cfg.Mode = mode
		processortest.VerifyShutdown(t, NewFactory(), cfg)
	}
}

func TestConfigNamesTheKey(t *testing.T) {
	for key, cause := range map[string]func(*Config){
		"mode":             func(c *Config) { c.Mode = "wait" },
		"max_wait":         func(c *Config) { c.MaxWait = 0 },
		"max_traces":       func(c *Config) { c.MaxTraces = 0 },
		"max_held_bytes":   func(c *Config) { c.MaxHeldBytes = 1 },
		"max_ended_spans":  func(c *Config) { c.MaxEndedSpans = 99_999 },
		"shards":           func(c *Config) { c.Shards = -1 },
		"correction_spans": func(c *Config) { c.Mode, c.CorrectionSpans = ModeBatch, true },
	} {
		cfg := createDefaultConfig().(*Config)
		cause(cfg)
		assert.ErrorContains(t, cfg.Validate(), key)
	}
}
