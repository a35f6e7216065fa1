// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"encoding/binary"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// passing is a span of a batch that came in.
type passing struct {
	data        ptrace.Span
	scope       ptrace.ScopeSpans
	resource    ptrace.ResourceSpans
	key, parent cost.SpanKey
	process     string
}

// arrival is one that carries a call, or is to carry totals.
type arrival struct {
	passing
	span     cost.Span
	isPriced bool
	isTarget bool
}

// arrivals are the spans of a batch that fall to one shard.
type arrivals struct {
	passing   []passing
	reporting []arrival
	// moved are spans that are to be held.
	moved []heldSpan
}

// next returns memory for one more arrival, which may hold an earlier one's attributes.
func (a *arrivals) next() *arrival {
	if len(a.reporting) < cap(a.reporting) {
		a.reporting = a.reporting[:len(a.reporting)+1]
	} else {
		a.reporting = append(a.reporting, arrival{})
	}
	return &a.reporting[len(a.reporting)-1]
}

// clear drops the spans and keeps the memory for some.
func (a *arrivals) clear() {
	const kept = 8_192
	clear(a.moved)
	a.moved = a.moved[:0]
	if cap(a.passing) > kept || cap(a.reporting) > kept {
		*a = arrivals{}
		return
	}
	clear(a.passing)
	a.passing = a.passing[:0]
	for n := range a.reporting {
		attributes := a.reporting[n].span.Attributes
		clear(attributes)
		a.reporting[n] = arrival{span: cost.Span{Attributes: attributes[:0]}}
	}
	a.reporting = a.reporting[:0]
}

func (a *arrivals) isEmpty() bool { return len(a.passing)+len(a.reporting) == 0 }

// take adds a span. Attributes are read only of a span on which an earlier run wrote, or whose operation may be an
// agent's.
func (a *arrivals) take(p passing, dialects *dialect.Dialects) {
	span := p.data
	scanned := scan(span, dialects)
	trace := span.TraceID()
	p.key, p.parent = tracedata.Key(trace, span.SpanID()), tracedata.Key(trace, span.ParentSpanID())
	isRoot := comesFromElsewhere(span)
	if !scanned.isPriced && !scanned.mayReport && !isRoot {
		a.passing = append(a.passing, p)
		return
	}
	into := a.next()
	into.passing, into.isPriced, into.isTarget = p, scanned.isPriced, isRoot
	switch {
	case scanned.isPriced && scanned.operation != "":
		tracedata.FillWritten(span, p.scope.Scope(), &into.span)
		into.isTarget = isRoot || isAgents(scanned.operation)
	case scanned.isPriced || scanned.mayReport:
		tracedata.Fill(span, p.scope.Scope(), &into.span)
		operation, _ := dialects.Operation(&into.span)
		into.isTarget = isRoot || isAgents(operation)
	default:
		into.span = p.bare(into.span.Attributes[:0])
	}
	into.span.IsLocalRoot, into.span.Process = isRoot, p.process
	if !scanned.isPriced && !into.isTarget {
		// It spoke of no agent.
		into.passing = passing{}
		a.reporting = a.reporting[:len(a.reporting)-1]
		a.passing = append(a.passing, p)
	}
}

// bare returns the span without what it states.
func (p *passing) bare(buf cost.Attributes) cost.Span {
	return cost.Span{
		Key: p.key, Parent: p.parent, StartNs: int64(p.data.StartTimestamp()), EndNs: int64(p.data.EndTimestamp()),
		Attributes: buf,
	}
}

// scanned is what the keys of a span report: whether an earlier run wrote on it, and what operation that found; whether it may
// report a model call or an agent.
type scanned struct {
	isPriced, mayReport bool
	operation           string
}

// operationKey is where a span states its operation when none is written.
var operationKey = cost.StatedBy[cost.AttrOperation]

