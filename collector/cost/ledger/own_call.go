// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"github.com/spancost/spancost/collector/cost"
)

// PriceAlone puts into written what is to be written on a span that is compared with no other, and returns its record.
func (l *Ledger) PriceAlone(span *cost.Span, written *Writes) *cost.CallRecord {
	l.record = nil
	if span.Attributes.Has(cost.AttrCostStatus) {
		l.counters.AlreadyPriced++
		return nil
	}
	reading := &l.reading
	if l.read(span, reading) && !l.isRefused(span, reading) {
		l.classified(reading, span, nil, nil, written)
	}
	return l.record
}

// EndLone is EndWithoutTotals for a span whose trace holds no other call, where no emitter is detached: only its response id
// can be another call's. It returns the record of the call.
func (l *Ledger) EndLone(span *cost.Span, written *Writes) *cost.CallRecord {
	l.record = nil
	if span.Attributes.Has(cost.AttrCostStatus) {
		l.own(span, nil, written)
		return nil
	}
	reading := &l.reading
	if !l.read(span, reading) || l.isRefused(span, reading) {
		return nil
	}
	var this *CountedCall
	if reading.ResponseID != "" {
		this = l.countedCallOf(reading, span)
	}
	l.memory.mutex.Lock()
	defer l.memory.mutex.Unlock()
	if _, ok := l.classified(reading, span, this, nil, written); ok && this != nil {
		l.memory.addResponse(this)
	}
	return l.record
}

// own writes what a span states of its own call, and returns the call as a subtotal when it is counted.
func (l *Ledger) own(span *cost.Span, below *Subtotal, written *Writes) *Subtotal {
	if span.Attributes.Has(cost.AttrCostStatus) {
		return l.priorResult(span, below, written)
	}
	reading := &l.reading
	if !l.read(span, reading) {
		return nil
	}
	if l.isRefused(span, reading) {
		return nil
	}
	this := l.countedCallOf(reading, span)
	l.memory.mutex.Lock()
	defer l.memory.mutex.Unlock()
	priced, isOwn := l.classified(reading, span, this, below, written)
	if !isOwn {
		return incomplete(written.Reason)
	}
	return l.counted(this, &priced)
}

// classified writes what a span is, and its cost when it is a call of its own; this is nil where it is compared with none.
func (l *Ledger) classified(
	reading *cost.Reading, span *cost.Span, this *CountedCall, below *Subtotal, written *Writes,
) (priced cost.Cost, isOwn bool) {
	found := classification{}
	if this != nil {
		found = classify(reading.IsCall, statesCostAlone(reading), this, below, l.memory)
	} else if !reading.IsCall {
		found.reason = reasonOnlyCarrier
	}
	l.count(found)
	if found.role == "" {
		if found.reason == reasonLocalCache {
			reading.NotBilled(reasonLocalCache)
		}
		priced = l.cost(reading, span, found)
		left := l.options.LeftOut.on(span.Attributes, reading, &priced, l.pricer.Version())
		if l.options.KeepProvider && span.Attributes.Has(cost.AttrProvider) {
			left |= noProvider
		}
		writeCall(reading, &priced, l.pricer.Version(), left, written)
		if l.options.Records {
			l.record = recordOf(l.dialects.RecordKeys(), reading, span, &priced, l.pricer.Version())
		}
		return priced, true
	}
	isUnsure := found.reason == reasonSameTokens
	if meter := l.changedBy(reading, span, metersOnlyOn(reading, found, below)); meter != "" {
		found.reason = reasonReportsMore + ":" + meter
	}
	l.counters.repeat(found.reason)
	found.write(l.options.LeftOut, written)
	if found.of != nil {
		l.memory.claim(found.of, this)
		if isUnsure {
			l.memory.doubt(found.of.span.ID)
		} else if reading.ResponseID != "" {
			l.memory.addAlias(reading.ResponseID, found.of)
		}
	}
	return priced, false
}

// read reads a span by its plan, or on the slow path.
func (l *Ledger) read(span *cost.Span, into *cost.Reading) bool {
	found, isReported := l.plans.Read(span, into)
	l.plan = found
	return isReported
}

// isRefused reports whether a call failed without being billed; one that may have been billed is doubted.
func (l *Ledger) isRefused(span *cost.Span, reading *cost.Reading) bool {
	if !span.IsError || len(reading.Usage) > 0 {
		return false
	}
	if !l.dialects.MayBeBilled(span, reading.ResponseID) {
		l.counters.Failed++
		return true
	}
	reading.Doubt = cost.Doubt{Status: cost.Unpriced, Reason: cost.ReasonInterrupted}
	return false
}

func (l *Ledger) count(found classification) {
	switch found.role {
	case cost.Duplicate:
		l.counters.Duplicate++
	case cost.Aggregate:
		l.counters.Aggregate++
	default:
		l.counters.Own++
	}
}

func (l *Ledger) counted(call *CountedCall, result *cost.Cost) *Subtotal {
	l.memory.add(call)
	found := l.subtotals.next()
	found.Input, found.Output, found.Requests = call.input.N, call.output.N, 1
	if result.Status == cost.NotBilled {
		found.Input, found.Output = 0, 0
	}
	if call.reports() || result.Known {
		found.one[0] = call
		found.calls, found.count = found.one[:], 1
	} else {
		found.unreported, found.unreportedCount = call, 1
		l.rollUp.unreported.Set(call.span, call)
	}
	if result.Status == cost.Partial || result.Status == cost.Unpriced {
		found.Doubtful = 1
	}
	if result.Known {
		found.Femto, found.Priced = result.Femto, 1
	} else {
		found.Unpriced = 1
	}
	return found
}
