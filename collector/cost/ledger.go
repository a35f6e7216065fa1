// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"github.com/spancost/spancost/collector/cost/document"
)

// LedgerOptions say how a ledger behaves.
type LedgerOptions struct {
	// KeepProvider: an llm.provider already on the span stays.
	KeepProvider bool
	// JoinServices: totals pass from a local root to the parent in another process too.
	JoinServices bool
	// RollUp: write totals above the calls.
	RollUp bool
	// Rejudge: what an earlier run wrote is compared with what is beneath and known, across processes and batches; a
	// repeated call loses its cost and tokens.
	Rejudge bool
	// OpenSpans, ClosedSpans, RecentCalls: how many of each are remembered at least (at most twice as many).
	OpenSpans, ClosedSpans, RecentCalls int
}

// DefaultLedgerOptions are those for all spans in hand.
func DefaultLedgerOptions() LedgerOptions {
	return LedgerOptions{JoinServices: true, RollUp: true, OpenSpans: 32_768, ClosedSpans: 32_768, RecentCalls: 8_192}
}

// LedgerCounters count spans by what they were, calls that ended after their root (Late), and subtotals forgotten because
// their span never ended (Evicted).
type LedgerCounters struct {
	Own, Duplicate, Aggregate, Failed, Evidence, Late, Evicted int64
}

// Written is what is to be put on a span: Remove first, then Put.
type Written struct {
	Put    []Attribute
	Remove []string
}

func (w *Written) text(key, value string) {
	if value != "" {
		w.Put = append(w.Put, Attribute{key, document.OfString(value)})
	}
}

func (w *Written) int(key string, n int64) { w.Put = append(w.Put, Attribute{key, document.OfInt(n)}) }

func (w *Written) usd(key string, f Femto) {
	w.Put = append(w.Put, Attribute{key, document.OfFloat(f.USD())})
}

// Ledger decides for each ended span what is written on it. It is not safe for use by several goroutines. Children go
// before their parents where possible; a child that comes later is added to the nearest ancestor still open.
type Ledger struct {
	dialects *Dialects
	pricer   *Pricer
	options  LedgerOptions
	counters LedgerCounters
	rollUp   *rollUp
	memory   *memory
	reading  Reading
}

// NewLedger returns a ledger that knows of no span.
func NewLedger(dialects *Dialects, pricer *Pricer, options LedgerOptions) *Ledger {
	return &Ledger{
		dialects: dialects, pricer: pricer, options: options,
		rollUp: newRollUp(options.OpenSpans, options.ClosedSpans), memory: newMemory(options.RecentCalls),
	}
}

// Clear forgets every span in hand; the counters stay.
func (l *Ledger) Clear() {
	l.rollUp.pending.clear()
	l.rollUp.closed.clear()
	l.memory.clear()
}

// Counters returns what was counted so far.
func (l *Ledger) Counters() LedgerCounters {
	found := l.counters
	found.Late, found.Evicted = l.rollUp.late, l.rollUp.pending.forgotten
	return found
}

// IsClosed tells whether a span has ended lately.
func (l *Ledger) IsClosed(span SpanKey) bool { return l.rollUp.closed.has(span) }

// End puts into written what is to be written on a span, given that its children ended before. It returns the total of
// the calls in and beneath the span, valid until the next call and nil when there is none, and whether that came too
// late for every ancestor.
func (l *Ledger) End(span *Span, written *Written) (total *Subtotal, late bool) {
	joins := l.options.JoinServices || !span.IsLocalRoot
	above := span.Parent
	if !joins {
		above = SpanKey{}
	}
	l.rollUp.closed.set(span.Key, above)
	beneath, _ := l.rollUp.pending.take(span.Key)
	own := l.own(span, beneath, written)
	total = beneath
	if own != nil {
		total = own
		if beneath != nil {
			if beneath.blanks > 0 && own.count > 0 && beneath.count == 0 {
				beneath.absorbBlanks()
			}
			total = beneath
			total.add(own)
		}
	}
	if total == nil {
		return nil, false
	}
	if l.options.RollUp {
		if beneath != nil {
			total.WriteSubtree(written)
		}
		if span.IsLocalRoot {
			total.WriteTrace(written)
		}
	}
	if span.HasParent() && joins {
		late = !l.rollUp.passUp(span.Parent, total)
	}
	return total, late
}

// own writes what a span says of its own call, and returns the call as a subtotal when it is counted.
func (l *Ledger) own(span *Span, beneath *Subtotal, written *Written) *Subtotal {
	if span.Attributes.Has(AttrCostStatus) {
		return l.evidence(span, beneath, written)
	}
	reading := &l.reading
	*reading = Reading{}
	if !l.dialects.Read(span, reading) {
		return nil
	}
	if span.IsError && len(reading.Usage) == 0 {
		l.counters.Failed++
		return nil
	}
	this := countedOf(reading, span)
	found := judge(reading.IsCall, this, beneath, l.memory)
	l.count(found)
	if found.role != "" {
		found.write(written)
		return nil
	}
	cost := l.cost(reading, span, found)
	keep := l.options.KeepProvider && span.Attributes.Has(AttrProvider)
	reading.write(&cost, l.pricer.Version(), keep, written)
	return l.counted(this, &cost)
}

func (l *Ledger) count(found verdict) {
	switch found.role {
	case Duplicate:
		l.counters.Duplicate++
	case Aggregate:
		l.counters.Aggregate++
	default:
		l.counters.Own++
	}
}

func (l *Ledger) counted(call *counted, cost *Cost) *Subtotal {
	l.memory.add(call)
	found := &Subtotal{Input: call.input.N, Output: call.output.N, Requests: 1}
	if call.reports() {
		found.calls, found.count = []*counted{call}, 1
	} else {
		found.blank, found.blanks = call, 1
	}
	if cost.Status == Partial || cost.Status == Unpriced {
		found.Doubtful = 1
	}
	if cost.Known {
		found.Femto, found.Priced = cost.Femto, 1
	} else {
		found.Unpriced = 1
	}
	return found
}

// cost returns what a reading costs: the seller's own bill before the rate card; its doubts go into the status.
func (l *Ledger) cost(reading *Reading, span *Span, found verdict) Cost {
	if len(reading.Usage) == 0 {
		return unpriced(reasonNoUsage)
	}
	cost := l.pricer.Price(&Call{
		Provider: reading.Provider, Model: reading.Model, RequestModel: reading.RequestModel, Usage: reading.Usage,
		AtNs: span.StartNs, ServiceTier: reading.ServiceTier, Processing: reading.Processing, Context: reading.Context,
	})
	if reading.IsBilled {
		return Cost{
			Status: Priced, Known: true, Femto: reading.Billed, RateID: cost.RateID, Source: sourceProvider,
			ListKnown: cost.Known, List: cost.Femto,
		}
	}
	doubt := reading.Doubt
	if doubt == (Doubt{}) && found.reason != "" {
		doubt = Doubt{Estimated, found.reason}
	}
	if doubt == (Doubt{}) || worse(doubt.Status) <= worse(cost.Status) {
		return cost
	}
	cost.Status, cost.Reason = doubt.Status, doubt.Reason
	if doubt.Status == Unpriced {
		cost.Known, cost.Femto = false, Femto{}
	}
	return cost
}
