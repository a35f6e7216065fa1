// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// Prices is what a ledger asks of a Pricer.
type Prices interface {
	// Version is what goes into llm.pricing_version.
	Version() string
	// Price returns the exact cost of one call.
	Price(call *cost.Call) cost.Cost
}

// StatesFacts is asked of a Pricer whose prices depend on whom a call is for.
type StatesFacts interface {
	// FactsOf returns a context with the facts that a span, else its resource, states.
	FactsOf(context []cost.Fact, attributes, resource cost.Attributes) []cost.Fact
}

// Ledger decides for each ended span what is written on it. It is not safe for use by several goroutines. Children go
// before their parents where possible; a child that comes later is added to the nearest ancestor still open.
type Ledger struct {
	dialects *dialect.Dialects
	pricer   Prices
	options  Options
	counters Counters
	rollUp   *rollUp
	memory   *RecentCalls
	// facts is the pricer when it asks whom a call is for: only one with a contract does.
	facts StatesFacts
	// card is the pricer when it prices by a card alone: the rates of a call are then kept with its plan.
	card  *pricing.Pricer
	plans PlanCache
	// plan is that of the last reading, nil where there is none.
	plan    *SpanPlan
	reading cost.Reading
	call    cost.Call
	names   internedNames
	// calls, priors (those of an earlier run) and subtotals are memory of what is held between two spans.
	calls     chunk[callWithMeters]
	priors    chunk[CountedCall]
	subtotals chunk[Subtotal]
	// record is that of the last call that was priced, nil where none is made.
	record *cost.CallRecord
}

// New returns a ledger that knows of no span.
func New(dialects *dialect.Dialects, pricer Prices, options Options) *Ledger {
	facts, _ := pricer.(StatesFacts)
	card, _ := pricer.(*pricing.Pricer)
	memory := options.Shared
	if memory == nil {
		memory = NewRecentCalls(dialects, options.RecentCalls)
	}
	return &Ledger{
		dialects: dialects, pricer: pricer, options: options, facts: facts, card: card, plans: PlanCache{dialects: dialects},
		rollUp: newRollUp(options.OpenSpans, options.ClosedSpans), memory: memory,
	}
}

// Clear evicts every span held, but for a memory that it shares; the counters stay.
func (l *Ledger) Clear() {
	l.rollUp.pending.Clear()
	l.rollUp.closed.clear()
	l.rollUp.unreported.Clear()
	if l.options.Shared == nil {
		l.memory.clear()
		l.calls.reuse()
		l.priors.reuse()
		l.subtotals.reuse()
	}
}

// TakeReused does what that of its memory does.
func (l *Ledger) TakeReused() int64 { return l.memory.TakeReused() }

// Dialects returns those that it reads by.
func (l *Ledger) Dialects() *dialect.Dialects { return l.dialects }

// Counters returns what was counted so far.
func (l *Ledger) Counters() Counters {
	found := l.counters
	found.Late, found.Evicted = l.rollUp.late, l.rollUp.pending.Evicted
	return found
}

// Ended is what came of a span's end.
type Ended struct {
	// Total of the calls in and below the span, valid until the next call; nil when there is none.
	Total *Subtotal
	// Up is the span that the total was passed to, which has not ended yet; zero when there is none.
	Up cost.SpanKey
	// IsLate: the total came too late for every ancestor.
	IsLate bool
	// Record is that of the span's own call, when it is counted and records are made (Options.Records).
	Record *cost.CallRecord
}

// End puts into written what is to be written on a span, given that its children ended before.
func (l *Ledger) End(span *cost.Span, written *Writes) Ended {
	return l.end(span, written, l.options.RollUp)
}

// EndWithoutTotals is End without totals: the span cannot wait for what is still to come below it.
func (l *Ledger) EndWithoutTotals(span *cost.Span, written *Writes) Ended {
	return l.end(span, written, false)
}

// EndAncestor is EndWithoutTotals for a span that reports no call, as most do.
func (l *Ledger) EndAncestor(span, parent cost.SpanKey, isLocalRoot bool) Ended {
	joins := l.options.JoinServices || !isLocalRoot
	below := l.close(span, parent, joins)
	if below == nil {
		return Ended{}
	}
	return l.passUp(parent, below, joins)
}

// close notes that a span has ended, and returns what was passed up to it.
func (l *Ledger) close(span, parent cost.SpanKey, joins bool) *Subtotal {
	if !joins {
		parent = cost.SpanKey{}
	}
	l.rollUp.closed.set(span, parent)
	below, _ := l.rollUp.pending.Take(span)
	return below
}

// passUp passes the total of a span that has ended to those above it.
func (l *Ledger) passUp(parent cost.SpanKey, total *Subtotal, joins bool) Ended {
	found := Ended{Total: total}
	if parent != (cost.SpanKey{}) && joins {
		found.Up = l.rollUp.passUp(parent, total)
		found.IsLate = found.Up == cost.SpanKey{}
	}
	return found
}

// PassOn passes what was passed to a span that never came to another one.
func (l *Ledger) PassOn(missing, by cost.SpanKey) (adopted bool) {
	held, waits := l.rollUp.pending.Take(missing)
	if waits {
		l.rollUp.passUp(by, held)
	}
	return waits
}

// ParentOf returns the parent of a span that has ended lately.
func (l *Ledger) ParentOf(span cost.SpanKey) (parent cost.SpanKey, ended bool) {
	return l.rollUp.closed.get(span)
}

// EachEnded visits the spans that have ended lately, with their parents.
func (l *Ledger) EachEnded(visit func(span, parent cost.SpanKey)) { l.rollUp.closed.each(visit) }

func (l *Ledger) end(span *cost.Span, written *Writes, rollUp bool) Ended {
	l.record = nil
	found := l.withTotals(span, written, rollUp)
	found.Record = l.record
	return found
}

// withTotals writes what a span is and, where asked for, the totals of its subtree.
func (l *Ledger) withTotals(span *cost.Span, written *Writes, rollUp bool) Ended {
	joins := l.options.JoinServices || !span.IsLocalRoot
	below := l.close(span.Key, span.Parent, joins)
	own := l.own(span, below, written)
	if own != nil && own.unreportedCount > 0 && below != nil && below.count > 0 {
		// Written when the calls below had not ended yet: they are its request.
		if l.memory.isOneRequest(below.latest(), own.latest()) {
			own = nil
		}
	}
	total := below
	if own != nil {
		total = own
		if below != nil {
			if below.unreportedCount > 0 && own.count > 0 && below.count == 0 && l.memory.isOneRequest(own.latest(), below.unreported) {
				below.absorbUnreported()
			}
			total = below
			total.add(own)
		}
	}
	if total == nil {
		return Ended{}
	}
	if rollUp && below != nil {
		total.WriteSubtree(written)
	}
	if rollUp && span.IsLocalRoot {
		if l.memory.doubtsAny(total.keptCalls()) {
			total.Doubtful++
		}
		total.WriteTrace(written)
	}
	if rollUp {
		written.keepTotals(span.Attributes)
	}
	if own != nil && own.count > 0 && span.HasParent() {
		l.rollUp.lateParent(span.Parent, total, l.memory)
	}
	return l.passUp(span.Parent, total, joins)
}
