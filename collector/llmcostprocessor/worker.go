// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// unbounded is more spans than a batch holds: within a batch nothing is evicted.
const unbounded = 1 << 30

// worker prices the spans of one batch. Calls of one trace are compared with one another, children first, so that a call
// that a framework, an SDK and a gateway all report is priced once.
type worker struct {
	ledger  *ledger.Ledger
	written ledger.Writes
	spans   []cost.Span
	data    []ptrace.Span
	copies  map[cost.SpanKey]int
	// inTrace finds the trace of a span in traces; traceOf is that of each held span, last that of the span taken last.
	inTrace map[[2]uint64]int
	traces  []heldOfTrace
	traceOf []int
	last    int
	parents map[cost.SpanKey]cost.SpanKey
	before  ledger.Counters
	tally   tally
	// hasParents: some held span may be above another; mayHaveCopies: one may be held twice; isDetached: one is of a detached
	// emitter.
	hasParents, mayHaveCopies, isDetached bool
}

// heldOfTrace is what is held of a trace.
type heldOfTrace struct {
	trace [2]uint64
	count int
	// ids are those of the first spans, parent is the parent of the first one.
	ids    [fewSpans]uint64
	parent uint64
	scope  string
	// areSiblings: all have one parent, so that none is above another.
	areSiblings bool
	// mayCompare: spans may repeat one another by more than a response id, which takes several emitters, one below another, or an
	// emitter that reports answers from a cache as calls.
	mayCompare bool
}

// fewSpans is how many spans of a trace are looked at one by one for copies.
const fewSpans = 8

func newWorker(dialects *dialect.Dialects, pricer ledger.Prices, keepProvider bool, left ledger.LeftOut) *worker {
	options := ledger.Options{
		KeepProvider: keepProvider, LeftOut: left, JoinServices: true,
		OpenSpans: unbounded, ClosedSpans: unbounded, RecentCalls: unbounded,
	}
	return &worker{
		ledger: ledger.New(dialects, pricer, options), copies: map[cost.SpanKey]int{},
		inTrace: map[[2]uint64]int{}, parents: map[cost.SpanKey]cost.SpanKey{},
	}
}

// source is where spans come from: the attributes of the resource, nil where nothing asks for them, the language of the SDK,
// the process, whether the emitter writes calls into traces of its own, and whether it reports answers from a cache as calls.
type source struct {
	resource             cost.Attributes
	language, process    string
	isDetached, isReplay bool
}

// take holds a span that may report a call.
func (w *worker) take(span ptrace.Span, scope pcommon.InstrumentationScope, by source) {
	if len(w.spans) < cap(w.spans) {
		w.spans = w.spans[:len(w.spans)+1]
	} else {
		w.spans = append(w.spans, cost.Span{})
	}
	into := &w.spans[len(w.spans)-1]
	tracedata.Fill(span, scope, into)
	into.Resource, into.Language, into.Process = by.resource, by.language, by.process
	w.data = append(w.data, span)
	w.traceOf = append(w.traceOf, w.join(into, by.isReplay))
	w.isDetached = w.isDetached || by.isDetached
}

// join adds a span to its trace, and returns which that is.
func (w *worker) join(span *cost.Span, isReplay bool) int {
	at := w.last
	if len(w.traces) == 0 || w.traces[at].trace != span.Key.Trace {
		var known bool
		if at, known = w.inTrace[span.Key.Trace]; !known {
			at = len(w.traces)
			w.inTrace[span.Key.Trace] = at
			w.traces = append(w.traces, heldOfTrace{
				trace: span.Key.Trace, parent: span.Parent.ID, scope: span.ScopeName, areSiblings: span.Parent != span.Key,
				mayCompare: span.ScopeName == "" || isReplay,
			})
		}
		w.last = at
	}
	held := &w.traces[at]
	if held.count > 0 {
		held.mayCompare = held.mayCompare || held.scope != span.ScopeName
		held.areSiblings = held.areSiblings && held.parent == span.Parent.ID && span.Parent != span.Key
		w.hasParents = w.hasParents || !held.areSiblings
		w.mayHaveCopies = w.mayHaveCopies || held.count >= fewSpans || slices.Contains(held.ids[:held.count], span.Key.ID)
	}
	if held.count < fewSpans {
		held.ids[held.count] = span.Key.ID
	}
	held.count++
	return at
}

