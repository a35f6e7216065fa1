// SPDX-License-Identifier: Apache-2.0

package cost

// Prices is what a ledger asks of a Pricer.
type Prices interface {
	// Version is what goes into llm.pricing_version.
	Version() string
	// Price returns the exact cost of one call.
	Price(call *Call) Cost
}

// StatesFacts is asked of a Pricer whose prices depend on whom a call is for.
type StatesFacts interface {
	// FactsOf returns a context with the facts that a span, else its resource, states.
	FactsOf(context []Fact, attributes, resource Attributes) []Fact
}

// Ledger decides for each ended span what is written on it. It is not safe for use by several goroutines. Children go
// before their parents where possible; a child that comes later is added to the nearest ancestor still open.
type Ledger struct {
	dialects *Dialects
	pricer   Prices
	options  LedgerOptions
	counters LedgerCounters
	rollUp   *rollUp
	memory   *RecentCalls
	// facts is the pricer when it asks whom a call is for: only one with a contract does.
	facts StatesFacts
	// card is the pricer when it prices by a card alone: what that offers a call is kept with its mould.
	card    *Pricer
	reads   familiar
	reading Reading
	call    Call
	names   ownNames
}

// NewLedger returns a ledger that knows of no span.
func NewLedger(dialects *Dialects, pricer Prices, options LedgerOptions) *Ledger {
	facts, _ := pricer.(StatesFacts)
	card, _ := pricer.(*Pricer)
	memory := options.Shared
	if memory == nil {
		memory = NewRecentCalls(dialects, options.RecentCalls)
	}
	return &Ledger{
		dialects: dialects, pricer: pricer, options: options, facts: facts, card: card, reads: familiar{dialects: dialects},
		rollUp: newRollUp(options.OpenSpans, options.ClosedSpans), memory: memory,
	}
}

// Clear forgets every span in hand, but for a memory that it shares; the counters stay.
func (l *Ledger) Clear() {
	l.rollUp.pending.clear()
	l.rollUp.closed.clear()
	l.rollUp.blanks.clear()
	if l.options.Shared == nil {
		l.memory.clear()
	}
}

// TakeReused does what that of its memory does.
func (l *Ledger) TakeReused() int64 { return l.memory.TakeReused() }

// Dialects returns those that it reads by.
func (l *Ledger) Dialects() *Dialects { return l.dialects }

// Counters returns what was counted so far.
func (l *Ledger) Counters() LedgerCounters {
	found := l.counters
	found.Late, found.Evicted = l.rollUp.late, l.rollUp.pending.evicted
	return found
}

// Ended is what came of a span's end.
type Ended struct {
	// Total of the calls in and beneath the span, valid until the next call; nil when there is none.
	Total *Subtotal
	// Up is the span that the total was passed to, which has not ended yet; zero when there is none.
	Up SpanKey
	// IsLate: the total came too late for every ancestor.
	IsLate bool
}

// End puts into written what is to be written on a span, given that its children ended before.
func (l *Ledger) End(span *Span, written *Written) Ended {
	return l.end(span, written, l.options.RollUp)
}

// EndQuietly is End without totals: the span cannot wait for what is still to come beneath it.
func (l *Ledger) EndQuietly(span *Span, written *Written) Ended { return l.end(span, written, false) }

// Pass is EndQuietly for a span that says nothing of a call, as most do.
func (l *Ledger) Pass(span, parent SpanKey, isLocalRoot bool) Ended {
	joins := l.options.JoinServices || !isLocalRoot
	beneath := l.close(span, parent, joins)
	if beneath == nil {
		return Ended{}
	}
	return l.passUp(parent, beneath, joins)
}

// close notes that a span has ended, and returns what was passed up to it.
func (l *Ledger) close(span, parent SpanKey, joins bool) *Subtotal {
	if !joins {
		parent = SpanKey{}
	}
	l.rollUp.closed.set(span, parent)
	beneath, _ := l.rollUp.pending.take(span)
	return beneath
}

// passUp passes the total of a span that has ended to those above it.
func (l *Ledger) passUp(parent SpanKey, total *Subtotal, joins bool) Ended {
	found := Ended{Total: total}
	if parent != (SpanKey{}) && joins {
		found.Up = l.rollUp.passUp(parent, total)
		found.IsLate = found.Up == SpanKey{}
	}
	return found
}

