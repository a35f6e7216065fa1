// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// release writes totals on the held spans of a trace and hands them over. Before its time the trace is not complete.
func (s *shard) release(trace *heldTrace, isComplete bool, out *outcome) {
	if trace.isDone {
		return
	}
	trace.isDone = true
	delete(s.traces, trace.id)
	s.heldBytes -= trace.bytes
	spans := make([]cost.Span, 0, len(trace.spans))
	holders := make([][]*heldSpan, 0, len(trace.spans))
	at := make(map[cost.SpanKey]int, len(trace.spans))
	for n := range trace.spans {
		held := &trace.spans[n]
		key := tracedata.Key(held.data.TraceID(), held.data.SpanID())
		if known, again := at[key]; again {
			holders[known] = append(holders[known], held)
			continue
		}
		at[key] = len(spans)
		spans, holders = append(spans, held.span()), append(holders, []*heldSpan{held})
	}
	isComplete = s.passOnMissing(trace, spans, at) && isComplete
	anomalies := s.anomaliesOf(trace, spans, holders, out)
	for n := range spans {
		if _, held := at[spans[n].Parent]; !held && !s.hasEnded(spans[n].Parent) {
			spans[n].IsLocalRoot = true
		}
	}
	for _, n := range ledger.ChildrenFirst(s.linked(spans, at)) {
		s.writes.Clear()
		ended := s.ledger.End(&spans[n], &s.writes)
		if ended.IsLate && !isRootOf(&spans[n]) {
			out.late(ended.Total)
		}
		writeBucket(&spans[n], ended.Total, &s.writes)
		if !isComplete {
			markIncomplete(s.writes.Put)
		}
		if len(s.writes.Put) > 0 {
			s.released.Set(spans[n].Key, slices.Clone(s.writes.Put))
		}
		if len(s.writes.Remove) > 0 || ledger.CopyClassification(spans[n].Attributes, &s.writes) {
			s.withdraw(spans[n].Key)
		}
		for _, held := range holders[n] {
			tracedata.Put(held.data.Attributes(), &s.writes)
			if spans[n].IsLocalRoot {
				anomalies.put(held.data.Attributes())
			}
			held.data.MoveTo(out.add(held.resource, held.origin, held.size))
		}
	}
	trace.spans = nil
}

// linked returns the spans as they are below one another: the parent of each is the nearest span above it that is held too, past
// those that have ended. Times cannot tell, because the clocks of services differ.
func (s *shard) linked(spans []cost.Span, at map[cost.SpanKey]int) []cost.Span {
	found := make([]cost.Span, len(spans))
	// heldAbove is the nearest held span above one that has ended: each such span is walked over once.
	heldAbove := map[cost.SpanKey]cost.SpanKey{}
	var walked []cost.SpanKey
	for n := range spans {
		found[n] = cost.Span{Key: spans[n].Key, Parent: spans[n].Parent, StartNs: spans[n].StartNs, EndNs: spans[n].EndNs}
		above := spans[n].Parent
		for walked = walked[:0]; ; {
			if _, held := at[above]; held {
				break
			}
			if known, was := heldAbove[above]; was {
				above = known
				break
			}
			next, ended := s.ledger.ParentOf(above)
			if !ended {
				break
			}
			// Until the walk is over it leads nowhere: spans may name one another as parents.
			heldAbove[above] = cost.SpanKey{}
			walked = append(walked, above)
			above = next
		}
		found[n].Parent = above
		for _, passed := range walked {
			heldAbove[passed] = above
		}
	}
	return found
}

func isRootOf(span *cost.Span) bool { return !span.HasParent() }

// adoptOrphans gives the root what was passed to spans that never came; it returns false when there was any.
func (s *shard) passOnMissing(trace *heldTrace, spans []cost.Span, at map[cost.SpanKey]int) bool {
	root := slices.IndexFunc(spans, func(span cost.Span) bool { return !span.HasParent() })
	if root < 0 {
		return true
	}
	isComplete := true
	for _, missing := range trace.waiting {
		if _, held := at[missing]; !held && !s.hasEnded(missing) {
			isComplete = !s.ledger.PassOn(missing, spans[root].Key) && isComplete
		}
	}
	return isComplete
}

// mayBeCut reports whether part of a trace may have come before the processor started: its root, or the topmost span of a
// service, began before, and either was running at the start or came soon after it.
func (s *shard) mayBeCut(trace *heldTrace, now time.Time) bool {
	for n := range trace.spans {
		held := &trace.spans[n]
		if !held.isRoot || !held.data.StartTimestamp().AsTime().Before(s.started) {
			continue
		}
		isRunning := !held.data.EndTimestamp().AsTime().Add(s.maxWait).Before(s.started)
		if isRunning || now.Before(s.started.Add(3*s.maxWait)) {
			return true
		}
	}
	return false
}

