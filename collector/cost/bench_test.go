// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost/document"
)

const benchNs = 1_763_640_000_000_000_000

func benchCall() *Call {
	return &Call{
		Provider: "openai", Model: "gpt-4o-mini-2024-07-18", RequestModel: "gpt-4o-mini", AtNs: benchNs,
		Usage: []Amount{
			{Meter: "input_tokens", Quantity: Whole(1200)}, {Meter: "output_tokens", Quantity: Whole(300)},
			{Meter: "cache_read_tokens", Quantity: Whole(1000)},
		},
		Context: []Fact{{"server_address", "api.openai.com"}},
	}
}

func benchSpan(withCall bool) *Span {
	span := &Span{Key: SpanKey{ID: 1}, StartNs: benchNs, EndNs: benchNs + 1, ScopeName: "opentelemetry.instrumentation.openai_v2"}
	text := func(key, value string) {
		span.Attributes = append(span.Attributes, Attribute{key, document.OfString(value)})
	}
	for _, key := range []string{
		"http.request.method", "url.full", "server.port", "network.protocol.version", "http.response.status_code",
		"user_agent.original", "thread.id", "code.function.name", "app.feature", "app.team", "app.environment",
	} {
		text(key, "x")
	}
	if withCall {
		text("gen_ai.operation.name", "chat")
		text("gen_ai.provider.name", "openai")
		text("gen_ai.request.model", "gpt-4o-mini")
		text("gen_ai.response.model", "gpt-4o-mini-2024-07-18")
		text("gen_ai.response.id", "chatcmpl-1")
		text("server.address", "api.openai.com")
		for key, n := range map[string]int64{"gen_ai.usage.input_tokens": 1200, "gen_ai.usage.output_tokens": 300} {
			span.Attributes = append(span.Attributes, Attribute{key, document.OfInt(n)})
		}
	}
	return span
}

func BenchmarkPrice(b *testing.B) {
	pricer, call := NewPricer(embedded(b)), benchCall()
	b.ReportAllocs()
	for b.Loop() {
		if cost := pricer.Price(call); !cost.Known {
			b.Fatal(cost.Reason)
		}
	}
}

func BenchmarkPriceUnderContract(b *testing.B) {
	contract, err := NewContract([]byte(`{"attributes":{},"deployments":[],"format":1,"name":"v","terms":[`+
		`{"id":"t","rates":{"input_tokens":1000000000},"when":{"provider":"openai","tenant":"acme"},"x":[7,8]}]}`), "bench")
	if err != nil {
		b.Fatal(err)
	}
	pricer, err := NewContractPricer(NewPricer(embedded(b)), contract)
	if err != nil {
		b.Fatal(err)
	}
	call := benchCall()
	call.Context = append(call.Context, Fact{"tenant", "acme"})
	b.ReportAllocs()
	for b.Loop() {
		if cost := pricer.Price(call); cost.Source != sourceContract {
			b.Fatal(cost)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	dialects, span := testDialects(b), benchSpan(true)
	var reading Reading
	b.ReportAllocs()
	for b.Loop() {
		if !dialects.Read(span, &reading) {
			b.Fatal("the span says nothing")
		}
	}
}

func BenchmarkAlone(b *testing.B) {
	ledger, span := NewLedger(testDialects(b), NewPricer(embedded(b)), DefaultLedgerOptions()), benchSpan(true)
	var written Written
	b.ReportAllocs()
	for b.Loop() {
		written.Clear()
		ledger.Alone(span, &written)
	}
}

func BenchmarkNoCall(b *testing.B) {
	dialects, span := testDialects(b), benchSpan(false)
	var reading Reading
	b.ReportAllocs()
	for b.Loop() {
		if dialects.Read(span, &reading) {
			b.Fatal("the span says something")
		}
	}
}

// Traces of eight spans without a call, as most are.
func BenchmarkLedger(b *testing.B) {
	ledger := NewLedger(testDialects(b), NewPricer(embedded(b)), DefaultLedgerOptions())
	id := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		id++
		trace := [2]uint64{0, id / 8}
		ledger.Pass(SpanKey{trace, id}, SpanKey{trace, id + 1}, false)
	}
}

func BenchmarkLedgerOneEndlessTrace(b *testing.B) {
	ledger := NewLedger(testDialects(b), NewPricer(embedded(b)), DefaultLedgerOptions())
	span, id := benchSpan(false), uint64(0)
	var written Written
	b.ReportAllocs()
	for b.Loop() {
		id++
		span.Key.ID, span.Parent = id, SpanKey{ID: id + 1}
		ledger.End(span, &written)
	}
}

func BenchmarkDeepTrace(b *testing.B) {
	spans := make([]Span, 1_000)
	for n := range spans {
		spans[n] = *benchSpan(n == len(spans)-1)
		spans[n].Key, spans[n].EndNs = SpanKey{ID: uint64(n + 1)}, benchNs+int64(2_000-n)
		if n > 0 {
			spans[n].Parent = spans[n-1].Key
		}
	}
	ledger := NewLedger(testDialects(b), NewPricer(embedded(b)), DefaultLedgerOptions())
	var written Written
	for b.Loop() {
		ledger.Clear()
		for _, n := range ChildrenFirst(spans) {
			written.Clear()
			ledger.End(&spans[n], &written)
		}
	}
}

func BenchmarkUnknownModels(b *testing.B) {
	pricer, call := NewPricer(embedded(b)), benchCall()
	names := strings.Fields(strings.Repeat("model-a model-b model-c ", 3))
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		call.Model = names[n%len(names)] + string(rune('a'+n%26)) + string(rune('a'+n/26%26))
		call.RequestModel = call.Model
		pricer.Price(call)
	}
}
