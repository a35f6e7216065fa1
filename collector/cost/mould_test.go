// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/spancost/spancost/collector/cost/document"
)

// disturbed returns a span with some values changed to what spans may hold besides.
func disturbed(span *Span, chance *rand.Rand) *Span {
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

func sameReading(t *testing.T, span *Span, short, full *Reading, told, fullTold bool) {
	t.Helper()
	if told != fullTold {
		t.Fatalf("the short way tells: %v; the full way: %v; span %+v", told, fullTold, span)
	}
	if !told {
		return
	}
	left, right := *short, *full
	left.scratch, right.scratch, left.mould, right.mould = nil, nil, nil, nil
	left.Context, right.Context = append([]Fact{}, left.Context...), append([]Fact{}, right.Context...)
	if !reflect.DeepEqual(left, right) {
		t.Fatalf("the short way reads %+v; the full way %+v; span %+v", left, right, span)
	}
}

func TestTheShortWayIsTheFullWay(t *testing.T) {
	dialects, pricer, chance := testDialects(t), NewPricer(embedded(t)), rand.New(rand.NewPCG(1, 2))
	short := NewLedger(dialects, pricer, DefaultLedgerOptions())
	var spans []*Span
	eachVector(t, "dialect", func(t *testing.T, v struct {
		Describes string `json:"describes"`
		Span      struct {
			Scope, Version, Language, Name string
			Attributes                     json.RawMessage
		} `json:"span"`
		Reading json.RawMessage `json:"reading"`
	}) {
		spans = append(spans, &Span{
			Key: SpanKey{ID: 2}, StartNs: benchNs, EndNs: benchNs + 1, ScopeName: v.Span.Scope, ScopeVersion: v.Span.Version, Language: v.Span.Language,
			Name: v.Span.Name, Attributes: attributesOf(t, string(v.Span.Attributes)), IsLocalRoot: true,
		})
	})
	cast := 0
	for _, origin := range spans {
		for range 400 {
			span := disturbed(origin, chance)
			var into, full Reading
			told := short.reads.read(span, &into)
			sameReading(t, span, &into, &full, told, dialects.Read(span, &full))
			if told && into.mould != nil {
				cast++
			}
			var written, expected Written
			short.Alone(span, &written)
			NewLedger(dialects, &unremembered{pricer}, DefaultLedgerOptions()).Alone(span, &expected)
			if !reflect.DeepEqual(written, expected) {
				t.Fatalf("the short way writes %+v; the full way %+v; span %+v", written, expected, span)
			}
		}
	}
	if cast < 100*len(spans) {
		t.Fatalf("%d of %d spans went the short way; expected a quarter of them at least", cast, 400*len(spans))
	}
}

// unremembered is a pricer whose offers no ledger keeps.
type unremembered struct{ pricer *Pricer }

func (u *unremembered) Version() string       { return u.pricer.Version() }
func (u *unremembered) Price(call *Call) Cost { return u.pricer.Price(call) }

func TestFamiliarKeepsWithinItsBounds(t *testing.T) {
	ledger := NewLedger(testDialects(t), NewPricer(embedded(t)), DefaultLedgerOptions())
	var into Reading
	for n := range 3 * layoutsKept {
		span := benchSpan(true)
		span.ScopeVersion, span.Attributes[0].Key = fmt.Sprint(n), fmt.Sprintf("key%0*d", n, n)
		ledger.reads.read(span, &into)
	}
	if kept := len(ledger.reads.layouts); kept > layoutsKept {
		t.Fatalf("%d layouts; expected %d at most", kept, layoutsKept)
	}
	span := benchSpan(true)
	model := slices.IndexFunc(span.Attributes, func(a Attribute) bool { return a.Key == "gen_ai.response.model" })
	for k := range 3 * mouldsKept {
		span.Attributes[model].Value = document.OfString(fmt.Sprint(k))
		ledger.reads.read(span, &into)
	}
	for _, known := range ledger.reads.layouts {
		if len(known.moulds) > mouldsKept {
			t.Fatalf("%d moulds; expected %d at most", len(known.moulds), mouldsKept)
		}
	}
}
