// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/pricing"
)

// What is read and written again reads back as the same.
func FuzzDocument(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5,null,true,"\u00e9\n"]}`, `-0`, `1e999`, `{"a":1,"a":2}`, `[[[[]]]]`, `123456789012345678901234567890`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		value, err := document.Parse(text)
		if err != nil {
			return
		}
		once := document.Append(nil, value)
		again, err := document.Parse(string(once))
		if err != nil {
			t.Fatalf("%q was written as %q, which is not read: %v", text, once, err)
		}
		if twice := document.Append(nil, again); !bytes.Equal(once, twice) {
			t.Fatalf("%q was written as %q, then as %q", text, once, twice)
		}
	})
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

// A card that was changed is refused, or prices what it is asked for without harm.
func FuzzCard(f *testing.F) {
	f.Add(pricing.Card[:400])
	f.Add([]byte(`{"format":1,"version":"2026.11.21-000000000000"}` + "\n{}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		card, err := NewRateCard(content, "fuzzed")
		if err != nil {
			return
		}
		if card.Check() == nil {
			NewPricer(card).Price(benchCall())
		}
	})
}

// A compiled contract that was changed is refused, or prices what it is asked for: never below 0, and never without a status.
func FuzzContract(f *testing.F) {
	list := NewPricer(embedded(f))
	for _, seed := range []string{
		`{"attributes":{"tenant":["t"]},"deployments":[],"format":1,"name":"v","terms":[{"id":"t","rates":{"input_tokens":[1,3]},"when":{"provider":"openai"},"x":[7,8]}]}`,
		`{"attributes":{},"deployments":[{"facts":{"deployment_type":"data zone"},"model":"gpt-4o","when":{"deployment":"*"}}],"format":1,"name":"v","override":{"attribute":"a","most":1},"terms":[{"hardware":{"gpus":[1,2],"rate":5},"id":"t","when":{}}]}`,
		`{"attributes":{},"deployments":[],"format":1,"name":"v","terms":[{"from":5,"id":"t","skip":["*"],"steps":[{"from":2,"meter":"input_tokens","rates":{"output_tokens":9}}],"units":"all","variants":[{"rates":{},"when":{"processing":"batch"}}],"when":{"model":"gpt-*"},"x":0}]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		contract, err := NewContract(content, "fuzzed")
		if err != nil {
			return
		}
		pricer, err := NewContractPricer(list, contract)
		if err != nil {
			return
		}
		call := benchCall()
		call.Context = append(call.Context, Fact{"tenant", "acme"}, Fact{overrideFact, "0.5"})
		call.DurationNs, call.HasDuration = 1_500_000_000, true
		cost := pricer.Price(call)
		if cost.Status == "" || cost.Femto.Cmp(Femto{}) < 0 || cost.List.Cmp(Femto{}) < 0 || (cost.Status == Unpriced && cost.Known) {
			t.Fatalf("%s prices %+v", content, cost)
		}
		items, again := pricer.LineItems(call)
		if again != cost {
			t.Fatalf("found %+v, then %+v", cost, again)
		}
		sum := Femto{}
		for _, item := range items {
			sum = sum.Add(item.Femto)
		}
		if len(items) > 0 && sum != cost.Femto {
			t.Fatalf("%s: items come to %s of %s", content, sum.Text(), cost.Femto.Text())
		}
	})
}

// Whatever attributes hold, a span gets no cost below 0, and none with a status that says that there is none.
func FuzzSpan(f *testing.F) {
	dialects, pricer := testDialects(f), NewPricer(embedded(f))
	f.Add(`{"gen_ai.operation.name":"chat","gen_ai.provider.name":"openai","gen_ai.request.model":"gpt-4o","gen_ai.usage.input_tokens":5}`, "scope", "1.0")
	f.Add(`{"llm.cost_status":"priced","llm.request_cost_usd":-1e300,"llm.input_tokens":-4}`, "", "")
	f.Add(`{"llm.token_count.prompt":9223372036854775807,"llm.token_count.completion":1.5,"openinference.span.kind":"LLM"}`, "openinference.x", "x")
	f.Fuzz(func(t *testing.T, text, scope, version string) {
		table, err := document.Parse(text)
		if err != nil || table.Kind() != document.Map {
			return
		}
		span := &Span{Key: SpanKey{ID: 1}, Parent: SpanKey{ID: 2}, StartNs: benchNs, EndNs: benchNs, ScopeName: scope, ScopeVersion: version}
		for n, key := range table.Keys() {
			span.Attributes = append(span.Attributes, Attribute{key, table.Items()[n]})
		}
		ledger := NewLedger(dialects, pricer, DefaultLedgerOptions())
		var written Written
		ledger.End(span, &written)
		ledger.End(&Span{Key: SpanKey{ID: 2}, IsLocalRoot: true}, &written)
		for _, attribute := range written.Put {
			if f, isFloat := attribute.Value.Float(); isFloat && (f < 0 || f != f) {
				t.Fatalf("%s is %v", attribute.Key, f)
			}
			if attribute.Key == AttrRequestCostUSD && written.Status == Unpriced {
				t.Fatalf("an unpriced call costs %v", attribute.Value)
			}
		}
	})
}

// Whatever spans name as their parents, each ends once, and roots hold the money of the calls beneath, once.
func FuzzTree(f *testing.F) {
	f.Add([]byte{1, 0, 2, 1, 3, 1, 4, 3})
	f.Add([]byte{1, 2, 2, 1, 3, 3})
	dialects, pricer := testDialects(f), NewPricer(embedded(f))
	f.Fuzz(func(t *testing.T, links []byte) {
		var spans []Span
		seen := map[byte]bool{}
		for n := 0; n+1 < len(links); n += 2 {
			id, parent := links[n], links[n+1]
			if id == 0 || seen[id] {
				continue
			}
			seen[id] = true
			span := *benchSpan(false)
			span.Key, span.EndNs = SpanKey{ID: uint64(id)}, benchNs+int64(parent)
			if parent != 0 {
				span.Parent = SpanKey{ID: uint64(parent)}
			}
			span.Attributes = Attributes{
				{AttrCostStatus, document.OfString(Priced)}, {AttrRequestCostUSD, document.OfFloat(1e-9)},
				{AttrInputTokens, document.OfInt(int64(id))}, {AttrRequestID, document.OfString(string(binary.AppendUvarint(nil, uint64(id))))},
			}
			spans = append(spans, span)
		}
		for n := range spans {
			if !seen[byte(spans[n].Parent.ID)] {
				spans[n].Parent, spans[n].IsLocalRoot = SpanKey{}, true
			}
		}
		order := ChildrenFirst(spans)
		if len(order) != len(spans) {
			t.Fatalf("%d of %d spans are in order", len(order), len(spans))
		}
		ledger := NewLedger(dialects, pricer, DefaultLedgerOptions())
		var written Written
		roots := int64(0)
		for _, n := range order {
			written.Clear()
			if ended := ledger.End(&spans[n], &written); spans[n].IsLocalRoot {
				roots += ended.Total.Requests
			}
		}
		if late := ledger.Counters().Late; roots+late != int64(len(spans)) {
			t.Fatalf("%d calls under roots and %d late; expected %d in all", roots, late, len(spans))
		}
	})
}
