// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"slices"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/dialect"
)

// price returns what the pricer states a reading costs.
func (l *Ledger) price(reading *cost.Reading, span *cost.Span) cost.Cost {
	call := l.callFor(reading, span)
	if l.card == nil || l.plan == nil {
		return l.pricer.Price(call)
	}
	if l.plan.rates == nil {
		l.plan.rates = l.card.Rates(call)
	}
	return l.card.PriceAt(call, l.plan.rates)
}

// cost returns what a reading costs: the provider's own bill before the rate card; its doubts go into the status.
func (l *Ledger) cost(reading *cost.Reading, span *cost.Span, found classification) cost.Cost {
	if reading.Doubt.Status == cost.NotBilled {
		return cost.Cost{Status: cost.NotBilled, Reason: reading.Doubt.Reason, Known: true}
	}
	if len(reading.Usage) == 0 && l.facts == nil {
		return withoutUsage(reading)
	}
	result := l.price(reading, span)
	switch {
	case len(reading.Usage) == 0 && !result.Known:
		return withoutUsage(reading)
	case !result.Known && !reading.IsBilled:
		if stated, isStated := statedCost(reading); isStated {
			return stated
		}
	case result.Source == cost.SourceManual:
		return result
	case reading.IsBilled && !reading.Billed.IsZero():
		// A bill of 0 for tokens states who paid, not what they cost.
		if !result.ListKnown {
			result.ListKnown, result.List = result.Known, result.Femto
		}
		return cost.Cost{
			Status: cost.Priced, Known: true, Femto: reading.Billed, RateID: result.RateID, Source: cost.SourceProvider,
			ListKnown: result.ListKnown, List: result.List,
		}
	}
	doubt := reading.Doubt
	if doubt == (cost.Doubt{}) && found.reason != "" {
		doubt = cost.Doubt{Status: cost.Estimated, Reason: found.reason}
	}
	if doubt == (cost.Doubt{}) || cost.Severity(doubt.Status) <= cost.Severity(result.Status) {
		return result
	}
	result.Status, result.Reason = doubt.Status, doubt.Reason
	if doubt.Status == cost.Unpriced {
		result.Known, result.Femto = false, cost.Femto{}
	}
	return result
}

// statesCostAlone reports whether a reading has no usage but a cost, which somebody else put on the span.
func statesCostAlone(reading *cost.Reading) bool {
	if len(reading.Usage) > 0 || reading.IsBilled {
		return false
	}
	femto, isCost := dialect.BilledAmount(reading.Reported)
	return isCost && !femto.IsZero()
}

// statedCost returns the cost that a span states, for what has no price of ours; false when it states none to be believed: 0
// for what is not known is no cost. A bill of the provider's own is believed before, whatever our price.
func statedCost(reading *cost.Reading) (cost.Cost, bool) {
	femto, isCost := dialect.BilledAmount(reading.Reported)
	if !isCost || femto.IsZero() || reading.IsBilled || reading.Doubt.Status == cost.Unpriced {
		return cost.Cost{}, false
	}
	return cost.Cost{Status: cost.Estimated, Reason: cost.ReasonStatedCost, Known: true, Femto: femto, Source: cost.SourceProvider}, true
}

// withoutUsage returns what a call costs of which no usage is reported, with what its reader knows of the reason.
func withoutUsage(reading *cost.Reading) cost.Cost {
	if stated, isStated := statedCost(reading); isStated {
		return stated
	}
	if reading.Doubt.Status == cost.Unpriced {
		return cost.UnpricedCost(reading.Doubt.Reason)
	}
	return cost.UnpricedCost(cost.ReasonNoUsage)
}

// changedBy returns the first of some meters that changes what a reading costs, "" when none does. Where no provider
// reports the cost, all but reasoning, which is billed as the output it is inside of, may change it.
func (l *Ledger) changedBy(reading *cost.Reading, span *cost.Span, meters []string) string {
	if len(meters) == 0 {
		return ""
	}
	whole := l.pricer.Price(l.callFor(reading, span))
	for _, meter := range meters {
		if !whole.Known {
			if meter != "reasoning_tokens" {
				return meter
			}
			continue
		}
		call := l.callFor(reading, span)
		call.Usage = slices.DeleteFunc(slices.Clone(call.Usage), func(amount cost.Amount) bool { return amount.Meter == meter })
		if without := l.pricer.Price(call); !without.Known || without.Femto != whole.Femto {
			return meter
		}
	}
	return ""
}

// callFor returns what is to be priced; it holds until the next one is asked for.
func (l *Ledger) callFor(reading *cost.Reading, span *cost.Span) *cost.Call {
	l.call = cost.Call{
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
