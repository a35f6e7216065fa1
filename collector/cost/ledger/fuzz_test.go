// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"encoding/binary"
	"testing"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/internal/costtest"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// Whatever attributes hold, a span gets no cost below 0, and none with a status for an unknown cost.
func FuzzSpan(f *testing.F) {
	dialects, pricer := newTestDialects(f), pricing.NewPricer(embedded(f))
	f.Add(`{"gen_ai.operation.name":"chat","gen_ai.provider.name":"openai","gen_ai.request.model":"gpt-4o","gen_ai.usage.input_tokens":5}`, "scope", "1.0")
	f.Add(`{"llm.cost_status":"priced","llm.request_cost_usd":-1e300,"llm.input_tokens":-4}`, "", "")
	f.Add(`{"llm.token_count.prompt":9223372036854775807,"llm.token_count.completion":1.5,"openinference.span.kind":"LLM"}`, "openinference.x", "x")
	f.Fuzz(func(t *testing.T, text, scope, version string) {
		table, err := document.Parse(text)
		if err != nil || table.Kind() != document.Map {
			return
		}
		span := &cost.Span{Key: cost.SpanKey{ID: 1}, Parent: cost.SpanKey{ID: 2}, StartNs: costtest.BenchNs, EndNs: costtest.BenchNs, ScopeName: scope, ScopeVersion: version}
		for n, key := range table.Keys() {
			span.Attributes = append(span.Attributes, cost.Attribute{Key: key, Value: table.Items()[n]})
		}
		ledger := New(dialects, pricer, DefaultOptions())
		var written Writes
		ledger.End(span, &written)
		ledger.End(&cost.Span{Key: cost.SpanKey{ID: 2}, IsLocalRoot: true}, &written)
		for _, attribute := range written.Put {
			if f, isFloat := attribute.Value.Float(); isFloat && (f < 0 || f != f) {
				t.Fatalf("%s is %v", attribute.Key, f)
			}
			if attribute.Key == cost.AttrRequestCostUSD && written.Status == cost.Unpriced {
				t.Fatalf("an unpriced call costs %v", attribute.Value)
			}
		}
	})
}

// Whatever spans name as their parents, each ends once, and roots hold the money of the calls below, once.
func FuzzTree(f *testing.F) {
	f.Add([]byte{1, 0, 2, 1, 3, 1, 4, 3})
	f.Add([]byte{1, 2, 2, 1, 3, 3})
	dialects, pricer := newTestDialects(f), pricing.NewPricer(embedded(f))
	f.Fuzz(func(t *testing.T, links []byte) {
		var spans []cost.Span
		seen := map[byte]bool{}
		for n := 0; n+1 < len(links); n += 2 {
			id, parent := links[n], links[n+1]
			if id == 0 || seen[id] {
				continue
			}
			seen[id] = true
			span := *costtest.BenchSpan(false)
			span.Key, span.EndNs = cost.SpanKey{ID: uint64(id)}, costtest.BenchNs+int64(parent)
			if parent != 0 {
				span.Parent = cost.SpanKey{ID: uint64(parent)}
			}
			span.Attributes = cost.Attributes{
				{Key: cost.AttrCostStatus, Value: document.OfString(cost.Priced)}, {Key: cost.AttrRequestCostUSD, Value: document.OfFloat(1e-9)},
				{Key: cost.AttrInputTokens, Value: document.OfInt(int64(id))}, {Key: cost.AttrRequestID, Value: document.OfString(string(binary.AppendUvarint(nil, uint64(id))))},
			}
			spans = append(spans, span)
		}
		for n := range spans {
			if !seen[byte(spans[n].Parent.ID)] {
				spans[n].Parent, spans[n].IsLocalRoot = cost.SpanKey{}, true
			}
		}
		order := ChildrenFirst(spans)
		if len(order) != len(spans) {
			t.Fatalf("%d of %d spans are in order", len(order), len(spans))
		}
		ledger := New(dialects, pricer, DefaultOptions())
		var written Writes
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