// Adopt passes what was passed to a span that never came to another one.
func (l *Ledger) Adopt(missing, by SpanKey) (adopted bool) {
	held, waits := l.rollUp.pending.take(missing)
	if waits {
		l.rollUp.passUp(by, held)
	}
	return waits
}

// Above returns the parent of a span that has ended lately.
func (l *Ledger) Above(span SpanKey) (parent SpanKey, ended bool) { return l.rollUp.closed.get(span) }

func (l *Ledger) end(span *Span, written *Written, rollUp bool) Ended {
	joins := l.options.JoinServices || !span.IsLocalRoot
	beneath := l.close(span.Key, span.Parent, joins)
	own := l.own(span, beneath, written)
	if own != nil && own.blanks > 0 && beneath != nil && beneath.count > 0 {
		// Written when the calls beneath had not ended yet: they are its request.
		own = nil
	}
	total := beneath
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
		return Ended{}
	}
	if rollUp && beneath != nil {
		total.WriteSubtree(written)
	}
	if rollUp && span.IsLocalRoot {
		total.WriteTrace(written)
	}
	if rollUp {
		written.keepSums(span.Attributes)
	}
	if own != nil && own.count > 0 && span.HasParent() {
		l.rollUp.toldLate(span.Parent, total)
	}
	return l.passUp(span.Parent, total, joins)
}

// Alone puts into written what is to be written on a span that is compared with no other.
func (l *Ledger) Alone(span *Span, written *Written) {
	if span.Attributes.Has(AttrCostStatus) {
		l.counters.Evidence++
		return
	}
	reading := &l.reading
	if !l.reads.read(span, reading) {
		return
	}
	if l.isRefused(span, reading) {
		return
	}
	found := classification{}
	if !reading.IsCall {
		found.reason = reasonOnlyCarrier
	}
	l.count(found)
	cost := l.cost(reading, span, found)
	reading.write(&cost, l.pricer.Version(), l.options.KeepProvider && span.Attributes.Has(AttrProvider), written)
}

// own writes what a span says of its own call, and returns the call as a subtotal when it is counted.
func (l *Ledger) own(span *Span, beneath *Subtotal, written *Written) *Subtotal {
	if span.Attributes.Has(AttrCostStatus) {
		return l.prior_result(span, beneath, written)
	}
	reading := &l.reading
	if !l.reads.read(span, reading) {
		return nil
	}
	if l.isRefused(span, reading) {
		return nil
	}
	this := countedOf(reading, span)
	l.memory.mutex.Lock()
	defer l.memory.mutex.Unlock()
	found := classify(reading.IsCall, this, beneath, l.memory)
	l.count(found)
	if found.role != "" {
		if meter := l.changesPrice(reading, span, onlyHere(reading, found, beneath)); meter != "" {
			found.reason = reasonTellsMore + ":" + meter
		}
		l.counters.repeat(found.reason)
		found.write(written)
		if found.of != nil {
			l.memory.claim(found.of, this)
		}
		if found.of != nil && reading.ResponseID != "" {
			l.memory.alsoKnown(reading.ResponseID, found.of)
		}
		return short(found.reason)
	}
	cost := l.cost(reading, span, found)
	keep := l.options.KeepProvider && span.Attributes.Has(AttrProvider)
	reading.write(&cost, l.pricer.Version(), keep, written)
	return l.counted(this, &cost)
}

// isRefused tells whether a call failed without being billed; one that may have been billed is doubted.
func (l *Ledger) isRefused(span *Span, reading *Reading) bool {
	if !span.IsError || len(reading.Usage) > 0 {
		return false
	}
	if !l.dialects.failures.mayBeBilled(span, reading.ResponseID) {
		l.counters.Failed++
		return true
	}
	reading.Doubt = Doubt{Unpriced, reasonInterrupted}
	return false
}

func (l *Ledger) count(found classification) {
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
	if call.reports() || cost.Known {
		found.one[0] = call
		found.calls, found.count = found.one[:], 1
	} else {
		found.blank, found.blanks = call, 1
		l.rollUp.blanks.set(call.span, struct{}{})
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