func scan(span ptrace.Span, dialects *dialect.Dialects) (found scanned) {
	for key, value := range span.Attributes().All() {
		switch {
		case key == cost.AttrCostStatus:
			found.isPriced = true
		case key == cost.AttrOperation && value.Type() == pcommon.ValueTypeStr:
			found.operation = value.Str()
		case key == operationKey && found.operation == "" && value.Type() == pcommon.ValueTypeStr:
			found.operation = value.Str()
		}
		found.mayReport = found.mayReport || dialects.IsMarker(key)
	}
	return found
}

// isAgents reports whether an operation is the work of an agent, which people ask for the cost of.
func isAgents(operation string) bool {
	return operation == "invoke_agent" || operation == "invoke_workflow"
}

// comesFromElsewhere reports whether a span's parent, if any, is in another process, as far as the span itself states.
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

// sort puts the spans of a batch to the shards of their traces.
func (p *rollUpProcessor) sort(td ptrace.Traces, into []arrivals) {
	for _, resource := range td.ResourceSpans().All() {
		process := tracedata.Process(resource.Resource(), p.dialects)
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				into[p.shardOf(span.TraceID())].take(passing{data: span, scope: scope, resource: resource, process: process}, p.dialects)
			}
		}
	}
}

// shardOf returns which shard a trace falls to.
func (p *rollUpProcessor) shardOf(trace pcommon.TraceID) int {
	return int(binary.BigEndian.Uint64(trace[8:]) % uint64(len(p.shards)))
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

// isMoved reports whether a span was moved away: shards mark what they leave behind.
func isMoved(span ptrace.Span) bool { return span.TraceState().AsRaw() == movedMark }

// movedMark is no valid trace state, so no span comes with it.
const movedMark = "\x00moved"

func reasonSet(reason string) attribute.Set {
	return attribute.NewSet(attribute.String("reason", reason))
}

// rollUpBatch takes the spans of a batch as all there are, and writes totals on every span above a call.
func (p *rollUpProcessor) rollUpBatch(td ptrace.Traces) (withdrawn ledger.RepeatCounts, reused int64) {
	l := p.ledgers.Get().(*ledger.Ledger)
	defer p.ledgers.Put(l)
	before := l.Counters()
	at := map[cost.SpanKey]int{}
	var spans []cost.Span
	var holders [][]ptrace.Span
	for _, resource := range td.ResourceSpans().All() {
		process := tracedata.Process(resource.Resource(), p.dialects)
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				trace := span.TraceID()
				p := passing{data: span, key: tracedata.Key(trace, span.SpanID()), parent: tracedata.Key(trace, span.ParentSpanID())}
				if n, again := at[p.key]; again {
					holders[n] = append(holders[n], span)
					continue
				}
				at[p.key] = len(spans)
				found := p.bare(nil)
				if span.Attributes().Len() > 0 {
					if _, isPriced := span.Attributes().Get(cost.AttrCostStatus); isPriced {
						tracedata.Fill(span, scope.Scope(), &found)
					}
				}
				found.IsLocalRoot, found.Process = comesFromElsewhere(span), process
				spans, holders = append(spans, found), append(holders, []ptrace.Span{span})
			}
		}
	}
	for n := range spans {
		if _, known := at[spans[n].Parent]; !known {
			spans[n].Parent, spans[n].IsLocalRoot = cost.SpanKey{}, true
		}
	}
	var written ledger.Writes
	for _, n := range ledger.ChildrenFirst(spans) {
		written.Clear()
		writeBucket(&spans[n], l.End(&spans[n], &written).Total, &written)
		for _, holder := range holders[n] {
			tracedata.Put(holder.Attributes(), &written)
		}
	}
	for _, n := range l.DoubtedRoots(spans) {
		for _, holder := range holders[n] {
			if complete, isTotal := holder.Attributes().Get(cost.AttrTraceCostComplete); isTotal {
				complete.SetBool(false)
			}
		}
	}
	after := l.Counters()
	l.Clear()
	return after.Since(&before), l.TakeReused()
}
