// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"context"
	"testing"

	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/spancost/spancost/collector/internal/tracetest"
	"github.com/spancost/spancost/collector/llmcostprocessor/internal/metadata"
)

const spansPerBatch = 512

// batch returns spans of traces of eight: a root, six spans of HTTP, and one of which calls of them are model calls.
func batch(calls int) ptrace.Traces {
	td := ptrace.NewTraces()
	spans := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty()
	spans.Scope().SetName("opentelemetry.instrumentation.openai_v2")
	http := map[string]any{
		"http.request.method": "POST", "url.full": "https://example.com/v1", "server.port": 443, "http.response.status_code": 200,
		"network.protocol.version": "1.1", "user_agent.original": "python", "thread.id": 1, "app.feature": "search",
	}
	for n := range spansPerBatch {
		span := spans.Spans().AppendEmpty()
		span.SetTraceID(pcommon.TraceID{14: byte(n / 8), 15: 1})
		span.SetSpanID(tracetest.SpanID(byte(n%8 + 1)))
		if n%8 > 0 {
			span.SetParentSpanID(tracetest.SpanID(1))
		}
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(tracetest.Start))
		span.SetEndTimestamp(span.StartTimestamp() + pcommon.Timestamp(100-n%8))
		if 7-n%8 < calls {
			tracetest.Put(span.Attributes(), tracetest.Call("gpt-4o-mini", 1000+n, 100, ""))
		} else {
			tracetest.Put(span.Attributes(), http)
		}
	}
	return td
}

func benchmark(b *testing.B, calls int, configure func(*Config)) {
	cfg := createDefaultConfig().(*Config)
	if configure != nil {
		configure(cfg)
	}
	p, err := NewFactory().CreateTraces(context.Background(), processortest.NewNopSettings(metadata.Type), cfg, consumertest.NewNop())
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		b.Fatal(err)
	}
	source := batch(calls)
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		td := ptrace.NewTraces()
		source.CopyTo(td)
		for k, span := range td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().All() {
			span.SetTraceID(pcommon.TraceID{8: byte(n >> 24), 9: byte(n >> 16), 10: byte(n >> 8), 11: byte(n), 14: byte(k / 8), 15: 1})
		}
		b.StartTimer()
		if err := p.ConsumeTraces(context.Background(), td); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/spansPerBatch, "ns/span")
	b.StopTimer()
	if err := p.Shutdown(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkTracesWithoutCalls(b *testing.B) { benchmark(b, 0, nil) }
func BenchmarkTracesOneInEight(b *testing.B)   { benchmark(b, 1, nil) }
func BenchmarkTracesAllCalls(b *testing.B)     { benchmark(b, 8, nil) }
func BenchmarkTracesOneInEightFull(b *testing.B) {
	benchmark(b, 1, func(c *Config) { c.Attributes = []string{"full"} })
}
func BenchmarkTracesOneInEightLean(b *testing.B) {
	benchmark(b, 1, func(c *Config) { c.Attributes = []string{"lean"} })
}
func BenchmarkTracesAllCallsFull(b *testing.B) {
	benchmark(b, 8, func(c *Config) { c.Attributes = []string{"full"} })
}
func BenchmarkTracesAllCallsLean(b *testing.B) {
	benchmark(b, 8, func(c *Config) { c.Attributes = []string{"lean"} })
}
