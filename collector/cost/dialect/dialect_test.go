// SPDX-License-Identifier: Apache-2.0

package dialect

import (
	"encoding/json"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	"github.com/spancost/spancost/collector/cost/pricing"
	data "github.com/spancost/spancost/pricing"
	"github.com/spancost/spancost/semconv"
)

func newTestDialects(t testing.TB) *Dialects {
	t.Helper()
	dialects, err := NewDialects(semconv.Dialects, embedded(t).Providers(), Options{ReadResponses: true})
	if err != nil {
		t.Fatal(err)
	}
	return dialects
}

func TestVectorsOfDialects(t *testing.T) {
	type vector struct {
		Describes string
		Span      struct {
			Scope, Version, Language, Name string
			Attributes                     json.RawMessage
		}
		Reading json.RawMessage
	}
	dialects := newTestDialects(t)
	costtest.EachVector(t, "dialect", func(t *testing.T, v vector) {
		span := &cost.Span{
			Key: cost.SpanKey{ID: 2}, StartNs: 0, EndNs: 1, ScopeName: v.Span.Scope, ScopeVersion: v.Span.Version, Language: v.Span.Language,
			Name: v.Span.Name, Attributes: costtest.AttributesOf(t, string(v.Span.Attributes)), IsLocalRoot: true,
		}
		var reading cost.Reading
		if !dialects.Read(span, &Reader{}, &reading) {
			costtest.SameJSON(t, nil, v.Reading)
			return
		}
		var expected map[string]any
		if err := json.Unmarshal(v.Reading, &expected); err != nil {
			t.Fatal(err)
		}
		// A cost that somebody else put on the span is not read here: it is never written.
		if expected["billed"] != true {
			delete(expected, "reported_femto")
		}
		want, _ := json.Marshal(expected)
		costtest.SameJSON(t, told(&reading), want)
	})
}

func told(r *cost.Reading) map[string]any {
	found := map[string]any{"dialect": r.Emitter, "kind": "container", "operation": r.Operation}
	if r.IsCall {
		found["kind"] = "call"
	}
	usage := map[string]any{}
	for _, amount := range r.Usage {
		if n, whole := amount.Quantity.Int(); whole {
			usage[amount.Meter] = n
		} else {
			usage[amount.Meter] = amount.Quantity.Rat().RatString()
		}
	}
	found["usage"] = usage
	for key, text := range map[string]string{
		"provider": r.Provider, "model": r.Model, "request_model": r.RequestModel, "response_id": r.ResponseID,
		"finish_reason": r.FinishReason, "service_tier": r.ServiceTier, "processing": r.Processing,
	} {
		if text != "" {
			found[key] = text
		}
	}
	if r.Doubt != (cost.Doubt{}) {
		found["caveat"] = []string{r.Doubt.Status, r.Doubt.Reason}
	}
	if len(r.Context) > 0 {
		context := map[string]string{}
		for _, fact := range r.Context {
			context[fact.Dimension] = fact.Value
		}
		found["context"] = context
	}
	if r.IsBilled {
		found["billed"], found["reported_femto"] = true, r.Billed.Big()
	}
	return found
}

// A value that an emitter encoded in some way of its own is read or not; nothing else happens.
func FuzzEncoded(f *testing.F) {
	for _, seed := range []string{`{'a': None, 'b': Details(x=3)}`, `["stop"]`, `('a', 1)`, `"'"`, `{'a': {'b': [1, 2.5e3, True]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		decoded(text)
		textOf(document.OfString(text))
	})
}

func BenchmarkRead(b *testing.B) {
	dialects, span := newTestDialects(b), costtest.BenchSpan(true)
	var reader Reader
	var reading cost.Reading
	b.ReportAllocs()
	for b.Loop() {
		if !dialects.Read(span, &reader, &reading) {
			b.Fatal("the span says nothing")
		}
	}
}

func BenchmarkNoCall(b *testing.B) {
	dialects, span := newTestDialects(b), costtest.BenchSpan(false)
	var reader Reader
	var reading cost.Reading
	b.ReportAllocs()
	for b.Loop() {
		if dialects.Read(span, &reader, &reading) {
			b.Fatal("the span says something")
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
