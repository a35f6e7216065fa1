// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/cost/pricing"
	"github.com/spancost/spancost/semconv"
)

const vectors = "../../../tests/vectors"

// eachVector calls test with every case of a kind, as an object whose keys are exactly those named.
func eachVector(t *testing.T, kind string, keys []string, test func(*testing.T, document.Value)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectors, kind, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: found no vectors (%v); expected some", kind, err)
	}
	for _, file := range files {
		t.Run(kind+"/"+strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			vector, err := document.Parse(string(content))
			if err != nil {
				t.Fatal(err)
			}
			if found := slices.Sorted(slices.Values(vector.Keys())); !slices.Equal(found, keys) {
				t.Fatalf("found keys %v; expected %v", found, keys)
			}
			test(t, vector)
		})
	}
}

func TestVectorsOfPrices(t *testing.T) {
	card, err := cardFrom(filepath.Join(vectors, "small_card", "card.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	pricer := pricing.NewPricer(card)
	eachVector(t, "price", []string{"about", "call", "expected"}, func(t *testing.T, vector document.Value) {
		for range 2 {
			answer := answerTo(asJSON(vector.Get("call")), pricer)
			for n, key := range vector.Get("expected").Keys() {
				if found, expected := asJSON(answer.Get(key)), asJSON(vector.Get("expected").Items()[n]); found != expected {
					t.Errorf("%s: found %s; expected %s", key, found, expected)
				}
			}
		}
	})
}

func asJSON(value document.Value) string { return string(document.Append(nil, value)) }

// flatPrices cost the same per token for every model, but for the unknown ones.
type flatPrices struct {
	of      map[string]int64
	unknown []string
}

func (flatPrices) Version() string { return "2026.01.01-000000000000" }

func (f flatPrices) Price(call *cost.Call) cost.Cost {
	if slices.Contains(f.unknown, call.Model) {
		return cost.Cost{Status: cost.Unpriced, Reason: "unknown_model"}
	}
	total := cost.Femto{}
	for _, amount := range call.Usage {
		quantity, _ := amount.Quantity.Int()
		// By doubling: the product may be more than an int64 holds.
		for rate := cost.FemtoOf(f.of[amount.Meter]); quantity > 0; quantity >>= 1 {
			if quantity&1 == 1 {
				total = total.Add(rate)
			}
			rate = rate.Add(rate)
		}
	}
	return cost.Cost{
		Status: cost.Priced, Known: true, Femto: total, RateID: call.Provider + "/" + call.Model,
		Source: "rate_card",
	}
}

var ledgerKeys = []string{"describes", "expected", "price", "spans"}

func testDialects(t *testing.T) *dialect.Dialects {
	t.Helper()
	card, err := cardFrom("")
	if err != nil {
		t.Fatal(err)
	}
	dialects, err := dialect.NewDialects(semconv.Dialects, card.Providers(), dialect.Options{ReadResponses: true})
	if err != nil {
		t.Fatal(err)
	}
	return dialects
}

func TestVectorsOfCountingAndTotals(t *testing.T) {
	dialects := testDialects(t)
	for _, kind := range []string{"counting", "rollup"} {
		eachVector(t, kind, ledgerKeys, func(t *testing.T, vector document.Value) {
			prices := pricesOf(vector.Get("price"))
			spans := vector.Get("spans").Items()
			backwards := append(slices.Clone(spans), spans...)
			slices.Reverse(backwards[:len(spans)])
			for _, order := range [][]document.Value{spans, backwards} {
				ledger := ledger.New(dialects, prices, ledger.DefaultOptions())
				if found, expected := written(t, order, ledger), sorted(vector.Get("expected")); found != expected {
					t.Errorf("found    %s\nexpected %s", found, expected)
				}
			}
		})
	}
}

// Spans that end in the order in which the vector has them, children after their parents: as they come to a Collector that
// has passed the parents on.
func TestVectorsOfEnding(t *testing.T) {
	dialects := testDialects(t)
	options := ledger.DefaultOptions()
	options.JoinServices = false
	eachVector(t, "ending", ledgerKeys, func(t *testing.T, vector document.Value) {
		l := ledger.New(dialects, pricesOf(vector.Get("price")), options)
		spans := joined(spansOf(t, vector.Get("spans").Items())).spans
		found := document.NewMap()
		for n := range spans {
			var written ledger.Writes
			l.End(&spans[n], &written)
			if len(written.Put) == 0 {
				continue
			}
			row := document.NewMap()
			for _, attribute := range written.Put {
				row.Set(attribute.Key, attribute.Value)
			}
			found.Set(fmt.Sprintf("%d/%d", spans[n].Key.Trace[1], spans[n].Key.ID), row)
		}
		if expected := sorted(vector.Get("expected")); sorted(found) != expected {
			t.Errorf("found    %s\nexpected %s", sorted(found), expected)
		}
	})
}

func pricesOf(value document.Value) flatPrices {
	found := flatPrices{of: map[string]int64{}}
	found.of["input_tokens"], _ = value.Get("input").Int()
	found.of["output_tokens"], _ = value.Get("output").Int()
	for n, meter := range value.Get("extra").Keys() {
		found.of[meter], _ = value.Get("extra").Items()[n].Int()
	}
	for _, model := range value.Get("unknown").Items() {
		name, _ := model.Text()
		found.unknown = append(found.unknown, name)
	}
	return found
}

// written returns what a ledger writes on a vector's spans: "trace/span" -> attributes, as JSON with sorted keys.
func written(t *testing.T, spans []document.Value, ledger *ledger.Ledger) string {
	t.Helper()
	found := document.NewMap()
	before := map[string]document.Value{}
	for _, span := range spans {
		before[asJSON(span.Get("trace"))+"/"+asJSON(span.Get("span"))] = span.Get("attributes")
	}
	all := spansOf(t, spans)
	enrichAll(all, nil, ledger, nil)
	for _, carried := range all {
		name := fmt.Sprintf("%d/%d", carried.span.Key.Trace[1], carried.span.Key.ID)
		has, err := attributesOf(carried.raw, "span")
		if err != nil {
			t.Fatal(err)
		}
		fresh := document.NewMap()
		for _, attribute := range has {
			// The vectors name lists whether they were written or not.
			if attribute.Value.Kind() == document.List || asJSON(before[name].Get(attribute.Key)) != asJSON(attribute.Value) {
				fresh.Set(attribute.Key, attribute.Value)
			}
		}
		if len(fresh.Keys()) > 0 {
			found.Set(name, fresh)
		}
	}
	return sorted(found)
}

// spansOf returns the spans of a vector as a request carries them.
func spansOf(t *testing.T, spans []document.Value) []carried {
	t.Helper()
	resources := document.OfList()
	for _, span := range spans {
		resources.Append(resourceOf(t, span))
	}
	request := document.NewMap()
	request.Set("resourceSpans", resources)
	all, err := carriedSpans(request, testDialects(t))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func resourceOf(t *testing.T, span document.Value) document.Value {
	t.Helper()
	service := "app"
	if name, named := span.Get("service").Text(); named {
		service = name
	}
	about := []any{pair("service.name", document.OfString(service))}
	if instance, known := span.Get("instance").Text(); known {
		about = append(about, pair("service.instance.id", document.OfString(instance)))
	}
	parent := ""
	if n, some := span.Get("parent").Int(); some && n != 0 {
		parent = fmt.Sprintf("%016x", n)
	}
	trace, _ := span.Get("trace").Int()
	id, _ := span.Get("span").Int()
	status := map[string]any{}
	events := []any{}
	if raised := span.Get("raised"); !raised.IsNull() {
		events = append(events, map[string]any{"name": "exception", "attributes": []any{pair("exception.type", raised)}})
	}
	if span.Get("error").Truthy() {
		status["code"] = 2
	}
	scope, _ := span.Get("scope").Text()
	var attributes []any
	for n, key := range span.Get("attributes").Keys() {
		attributes = append(attributes, pair(key, span.Get("attributes").Items()[n]))
	}
	content, err := json.Marshal(map[string]any{
		"resource": map[string]any{"attributes": about},
		"scopeSpans": []any{map[string]any{
			"scope": map[string]any{"name": scope},
			"spans": []any{map[string]any{
				"traceId": fmt.Sprintf("%032x", trace), "spanId": fmt.Sprintf("%016x", id), "parentSpanId": parent, "name": "span",
				"startTimeUnixNano": asJSON(span.Get("start")), "endTimeUnixNano": asJSON(span.Get("end")),
				"attributes": attributes, "status": status, "events": events,
			}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	value, err := document.Parse(string(content))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func pair(key string, value document.Value) map[string]any {
	if value.Kind() == document.List {
		var items []any
		for _, item := range value.Items() {
			items = append(items, json.RawMessage(asJSON(anyValue(item))))
		}
		return map[string]any{"key": key, "value": map[string]any{"arrayValue": map[string]any{"values": items}}}
	}
	return map[string]any{"key": key, "value": json.RawMessage(asJSON(anyValue(value)))}
}

// sorted returns a value as JSON with the keys of objects in order.
func sorted(value document.Value) string {
	if value.Kind() != document.Map {
		return asJSON(value)
	}
	table := map[string]string{}
	for n, key := range value.Keys() {
		table[key] = sorted(value.Items()[n])
	}
	var rows []string
	for _, key := range slices.Sorted(maps.Keys(table)) {
		rows = append(rows, fmt.Sprintf("%q:%s", key, table[key]))
	}
	return "{" + strings.Join(rows, ",") + "}"
}
