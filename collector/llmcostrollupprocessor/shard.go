// SPDX-License-Identifier: Apache-2.0

package llmcostrollupprocessor

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/ledger"
	"github.com/spancost/spancost/collector/internal/tracedata"
)

// shard keeps the traces whose ids fall to it. Its ledger knows which spans ended, and what waits for which.
type shard struct {
	mutex     sync.Mutex
	ledger    *ledger.Ledger
	dialects  *dialect.Dialects
	maxWait   time.Duration
	maxTraces int
	maxBytes  int
	corrects  bool
	// keepsCalls: the calls of open traces are kept, to be stored.
	keepsCalls bool
	traces     map[traceID]*heldTrace
	queue      []*heldTrace
	heldBytes  int
	counted    ledger.Counters
	writes     ledger.Writes
	order      orderBuf
	// last is the trace that was asked for last.
	last *heldTrace
	// withdrawn is what was written on calls that lost their cost, for copies of their spans that come later.
	withdrawn map[cost.SpanKey]ledger.Writes
	// released are the totals that were written on held spans, for copies that come later.
	released cost.GenerationalCache[cost.SpanKey, []cost.Attribute]
	// watch holds the detectors; nil when there are none.
	watch *watch
	// started is when the processor began to see spans: of earlier ones it knows nothing.
	started time.Time
}

type traceID = [2]uint64

// keptTotals is of how many released spans, at least, a shard remembers the totals; some 500 bytes each.
const keptTotals = 4_096

// heldTrace is a trace of which spans are held, or for which money waits.
type heldTrace struct {
	id       traceID
	deadline time.Time
	isDone   bool
	bytes    int
	spans    []heldSpan
	// calls are those of the trace that were passed on, where they are stored (Config.Storage).
	calls []heldSpan
	// waiting are spans that money was passed to before they came.
	waiting []cost.SpanKey
}

// heldSpan is a span with its resource and scope, which spans of one batch share.
type heldSpan struct {
	data     ptrace.Span
	origin   *origin
	resource *heldResource
	size     int
	isRoot   bool
	isPriced bool
}

type heldResource struct {
	resource  pcommon.Resource
	schemaURL string
	process   string
}

type origin struct {
	scope     pcommon.InstrumentationScope
	schemaURL string
}

func newShard(cfg *Config, shards int, l *ledger.Ledger, dialects *dialect.Dialects, watch *watch) *shard {
	return &shard{
		ledger: l, dialects: dialects, watch: watch, maxWait: cfg.MaxWait, corrects: cfg.CorrectionSpans, keepsCalls: cfg.Storage != nil,
		maxTraces: max(cfg.MaxTraces/shards, 1), maxBytes: max(cfg.MaxHeldBytes/shards, 1),
		order: orderBuf{at: map[cost.SpanKey]bool{}}, traces: map[traceID]*heldTrace{}, withdrawn: map[cost.SpanKey]ledger.Writes{},
		released: cost.NewGenerationalCache[cost.SpanKey, []cost.Attribute](keptTotals), started: time.Now(),
	}
}

// onBatch takes the spans of a batch that fall to the shard. Those that are to carry totals are moved out of the batch and are
// not held yet (hold): the next component may refuse the others, and then the sender sends all of them again.
func (s *shard) onBatch(now time.Time, batch *arrivals) *outcome {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	out := &outcome{}
	var calls []*arrival
	moved := mover{}
	for n := range batch.passing {
		p := &batch.passing[n]
		if !s.hasEnded(p.key) {
			s.recordEnd(now, p, s.ledger.EndAncestor(p.key, p.parent, false), out)
		}
	}
	for n := range batch.reporting {
		a := &batch.reporting[n]
		switch {
		case s.hasEnded(a.key):
			s.repeat(a)
		case a.isTarget:
			if a.isPriced {
				s.ledger.NoteDoubt(a.span.Attributes)
			}
			batch.moved = append(batch.moved, moved.hold(a))
		default:
			calls = append(calls, a)
		}
	}
	ordered, copies := s.childrenFirst(calls)
	var records []*cost.CallRecord
	for _, a := range ordered {
		s.writes.Clear()
		ended := s.ledger.EndWithoutTotals(&a.span, &s.writes)
		tracedata.Put(a.data.Attributes(), &s.writes)
		if len(s.writes.Remove) > 0 || ledger.CopyClassification(a.span.Attributes, &s.writes) {
			s.withdraw(a.key)
		}
		s.recordEnd(now, &a.passing, ended, out)
		if s.watch != nil && a.isPriced {
			if record := s.watch.record(a.data, a.resource.Resource()); record != nil {
				records = append(records, record)
			}
		}
		if s.keepsCalls {
			s.keepCall(a, &moved)
		}
	}
	for _, a := range copies {
		s.repeat(a)
	}
	if s.watch != nil {
		out.anomalies = append(out.anomalies, s.watch.observe(records)...)
	}
	s.keepWithin(out)
	return out
}

