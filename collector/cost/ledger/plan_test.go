// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// disturbed returns a span with some values changed to what spans may hold besides.
func disturbed(span *cost.Span, chance *rand.Rand) *cost.Span {
	found := *span
	found.Attributes = slices.Clone(span.Attributes)
	others := []document.Value{
		{}, document.OfString(""), document.OfString("another"), document.OfInt(0), document.OfInt(-1), document.OfInt(1_023),
		document.OfInt(1_024), document.OfInt(5_000_000), document.OfFloat(12), document.OfFloat(1.5), document.OfBool(true),
		document.OfString("12"), document.OfList(document.OfString("stop")), document.OfList(), document.NewMap(),
	}
	for n := range found.Attributes {
		value := &found.Attributes[n].Value
		switch roll := chance.IntN(10); {
		case roll == 0:
			*value = others[chance.IntN(len(others))]
		case value.Kind() == document.Int && roll < 8:
			*value = document.OfInt(chance.Int64N(3_000))
		}
	}
	if chance.IntN(20) == 0 {
		found.Name = fmt.Sprint("name ", chance.IntN(3))
	}
	return &found
}

func sameReading(t *testing.T, span *cost.Span, fast, slow *cost.Reading, isReported, expected bool) {
	t.Helper()
	if isReported != expected {
		t.Fatalf("the plan reports: %v; the slow path: %v; span %+v", isReported, expected, span)
	}
	if isReported && !reflect.DeepEqual(withoutRoom(*fast), withoutRoom(*slow)) {
		t.Fatalf("the plan reads %+v; the slow path %+v; span %+v", fast, slow, span)
	}
}

func withoutRoom(r cost.Reading) cost.Reading {
	r.Context, r.Usage = append([]cost.Fact{}, r.Context...), append([]cost.Amount{}, r.Usage...)
	return r
}

func TestAPlanGivesWhatTheSlowPathGives(t *testing.T) {
	dialects, pricer, chance := newTestDialects(t), pricing.NewPricer(embedded(t)), rand.New(rand.NewPCG(1, 2))
	ledger := New(dialects, pricer, DefaultOptions())
	var spans []*cost.Span
	costtest.EachVector(t, "dialect", func(t *testing.T, v struct {
		Describes string `json:"describes"`
		Span      struct {
			Scope, Version, Language, Name string
			Attributes                     json.RawMessage
		} `json:"span"`
		Reading json.RawMessage `json:"reading"`
	}) {
		spans = append(spans, &cost.Span{
			Key: cost.SpanKey{ID: 2}, StartNs: costtest.BenchNs, EndNs: costtest.BenchNs + 1, ScopeName: v.Span.Scope, ScopeVersion: v.Span.Version, Language: v.Span.Language,
			Name: v.Span.Name, Attributes: costtest.AttributesOf(t, string(v.Span.Attributes)), IsLocalRoot: true,
		})
	})
	served := 0
	for _, origin := range spans {
		for range 400 {
			span := disturbed(origin, chance)
			var into, slow cost.Reading
			before := ledger.plans.compiled
			_, isReported := ledger.plans.Read(span, &into)
			if isReported && before == ledger.plans.compiled {
				served++
			}
			sameReading(t, span, &into, &slow, isReported, dialects.Read(span, &dialect.Reader{}, &slow))
			var written, expected Writes
			ledger.PriceAlone(span, &written)
			New(dialects, &withoutRates{pricer}, DefaultOptions()).PriceAlone(span, &expected)
			if !reflect.DeepEqual(written, expected) {
				t.Fatalf("the plan writes %+v; the slow path %+v; span %+v", written, expected, span)
			}
		}
	}
	if served < 200*len(spans) {
		t.Fatalf("%d of %d spans were served by a plan; expected half of them at least", served, 400*len(spans))
	}
	t.Logf("%d of %d spans were served by a plan", served, 400*len(spans))
}

// withoutRates is a pricer whose rates no plan keeps.
type withoutRates struct{ pricer *pricing.Pricer }

func (w *withoutRates) Version() string                 { return w.pricer.Version() }
func (w *withoutRates) Price(call *cost.Call) cost.Cost { return w.pricer.Price(call) }

func TestThePlanCacheKeepsWithinItsBounds(t *testing.T) {
	ledger := New(newTestDialects(t), pricing.NewPricer(embedded(t)), DefaultOptions())
	var into cost.Reading
	for n := range 3 * layoutsKept {
		span := costtest.BenchSpan(true)
		span.ScopeVersion, span.Attributes[0].Key = fmt.Sprint(n), fmt.Sprintf("key%0*d", n, n)
		ledger.plans.Read(span, &into)
	}
	if kept := len(ledger.plans.layouts); kept > layoutsKept {
		t.Fatalf("%d layouts; expected %d at most", kept, layoutsKept)
	}
	span := costtest.BenchSpan(true)
	model := slices.IndexFunc(span.Attributes, func(a cost.Attribute) bool { return a.Key == "gen_ai.response.model" })
	for k := range 3 * plansKept {
		span.Attributes[model].Value = document.OfString(fmt.Sprint(k))
		ledger.plans.Read(span, &into)
	}
	kept := 0
	for _, known := range ledger.plans.layouts {
		kept += len(known.plans)
	}
	if kept > plansKept {
		t.Fatalf("%d plans; expected %d at most", kept, plansKept)
	}
}

func TestAPlanAllocatesNothing(t *testing.T) {
	ledger, span := New(newTestDialects(t), pricing.NewPricer(embedded(t)), DefaultOptions()), costtest.BenchSpan(true)
	var written Writes
	if found := testing.AllocsPerRun(100, func() {
		written.Clear()
		ledger.PriceAlone(span, &written)
	}); found > 0 {
		t.Fatalf("%v allocations for a span with a plan; expected none", found)
	}
}
