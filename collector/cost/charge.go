// SPDX-License-Identifier: Apache-2.0

package cost

import "slices"

// price returns what the pricer says a reading costs.
func (l *Ledger) price(reading *Reading, span *Span) Cost {
	call := l.callOf(reading, span)
	if l.card == nil || reading.mould == nil {
		return l.pricer.Price(call)
	}
	if reading.mould.offer == nil {
		reading.mould.offer = l.card.offer(call)
	}
	return l.card.priceUnder(call, reading.mould.offer)
}

// cost returns what a reading costs: the provider's own bill before the rate card; its doubts go into the status.
func (l *Ledger) cost(reading *Reading, span *Span, found classification) Cost {
	if reading.Doubt.Status == NotBilled {
		return Cost{Status: NotBilled, Reason: reading.Doubt.Reason, Known: true}
	}
	if len(reading.Usage) == 0 && l.facts == nil {
		return withoutUsage(reading)
	}
	cost := l.price(reading, span)
	switch {
	case len(reading.Usage) == 0 && !cost.Known:
		return withoutUsage(reading)
	case !cost.Known && !reading.IsBilled:
		if said, isSaid := statedCost(reading); isSaid {
			return said
		}
	case cost.Source == sourceManual:
		return cost
	case reading.IsBilled && !reading.Billed.IsZero():
		// A bill of 0 for tokens says who paid, not what they cost.
		if !cost.ListKnown {
			cost.ListKnown, cost.List = cost.Known, cost.Femto
		}
		return Cost{
			Status: Priced, Known: true, Femto: reading.Billed, RateID: cost.RateID, Source: sourceProvider,
			ListKnown: cost.ListKnown, List: cost.List,
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

// statedCost returns the cost that a span states, for what has no price of ours; false when it states none to be believed: 0
// for what is not known is no cost. A bill of the provider's own is believed before, whatever our price.
func statedCost(reading *Reading) (Cost, bool) {
	femto, isCost := billed(reading.reported)
	if !isCost || femto.IsZero() || reading.IsBilled || reading.Doubt.Status == Unpriced {
		return Cost{}, false
	}
	return Cost{Status: Estimated, Reason: reasonStatedCost, Known: true, Femto: femto, Source: sourceProvider}, true
}

// withoutUsage returns what a call costs of which no usage is reported, with what its reader knows of the reason.
func withoutUsage(reading *Reading) Cost {
	if said, isSaid := statedCost(reading); isSaid {
		return said
	}
	if reading.Doubt.Status == Unpriced {
		return unpriced(reading.Doubt.Reason)
	}
	return unpriced(reasonNoUsage)
}

// changesPrice returns the first of some meters that changes what a reading costs, "" when none does. Where no provider
// tells the cost, all but reasoning, which is billed as the output it is inside of, may change it.
func (l *Ledger) changesPrice(reading *Reading, span *Span, meters []string) string {
	if len(meters) == 0 {
		return ""
	}
	whole := l.pricer.Price(l.callOf(reading, span))
	for _, meter := range meters {
		if !whole.Known {
			if meter != "reasoning_tokens" {
				return meter
			}
			continue
		}
		call := l.callOf(reading, span)
		call.Usage = slices.DeleteFunc(slices.Clone(call.Usage), func(amount Amount) bool { return amount.Meter == meter })
		if without := l.pricer.Price(call); !without.Known || without.Femto != whole.Femto {
			return meter
		}
	}
	return ""
}

// callOf returns what is to be priced; it holds until the next one is asked for.
func (l *Ledger) callOf(reading *Reading, span *Span) *Call {
	l.call = Call{
		Provider: reading.Provider, Model: reading.Model, RequestModel: reading.RequestModel, Usage: reading.Usage,
		AtNs: span.StartNs, ServiceTier: reading.ServiceTier, Processing: reading.Processing, Context: reading.Context,
	}
	if l.facts != nil {
		began := span.StartNs
		if reading.HasBegan {
			began = reading.BeganNs
		}
		l.call.DurationNs, l.call.HasDuration = span.EndNs-began, true
		l.call.Context = l.facts.FactsOf(reading.Context, span.Attributes, span.Resource)
	}
	return &l.call
}
