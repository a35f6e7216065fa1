// SPDX-License-Identifier: Apache-2.0

package llmspendconnector

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/internal/tracetest"
)

const spansPerBatch = 512

// benchmarkBatch returns spans of which some of eight are calls, as llm_cost leaves them.
func benchmarkBatch(calls int) ptrace.Traces {
	td := ptrace.NewTraces()
	resource := td.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	spans := resource.ScopeSpans().AppendEmpty()
	http := map[string]any{
		"http.request.method": "POST", "url.full": "https://example.com/v1", "server.port": 443, "http.response.status_code": 200,
		"network.protocol.version": "1.1", "user_agent.original": "python", "thread.id": 1, "app.feature": "search",
	}
	for n := range spansPerBatch {
		made := spans.Spans().AppendEmpty()
		made.SetSpanID(tracetest.SpanID(byte(n%8 + 1)))
		if n%8 < calls {
			tracetest.Put(made.Attributes(), tracetest.Call("gpt-4o-mini", 1_000+n, 100, "resp"))
			tracetest.Put(made.Attributes(), priced("gpt-4o-mini", float64(n)/1e6, map[string]any{
				"llm.pricing_version": "2026.11.30-f15d9bf2c601", "llm.rate_id": "openai/gpt-4o-mini@2024-07-18",
				"llm.cost_source": "rate_card", "llm.cost_bucket": "lt_0.01", "llm.request_id": "resp", "llm.finish_reason": "stop",
			}))
		} else {
			tracetest.Put(made.Attributes(), http)
		}
	}
	return td
}

func benchmark(b *testing.B, calls int) {
	cfg := config()
	cfg.RepeatWindow, cfg.MaxSpans = time.Second, 50_000
	c, err := NewFactory().CreateTracesToMetrics(context.Background(), settings(), cfg, consumertest.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	td := benchmarkBatch(calls)
	spans := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
	send := func(n int) {
		for k := range spans.Len() {
			var id pcommon.TraceID
			binary.BigEndian.PutUint64(id[:], uint64(n)<<16|uint64(k)+1)
			spans.At(k).SetTraceID(id)
		}
		if err := c.ConsumeTraces(context.Background(), td); err != nil {
			b.Fatal(err)
		}
	}
	const warm = 1_000
	for n := range warm {
		send(n)
	}
	b.ReportAllocs()
	n := warm
	for b.Loop() {
		send(n)
		n++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spansPerBatch, "ns/span")
	if err := c.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkTracesWithoutCalls(b *testing.B) { benchmark(b, 0) }
func BenchmarkTracesOneInEight(b *testing.B)   { benchmark(b, 1) }
func BenchmarkTracesAllCalls(b *testing.B)     { benchmark(b, 8) }