// hold holds the spans that onBatch moved out of a batch.
func (s *shard) hold(now time.Time, batch *arrivals) *outcome {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	out := &outcome{}
	for _, held := range batch.moved {
		trace := s.trace(now, tracedata.Key(held.data.TraceID(), held.data.SpanID()).Trace)
		trace.spans = append(trace.spans, held)
		trace.bytes += held.size
		s.heldBytes += held.size
	}
	s.keepWithin(out)
	return out
}

// keepWithin releases the oldest traces while a limit is exceeded, and counts what happened.
func (s *shard) keepWithin(out *outcome) {
	for len(s.traces) > s.maxTraces && len(s.queue) > 0 {
		s.releaseOldest("traces", out)
	}
	for s.heldBytes > s.maxBytes && len(s.queue) > 0 {
		s.releaseOldest("bytes", out)
	}
	s.count(out)
}

// withdraw remembers what was written on a call that lost its cost.
func (s *shard) withdraw(span cost.SpanKey) {
	const kept = 16_384
	if len(s.withdrawn) >= kept {
		clear(s.withdrawn)
	}
	written := s.writes
	written.Put = slices.Clone(written.Put)
	s.withdrawn[span] = written
}

// repeat writes on a copy of a span that has ended what was written on the first one.
func (s *shard) repeat(a *arrival) {
	if totals, known := s.released.Get(a.key); known {
		tracedata.Put(a.data.Attributes(), &ledger.Writes{Put: totals})
	}
	if written, known := s.withdrawn[a.key]; known && a.isPriced {
		tracedata.Put(a.data.Attributes(), &written)
	}
}

func (s *shard) hasEnded(span cost.SpanKey) bool {
	_, ended := s.ledger.ParentOf(span)
	return ended
}

// orderBuf is memory to put the calls of a batch in order.
type orderBuf struct {
	at    map[cost.SpanKey]bool
	spans []cost.Span
	first []*arrival
}

// childrenFirst puts calls in order: the nearest call above each is its parent, spans between them have ended already.
// Copies of a call in the same batch are returned apart.
func (s *shard) childrenFirst(calls []*arrival) (ordered, copies []*arrival) {
	if len(calls) < 2 {
		return calls, nil
	}
	buf := &s.order
	defer buf.clear()
	for _, a := range calls {
		if buf.at[a.span.Key] {
			copies = append(copies, a)
			continue
		}
		buf.at[a.span.Key] = true
		buf.spans = append(buf.spans, cost.Span{Key: a.span.Key, Parent: a.span.Parent, StartNs: a.span.StartNs, EndNs: a.span.EndNs})
		buf.first = append(buf.first, a)
	}
	for n := range buf.spans {
		buf.spans[n].Parent = s.nearestCall(buf.spans[n].Parent)
	}
	ordered = make([]*arrival, 0, len(buf.first))
	for _, n := range ledger.ChildrenFirst(buf.spans) {
		ordered = append(ordered, buf.first[n])
	}
	return ordered, copies
}

// nearestCall returns the nearest call of the batch from a span on upwards, zero where spans that have ended lead to none.
func (s *shard) nearestCall(span cost.SpanKey) cost.SpanKey {
	const farthest = 1_000
	for steps := 0; span != (cost.SpanKey{}) && !s.order.at[span]; steps++ {
		above, ended := s.ledger.ParentOf(span)
		if !ended || steps == farthest {
			return cost.SpanKey{}
		}
		span = above
	}
	return span
}

func (b *orderBuf) clear() {
	const kept = 4_096
	clear(b.at)
	clear(b.spans)
	clear(b.first)
	b.spans, b.first = b.spans[:0], b.first[:0]
	if cap(b.spans) > kept {
		*b = orderBuf{at: map[cost.SpanKey]bool{}}
	}
}

// recordEnd notes where the money of a span that has ended waits, or that it came too late.
func (s *shard) recordEnd(now time.Time, p *passing, ended ledger.Ended, out *outcome) {
	switch {
	case ended.Total == nil:
	case ended.IsLate:
		out.late(ended.Total)
		s.markLate(p)
		if s.corrects {
			s.correct(p, ended.Total, out)
		}
	case ended.Up != cost.SpanKey{}:
		trace := s.trace(now, p.key.Trace)
		if !slices.Contains(trace.waiting, ended.Up) {
			trace.waiting = append(trace.waiting, ended.Up)
		}
	}
}

func (s *shard) trace(now time.Time, id traceID) *heldTrace {
	if s.last != nil && s.last.id == id && !s.last.isDone {
		return s.last
	}
	trace := s.traces[id]
	if trace == nil {
		trace = &heldTrace{id: id, deadline: now.Add(s.maxWait)}
		s.traces[id] = trace
		s.queue = append(s.queue, trace)
	}
	s.last = trace
	return trace
}

// releaseOldest releases the oldest trace in the queue before its time; those that are being released are not in it.
func (s *shard) releaseOldest(reason string, out *outcome) {
	trace := s.queue[0]
	s.queue = s.queue[1:]
	if trace.isDone {
		return
	}
	out.released(reason)
	s.release(trace, false, out)
}

func (s *shard) count(out *outcome) {
	now := s.ledger.Counters()
	out.withdrawn = now.Since(&s.counted)
	out.evicted += now.Evicted - s.counted.Evicted
	s.counted = now
}