// markLate states on a call that came after its root that the total of the trace lacks it: the root cannot any more. A copy
// of the root that comes later does.
func (s *shard) markLate(p *passing) {
	p.data.Attributes().PutBool(cost.AttrTraceCostComplete, false)
	if totals, known := s.released.Get(s.rootOf(p.key)); known {
		markIncomplete(totals)
	}
}

// rootOf returns the topmost span above one, as far as they are known.
func (s *shard) rootOf(span cost.SpanKey) cost.SpanKey {
	const farthest = 10_000
	for range farthest {
		above, ended := s.ledger.ParentOf(span)
		if !ended || above == (cost.SpanKey{}) {
			break
		}
		span = above
	}
	return span
}

// writeBucket puts the order of magnitude of the total on a root, for samplers and backends that compare text only.
func writeBucket(span *cost.Span, total *ledger.Subtotal, written *ledger.Writes) {
	if span.IsLocalRoot && total != nil && total.Priced > 0 {
		bucket := document.OfString(total.Femto.Bucket())
		written.Put = append(written.Put, cost.Attribute{Key: cost.AttrTraceCostBucket, Value: bucket})
	}
}

// markIncomplete states that the total of a trace may lack something.
func markIncomplete(written []cost.Attribute) {
	for n := range written {
		if written[n].Key == cost.AttrTraceCostComplete {
			written[n].Value = document.OfBool(false)
		}
	}
}

func (h *heldSpan) span() cost.Span {
	var found cost.Span
	if h.isPriced {
		tracedata.FillWritten(h.data, h.origin.scope, &found)
	} else {
		trace := h.data.TraceID()
		found = cost.Span{
			Key: tracedata.Key(trace, h.data.SpanID()), Parent: tracedata.Key(trace, h.data.ParentSpanID()),
			StartNs: int64(h.data.StartTimestamp()), EndNs: int64(h.data.EndTimestamp()),
		}
	}
	found.IsLocalRoot, found.Process = h.isRoot, h.resource.process
	return found
}

// correct makes a span of no length below the root, linked to it, that states what the root's total lacks.
func (s *shard) correct(p *passing, total *ledger.Subtotal, out *outcome) {
	root := s.rootOf(p.key)
	moved := mover{}
	resource, from := moved.origin(p)
	span := out.add(resource, from, correctionSize)
	span.SetName("llm_cost correction")
	span.SetTraceID(p.data.TraceID())
	span.SetSpanID(newSpanID())
	span.SetParentSpanID(spanID(root.ID))
	span.SetStartTimestamp(p.data.EndTimestamp())
	span.SetEndTimestamp(p.data.EndTimestamp())
	link := span.Links().AppendEmpty()
	link.SetTraceID(p.data.TraceID())
	link.SetSpanID(spanID(root.ID))
	var written ledger.Writes
	total.WriteSubtree(&written)
	tracedata.Put(span.Attributes(), &written)
	span.Attributes().PutBool(cost.AttrTraceCostComplete, false)
	out.corrections++
}

func spanID(id uint64) (found pcommon.SpanID) {
	binary.BigEndian.PutUint64(found[:], id)
	return found
}

func traceIDOf(key cost.SpanKey) (found pcommon.TraceID) {
	binary.BigEndian.PutUint64(found[:8], key.Trace[0])
	binary.BigEndian.PutUint64(found[8:], key.Trace[1])
	return found
}

func newSpanID() pcommon.SpanID { return spanID(rand.Uint64() | 1) }

// mover moves spans out of a batch, and copies each resource and scope of the batch once.
type mover struct {
	resources map[ptrace.ResourceSpans]*heldResource
	scopes    map[ptrace.ScopeSpans]*origin
}

func (m *mover) origin(a *passing) (*heldResource, *origin) {
	if m.resources == nil {
		m.resources, m.scopes = map[ptrace.ResourceSpans]*heldResource{}, map[ptrace.ScopeSpans]*origin{}
	}
	resource := m.resources[a.resource]
	if resource == nil {
		resource = &heldResource{pcommon.NewResource(), a.resource.SchemaUrl(), a.process}
		a.resource.Resource().CopyTo(resource.resource)
		m.resources[a.resource] = resource
	}
	from := m.scopes[a.scope]
	if from == nil {
		from = &origin{pcommon.NewInstrumentationScope(), a.scope.SchemaUrl()}
		a.scope.Scope().CopyTo(from.scope)
		m.scopes[a.scope] = from
	}
	return resource, from
}

func (m *mover) hold(a *arrival) heldSpan {
	resource, from := m.origin(&a.passing)
	held := heldSpan{
		data: ptrace.NewSpan(), origin: from, resource: resource, size: sizeOf(a.data),
		isRoot: a.span.IsLocalRoot, isPriced: a.isPriced,
	}
	a.data.MoveTo(held.data)
	a.data.TraceState().FromRaw(movedMark)
	return held
}
