// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// arrival is a span of a batch that came in.
type arrival struct {
	data     ptrace.Span
	scope    ptrace.ScopeSpans
	resource ptrace.ResourceSpans
	span     cost.Span
	isPriced bool
	isTarget bool
}

// read makes into the arrival of a span. Attributes are read only of a span on which an earlier run wrote, or whose
// operation may be an agent's.
func read(span ptrace.Span, scope pcommon.InstrumentationScope, dialects *cost.Dialects, into *arrival) {
	attributes := span.Attributes()
	speaks := false
	for key := range attributes.All() {
		if key == cost.AttrCostStatus {
			into.isPriced = true
		}
		speaks = speaks || dialects.IsMarker(key)
	}
	into.data = span
	if into.isPriced || speaks {
		tracedata.Fill(span, scope, &into.span)
	} else {
		trace := span.TraceID()
		into.span = cost.Span{
			Key: tracedata.Key(trace, span.SpanID()), Parent: tracedata.Key(trace, span.ParentSpanID()),
			StartNs: int64(span.StartTimestamp()), EndNs: int64(span.EndTimestamp()),
		}
	}
	into.span.IsLocalRoot = comesFromElsewhere(span)
	into.isTarget = into.span.IsLocalRoot || (speaks && isAgent(dialects, &into.span))
}

// isAgent tells whether a span is the work of an agent, which people ask for the cost of.
func isAgent(dialects *cost.Dialects, span *cost.Span) bool {
	operation, _ := dialects.Operation(span)
	return operation == "invoke_agent" || operation == "invoke_workflow"
}

// comesFromElsewhere tells whether a span's parent, if any, is in another process, as far as the span itself says.
func comesFromElsewhere(span ptrace.Span) bool {
	const hasIsRemote, isRemote = 0x100, 0x200
	if span.ParentSpanID().IsEmpty() {
		return true
	}
	if span.Flags()&hasIsRemote != 0 {
		return span.Flags()&isRemote != 0
	}
	return span.Kind() == ptrace.SpanKindServer || span.Kind() == ptrace.SpanKindConsumer
}

// sorted returns the spans of a batch by the shard of their trace.
func (p *rollUpProcessor) sorted(td ptrace.Traces) [][]arrival {
	found := make([][]arrival, len(p.shards))
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				trace := span.TraceID()
				n := binary.BigEndian.Uint64(trace[8:]) % uint64(len(p.shards))
				if found[n] == nil {
					found[n] = make([]arrival, 0, td.SpanCount()/len(p.shards)+8)
				}
				found[n] = append(found[n], arrival{scope: scope, resource: resource})
				read(span, scope.Scope(), p.dialects, &found[n][len(found[n])-1])
			}
		}
	}
	return found
}

// removeHeld removes the spans that were moved out of the data: they have no id any more.
func removeHeld(td ptrace.Traces) {
	td.ResourceSpans().RemoveIf(func(resource ptrace.ResourceSpans) bool {
		resource.ScopeSpans().RemoveIf(func(scope ptrace.ScopeSpans) bool {
			scope.Spans().RemoveIf(isMoved)
			return scope.Spans().Len() == 0
		})
		return resource.ScopeSpans().Len() == 0
	})
}

// isMoved tells whether a span was moved away: shards mark what they leave behind.
func isMoved(span ptrace.Span) bool { return span.TraceState().AsRaw() == movedMark }

// movedMark is no valid trace state, so no span comes with it.
const movedMark = "\x00moved"

func reasonSet(reason string) attribute.Set {
	return attribute.NewSet(attribute.String("reason", reason))
}

// rollUpBatch takes the spans of a batch as all there are, and writes totals on every span above a call.
func (p *rollUpProcessor) rollUpBatch(td ptrace.Traces) cost.LedgerCounters {
	ledger := p.ledgers.Get().(*cost.Ledger)
	defer p.ledgers.Put(ledger)
	before := ledger.Counters()
	at := map[cost.SpanKey]int{}
	var spans []cost.Span
	var holders [][]ptrace.Span
	for _, resource := range td.ResourceSpans().All() {
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				var found arrival
				read(span, scope.Scope(), p.dialects, &found)
				if n, again := at[found.span.Key]; again {
					holders[n] = append(holders[n], span)
					continue
				}
				at[found.span.Key] = len(spans)
				if !found.isPriced {
					found.span.Attributes = nil
				}
				spans, holders = append(spans, found.span), append(holders, []ptrace.Span{span})
			}
		}
	}
	for n := range spans {
		if _, known := at[spans[n].Parent]; !known {
			spans[n].Parent, spans[n].IsLocalRoot = cost.SpanKey{}, true
		}
	}
	var written cost.Written
	for _, n := range cost.ChildrenFirst(spans) {
		written.Clear()
		ledger.End(&spans[n], &written)
		for _, holder := range holders[n] {
			tracedata.Put(holder.Attributes(), &written, nil)
		}
	}
	after := ledger.Counters()
	ledger.Clear()
	return cost.LedgerCounters{
		Duplicate: after.Duplicate - before.Duplicate, Aggregate: after.Aggregate - before.Aggregate,
	}
}
