// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	"github.com/spancost/spancost/collector/cost/pricing"
	data "github.com/spancost/spancost/pricing"
	"github.com/spancost/spancost/semconv"
)

func BenchmarkAlone(b *testing.B) {
	ledger, span := New(newTestDialects(b), pricing.NewPricer(embedded(b)), DefaultOptions()), costtest.BenchSpan(true)
	var written Writes
	b.ReportAllocs()
	for b.Loop() {
		written.Clear()
		ledger.PriceAlone(span, &written)
	}
}

// Traces of eight spans without a call, as most are.
func BenchmarkLedger(b *testing.B) {
	ledger := New(newTestDialects(b), pricing.NewPricer(embedded(b)), DefaultOptions())
	id := uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		id++
		trace := [2]uint64{0, id / 8}
		ledger.EndAncestor(cost.SpanKey{Trace: trace, ID: id}, cost.SpanKey{Trace: trace, ID: id + 1}, false)
	}
}

func BenchmarkLedgerOneEndlessTrace(b *testing.B) {
	ledger := New(newTestDialects(b), pricing.NewPricer(embedded(b)), DefaultOptions())
	span, id := costtest.BenchSpan(false), uint64(0)
	var written Writes
	b.ReportAllocs()
	for b.Loop() {
		id++
		span.Key.ID, span.Parent = id, cost.SpanKey{ID: id + 1}
		ledger.End(span, &written)
	}
}

func BenchmarkDeepTrace(b *testing.B) {
	spans := make([]cost.Span, 1_000)
	for n := range spans {
		spans[n] = *costtest.BenchSpan(n == len(spans)-1)
		spans[n].Key, spans[n].EndNs = cost.SpanKey{ID: uint64(n + 1)}, costtest.BenchNs+int64(2_000-n)
		if n > 0 {
			spans[n].Parent = spans[n-1].Key
		}
	}
	ledger := New(newTestDialects(b), pricing.NewPricer(embedded(b)), DefaultOptions())
	var written Writes
	for b.Loop() {
		ledger.Clear()
		for _, n := range ChildrenFirst(spans) {
			written.Clear()
			ledger.End(&spans[n], &written)
		}
	}
}

func embedded(t testing.TB) *pricing.RateCard {
	t.Helper()
	card, err := pricing.NewRateCard(data.Card, "embedded card")
	if err != nil {
		t.Fatal(err)
	}
	return card
}

func newTestDialects(t testing.TB) *dialect.Dialects {
	t.Helper()
	dialects, err := dialect.NewDialects(semconv.Dialects, embedded(t).Providers(), dialect.Options{ReadResponses: true})
	if err != nil {
		t.Fatal(err)
	}
	return dialects
}
