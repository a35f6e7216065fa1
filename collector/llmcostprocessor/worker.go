// SPDX-License-Identifier: Apache-2.0

package llmcostprocessor

import (
	"hash/maphash"
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
// that a framework, an SDK and a gateway all report is priced once. Most calls cannot repeat another one: they are priced one
// by one, in memory that all of them use.
type worker struct {
	ledger     *ledger.Ledger
	dialects   *dialect.Dialects
	written    ledger.Writes
	alone      cost.Span
	sources    []source
	candidates []candidate
	// responseIDs finds the first candidate with a response id, by its hash.
	responseIDs map[uint64]int
	// inTrace finds the trace of a span in traces; last is that of the candidate taken last.
	inTrace map[[2]uint64]int
	traces  []heldOfTrace
	last    int
	// spans are the candidates that are compared with one another; data and traceOf are of each.
	spans   []cost.Span
	data    []ptrace.Span
	traceOf []int
	copies  map[cost.SpanKey]int
	parents map[cost.SpanKey]cost.SpanKey
	before  ledger.Counters
	tally   tally
	// hasParents: some candidate may be above another; mayHaveCopies: one may be held twice; compareAll: one is of a detached emitter, or its response id cannot be told
	// before it is read.
	hasParents, mayHaveCopies, compareAll bool
}

// candidate is a span that may report a call. mayShareID: another one may have its response id.
type candidate struct {
	data          ptrace.Span
	scope         pcommon.InstrumentationScope
	source, trace int
	mayShareID    bool
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
	// mayHaveCopies: a span may be held twice.
	mayHaveCopies bool
}

// fewSpans is how many spans of a trace are looked at one by one for copies.
const fewSpans = 8

func newWorker(dialects *dialect.Dialects, pricer ledger.Prices, keepProvider bool, left ledger.LeftOut) *worker {
	options := ledger.Options{
		KeepProvider: keepProvider, LeftOut: left, JoinServices: true,
		OpenSpans: unbounded, ClosedSpans: unbounded, RecentCalls: unbounded,
	}
	return &worker{
		ledger: ledger.New(dialects, pricer, options), dialects: dialects, copies: map[cost.SpanKey]int{},
		inTrace: map[[2]uint64]int{}, responseIDs: map[uint64]int{}, parents: map[cost.SpanKey]cost.SpanKey{},
	}
}

// source is where spans come from: the attributes of the resource, nil where nothing asks for them, the language of the SDK,
// the process, whether the emitter writes calls into traces of its own, and whether it reports answers from a cache as calls.
type source struct {
	resource             cost.Attributes
	language, process    string
	isDetached, isReplay bool
}

// from notes where the spans taken next come from.
func (w *worker) from(s source) { w.sources = append(w.sources, s) }

// take holds a span that may report a call.
func (w *worker) take(span ptrace.Span, scope pcommon.InstrumentationScope) {
	by := len(w.sources) - 1
	trace := span.TraceID()
	key, parent := tracedata.Key(trace, span.SpanID()), tracedata.Key(trace, span.ParentSpanID())
	n := len(w.candidates)
	w.candidates = append(w.candidates, candidate{
		data: span, scope: scope, source: by, trace: w.join(key, parent, scope.Name(), w.sources[by].isReplay),
	})
	w.noteResponseID(n, span.Attributes())
	w.compareAll = w.compareAll || w.sources[by].isDetached
}

// idSeed makes hashes of response ids that nobody can foresee.
var idSeed = maphash.MakeSeed()

// noteResponseID notes the response id of a candidate, as far as one of its attributes may be one.
func (w *worker) noteResponseID(n int, attributes pcommon.Map) {
	for key, value := range attributes.All() {
		if w.dialects.MayHoldResponseID(key) {
			w.compareAll = true
		}
		if !w.dialects.MayBeResponseID(key) {
			continue
		}
		if value.Type() != pcommon.ValueTypeStr || !dialect.IsReadAsItStands(value.Str()) {
			w.compareAll = true
			continue
		}
		hash := maphash.String(idSeed, value.Str())
		if first, known := w.responseIDs[hash]; !known {
			w.responseIDs[hash] = n
		} else if first != n {
			w.candidates[first].mayShareID, w.candidates[n].mayShareID = true, true
		}
	}
}

// join adds a span to its trace, and returns which that is.
func (w *worker) join(key, parent cost.SpanKey, scope string, isReplay bool) int {
	at := w.last
	if len(w.traces) == 0 || w.traces[at].trace != key.Trace {
		var known bool
		if at, known = w.inTrace[key.Trace]; !known {
			at = len(w.traces)
			w.inTrace[key.Trace] = at
			w.traces = append(w.traces, heldOfTrace{
				trace: key.Trace, parent: parent.ID, scope: scope, areSiblings: parent != key, mayCompare: scope == "" || isReplay,
			})
		}
		w.last = at
	}
	held := &w.traces[at]
	if held.count > 0 {
		held.mayCompare = held.mayCompare || held.scope != scope
		held.areSiblings = held.areSiblings && held.parent == parent.ID && parent != key
		w.hasParents = w.hasParents || !held.areSiblings
		held.mayHaveCopies = held.mayHaveCopies || held.count >= fewSpans || slices.Contains(held.ids[:held.count], key.ID)
		w.mayHaveCopies = w.mayHaveCopies || held.mayHaveCopies
	}
	if held.count < fewSpans {
		held.ids[held.count] = key.ID
	}
	held.count++
	return at
}

// isAlone reports whether a candidate can repeat no other one, nor another one it.
func (w *worker) isAlone(of *candidate) bool {
	held := &w.traces[of.trace]
	isOnly := held.count == 1 || held.areSiblings && !held.mayCompare && !held.mayHaveCopies
	return isOnly && !of.mayShareID && !w.compareAll || len(w.candidates) == 1
}

// isLone reports whether a span that is compared can repeat another one by its response id only: it is the only one held of its
// trace, or all are of one emitter and none is below another, and none held is of an emitter that writes into traces of its own.
func (w *worker) isLone(n int) bool {
	held := &w.traces[w.traceOf[n]]
	return !w.compareAll && (held.count == 1 || !held.mayCompare)
}

// link notes whose child a span is, of a trace in which held spans may be above one another.
func (w *worker) link(span ptrace.Span) {
	key := tracedata.Key(span.TraceID(), span.SpanID())
	if at, known := w.inTrace[key.Trace]; known && !w.traces[at].areSiblings {
		w.parents[key] = tracedata.Key(span.TraceID(), span.ParentSpanID())
	}
}

// price has written on each span what it is and costs.
func (w *worker) price(put func(ptrace.Span, *ledger.Writes)) {
	for n := range w.candidates {
		of := &w.candidates[n]
		if !w.isAlone(of) {
			w.compare(of)
			continue
		}
		w.fill(of, &w.alone)
		w.written.Clear()
		w.ledger.PriceAlone(&w.alone, &w.written)
		w.tally.add(&w.written)
		put(of.data, &w.written)
	}
	if len(w.spans) > 0 {
		w.priceCompared(put)
	}
}

func (w *worker) fill(of *candidate, into *cost.Span) {
	from := &w.sources[of.source]
	tracedata.Fill(of.data, of.scope, into)
	into.Resource, into.Language, into.Process = from.resource, from.language, from.process
}

// compare holds a candidate that may repeat another one.
func (w *worker) compare(of *candidate) {
	if len(w.spans) < cap(w.spans) {
		w.spans = w.spans[:len(w.spans)+1]
	} else {
		w.spans = append(w.spans, cost.Span{})
	}
	w.fill(of, &w.spans[len(w.spans)-1])
	w.data, w.traceOf = append(w.data, of.data), append(w.traceOf, of.trace)
}

// priceCompared prices the spans that are compared with one another, children first.
func (w *worker) priceCompared(put func(ptrace.Span, *ledger.Writes)) {
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
	w.before = w.ledger.Counters()
	w.tally.clear()
	if len(w.spans) > 0 {
		w.clearCompared()
	}
	clear(w.inTrace)
	clear(w.responseIDs)
	clear(w.candidates)
	clear(w.sources)
	w.candidates, w.sources, w.traces, w.last = w.candidates[:0], w.sources[:0], w.traces[:0], 0
	w.hasParents, w.mayHaveCopies, w.compareAll = false, false, false
	clear(w.alone.Attributes)
}

func (w *worker) clearCompared() {
	const keptSpans = 4_096
	w.ledger.Clear()
	clear(w.copies)
	clear(w.parents)
	clear(w.data)
	if cap(w.spans) > keptSpans {
		w.spans = nil
	}
	w.spans, w.data, w.traceOf = w.spans[:0], w.data[:0], w.traceOf[:0]
}