// isLone reports whether a span can repeat another one by its response id only: it is the only one held of its trace, or all
// are of one emitter and none is below another, and none held is of an emitter that writes into traces of its own.
func (w *worker) isLone(n int) bool {
	held := &w.traces[w.traceOf[n]]
	return !w.isDetached && (held.count == 1 || !held.mayCompare)
}

// link notes whose child a span is, of a trace in which held spans may be above one another.
func (w *worker) link(span ptrace.Span) {
	key := tracedata.Key(span.TraceID(), span.SpanID())
	if at, known := w.inTrace[key.Trace]; known && !w.traces[at].areSiblings {
		w.parents[key] = tracedata.Key(span.TraceID(), span.ParentSpanID())
	}
}

func (w *worker) price(put func(ptrace.Span, *ledger.Writes)) {
	if len(w.spans) == 1 {
		for n := range w.spans {
			w.written.Clear()
			w.ledger.PriceAlone(&w.spans[n], &w.written)
			w.tally.add(&w.written)
			put(w.data[n], &w.written)
		}
		return
	}
	var copies map[int][]ptrace.Span
	if w.mayHaveCopies || w.hasParents {
		copies = w.unique()
	}
	w.shorten()
	for _, n := range ledger.ChildrenFirst(w.spans) {
		w.written.Clear()
		if w.isLone(n) {
			w.ledger.EndLone(&w.spans[n], &w.written)
		} else {
			w.ledger.End(&w.spans[n], &w.written)
		}
		w.tally.add(&w.written)
		put(w.data[n], &w.written)
		for _, again := range copies[n] {
			put(again, &w.written)
		}
	}
}

// unique keeps each span once, and returns the copies of each: a batch may hold a span twice.
func (w *worker) unique() (copies map[int][]ptrace.Span) {
	kept := 0
	for n := range w.spans {
		if first, again := w.copies[w.spans[n].Key]; again {
			if copies == nil {
				copies = map[int][]ptrace.Span{}
			}
			copies[first] = append(copies[first], w.data[n])
			continue
		}
		w.copies[w.spans[n].Key] = kept
		// Swapped, because each span has its own memory for attributes.
		w.spans[kept], w.spans[n] = w.spans[n], w.spans[kept]
		w.data[kept], w.traceOf[kept] = w.data[n], w.traceOf[n]
		kept++
	}
	w.spans, w.data, w.traceOf = w.spans[:kept], w.data[:kept], w.traceOf[:kept]
	return copies
}

// shorten makes the nearest ancestor that is held the parent of each span.
func (w *worker) shorten() {
	for n := range w.spans {
		held := &w.traces[w.traceOf[n]]
		if held.areSiblings {
			w.spans[n].Parent = cost.SpanKey{}
			continue
		}
		above := w.spans[n].Parent
		for steps := 0; above != (cost.SpanKey{}) && steps <= len(w.parents); steps++ {
			if _, inHand := w.copies[above]; inHand {
				break
			}
			above = w.parents[above]
		}
		if _, inHand := w.copies[above]; inHand {
			held.mayCompare = true
		} else {
			above = cost.SpanKey{}
		}
		w.spans[n].Parent = above
	}
}

func (w *worker) clear() {
	const keptSpans = 4_096
	w.before = w.ledger.Counters()
	w.ledger.Clear()
	clear(w.copies)
	clear(w.inTrace)
	clear(w.parents)
	clear(w.data[:cap(w.data)])
	w.data = w.data[:0]
	if cap(w.spans) > keptSpans {
		w.spans = nil
	}
	w.spans = w.spans[:0]
	w.tally.clear()
	clear(w.traces)
	w.traces, w.traceOf, w.last = w.traces[:0], w.traceOf[:0], 0
	w.hasParents, w.mayHaveCopies, w.isDetached = false, false, false
}
