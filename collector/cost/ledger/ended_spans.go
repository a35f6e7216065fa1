// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"github.com/spancost/spancost/collector/cost"
)

// endedSpans are the spans that have ended lately, with their parents: at least the last size of them and at most twice as
// many, in two generations. They are kept by trace, because the spans of a trace come together: most look-ups stay within
// the list of the trace that was looked at last.
type endedSpans struct {
	size, count int
	new, old    map[traceKey]*endedTrace
	// last is the trace looked at last, and its spans of each generation.
	last             traceKey
	lastNew, lastOld *endedTrace
	isFound          bool
	free             []*endedTrace
}

type traceKey = [2]uint64

// endedTrace are the spans of one trace. A long list has an index.
type endedTrace struct {
	spans []endedSpan
	index map[uint64]int
}

// endedSpan is a span and its parent, which is of the same trace; 0 for none.
type endedSpan struct{ id, parent uint64 }

// parentIn returns the key of the parent in the trace.
func (s endedSpan) parentIn(trace traceKey) cost.SpanKey {
	if s.parent == 0 {
		return cost.SpanKey{}
	}
	return cost.SpanKey{Trace: trace, ID: s.parent}
}

const (
	nowhere    = -1
	usualSpans = 8
	// longList is where an index is quicker than a look at each.
	longList = 32
	// freeTraces is of how many evicted traces the memory is used again.
	freeTraces = 1_024
)

func newEndedSpans(size int) endedSpans {
	return endedSpans{size: size, new: map[traceKey]*endedTrace{}}
}

func (e *endedSpans) find(trace traceKey) {
	if e.isFound && e.last == trace {
		return
	}
	e.last, e.isFound = trace, true
	e.lastNew, e.lastOld = e.new[trace], e.old[trace]
}

// get returns the parent of a span that has ended.
func (e *endedSpans) get(span cost.SpanKey) (parent cost.SpanKey, ended bool) {
	e.find(span.Trace)
	for _, held := range [...]*endedTrace{e.lastNew, e.lastOld} {
		if at := held.at(span.ID); at >= 0 {
			return held.spans[at].parentIn(span.Trace), true
		}
	}
	return cost.SpanKey{}, false
}

// set notes that a span has ended.
func (e *endedSpans) set(span, parent cost.SpanKey) {
	e.find(span.Trace)
	if e.lastNew == nil {
		e.lastNew = e.fresh()
		e.new[span.Trace] = e.lastNew
	}
	if at := e.lastNew.at(span.ID); at >= 0 {
		e.lastNew.spans[at].parent = parent.ID
		return
	}
	e.lastNew.add(endedSpan{span.ID, parent.ID}, e.lastOld)
	if e.count++; e.count < e.size {
		return
	}
	if e.old == nil {
		e.old = make(map[traceKey]*endedTrace, len(e.new))
	}
	e.evict(e.old)
	e.new, e.old = e.old, e.new
	e.count, e.isFound = 0, false
}

// each visits all spans, with their parents, older ones first; one that is in both generations is visited twice.
func (e *endedSpans) each(visit func(span, parent cost.SpanKey)) {
	for _, generation := range [...]map[traceKey]*endedTrace{e.old, e.new} {
		for trace, held := range generation {
			for n := range held.spans {
				visit(cost.SpanKey{Trace: trace, ID: held.spans[n].id}, held.spans[n].parentIn(trace))
			}
		}
	}
}

// fresh returns an empty trace, in the memory of one that was evicted where there is one.
func (e *endedSpans) fresh() *endedTrace {
	if last := len(e.free) - 1; last >= 0 {
		found := e.free[last]
		e.free = e.free[:last]
		return found
	}
	return &endedTrace{spans: make([]endedSpan, 0, usualSpans)}
}

// evict empties a generation and keeps the memory of some of its traces.
func (e *endedSpans) evict(generation map[traceKey]*endedTrace) {
	for _, trace := range generation {
		if len(e.free) == freeTraces {
			break
		}
		if trace.index == nil {
			trace.spans = trace.spans[:0]
			e.free = append(e.free, trace)
		}
	}
	clear(generation)
}

func (e *endedSpans) clear() {
	e.evict(e.new)
	e.evict(e.old)
	e.count, e.isFound, e.lastNew, e.lastOld = 0, false, nil, nil
}

// at returns where a span is in the list, -1 where it is not.
func (t *endedTrace) at(id uint64) int {
	if t == nil {
		return nowhere
	}
	if t.index != nil {
		if at, held := t.index[id]; held {
			return at
		}
		return nowhere
	}
	for n := range t.spans {
		if t.spans[n].id == id {
			return n
		}
	}
	return nowhere
}

// add adds a span; the older generation of its trace reports how many are to be expected.
func (t *endedTrace) add(span endedSpan, older *endedTrace) {
	t.spans = append(t.spans, span)
	switch count := len(t.spans); {
	case t.index != nil:
		t.index[span.id] = count - 1
	case count > longList:
		expected := 2 * count
		if older != nil {
			expected = max(expected, len(older.spans))
		}
		t.index = make(map[uint64]int, expected)
		for n := range t.spans {
			t.index[t.spans[n].id] = n
		}
	}
}
