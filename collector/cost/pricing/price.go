// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"math/big"
	"math/bits"

	"github.com/spancost/spancost/collector/cost"
)

// Pricer prices calls by one rate card. It is safe for use by many goroutines.
type Pricer struct {
	card    *RateCard
	account AccountFacts
	suffix  string
	matches *MatchCache[ResolvedRates]
}

// NewPricer returns a pricer by a card.
func NewPricer(card *RateCard) *Pricer {
	return &Pricer{card: card, matches: NewMatchCache[ResolvedRates]()}
}

// Version is what goes into llm.pricing_version.
func (p *Pricer) Version() string { return p.card.version + p.suffix }

// Card is the card that is priced by.
func (p *Pricer) Card() *RateCard { return p.card }

// Item is a meter's share of a bill.
type Item struct {
	meter    int
	quantity cost.Quantity
	rate     Rate
}

// UsualItems is how many meters a call has at most, as a rule.
const UsualItems = 12

// Price returns what a call costs, or why its cost is unknown.
func (p *Pricer) Price(call *cost.Call) cost.Cost {
	var buf [UsualItems]Item
	_, cost := p.breakDown(call, buf[:0])
	return cost
}

// PriceAt is Price by the card's rates for the call.
func (p *Pricer) PriceAt(call *cost.Call, found *ResolvedRates) cost.Cost {
	var buf [UsualItems]Item
	_, cost := p.BreakDown(call, found, buf[:0])
	return cost
}

// breakDown breaks down a call: the cost of each meter, in buf where that is enough, and the cost.
func (p *Pricer) breakDown(call *cost.Call, buf []Item) ([]Item, cost.Cost) {
	return p.BreakDown(call, p.Rates(call), buf)
}

// Rates returns the card's rates for a call, and keeps it.
func (p *Pricer) Rates(call *cost.Call) *ResolvedRates {
	key := keyOf(call)
	found := p.matches.Get(key)
	if found == nil {
		if m, reason := p.card.Match(call, p.account); m == nil {
			found = &ResolvedRates{Unpriced: reason}
		} else {
			found = p.card.Resolve(m, nil)
		}
		p.matches.Keep(key.Owned(), found)
	}
	return found
}

// BreakDown prices a call at resolved rates.
func (p *Pricer) BreakDown(call *cost.Call, found *ResolvedRates, buf []Item) ([]Item, cost.Cost) {
	if found.Unpriced != "" {
		return nil, cost.UnpricedCost(found.Unpriced)
	}
	var usage quantities
	if !p.card.Units.checked(call.Usage, &usage) {
		return nil, cost.UnpricedCost(cost.ReasonBadUsage)
	}
	if len(call.Usage) == 0 {
		return nil, cost.UnpricedCost(cost.ReasonNoUsage)
	}
	at := found.period(call.AtNs)
	if at == nil {
		return nil, cost.UnpricedCost(cost.ReasonNoPriceAtTime)
	}
	return p.breakDownAt(&usage, call.Usage, at.level(&usage, call.AtNs), buf)
}

// breakDownAt prices what is left of each meter once its parts are taken out, and gathers what is in doubt.
func (p *Pricer) breakDownAt(usage *quantities, reported []cost.Amount, at *RateSet, items []Item) ([]Item, cost.Cost) {
	units := p.card.Units
	inconsistent := units.split(usage)
	if inconsistent != (cost.Doubt{}) && p.merge(reported, at, usage) {
		inconsistent = cost.Doubt{}
	}
	var missing, measure, guessed, assumed, unreported cost.Doubt
	implied := at.implied &^ usage.present
	for left := usage.present | implied; left != 0; left &= left - 1 {
		n := bits.TrailingZeros64(left)
		quantity := usage.get(n)
		if implied>>n&1 == 1 {
			quantity = cost.Whole(units.Meters[n].implied)
		}
		if quantity.Sign() == 0 {
			continue
		}
		source := at.billedBy[n]
		if source < 0 {
			lacks := cost.Doubt{Status: cost.Partial, Reason: cost.ReasonMissingRate + ":" + units.Meters[n].name}
			if units.Meters[n].isMeasure {
				measure = first(measure, lacks)
			} else {
				missing = first(missing, lacks)
			}
			continue
		}
		if at.estimates>>n&1 == 1 {
			guessed = first(guessed, cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonParentRate + ":" + units.Meters[n].name})
		}
		if n == units.splitBy && at.splitParts&^usage.present != 0 {
			assumed = cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonAssumedFact + ":" + splitFact}
		}
		if part := units.unreportedPart(n, at.unreported&^usage.present); part >= 0 {
			reason := cost.ReasonPartNotReported + ":" + units.Meters[part].name
			unreported = first(unreported, cost.Doubt{Status: cost.Partial, Reason: reason})
		}
		if least, some := at.minimum[n]; some && quantity.Cmp(cost.Whole(least)) < 0 {
			quantity = cost.Whole(least)
		}
		if most, some := at.maximum[n]; some && quantity.Cmp(cost.Whole(most)) > 0 {
			quantity = cost.Whole(most)
		}
		items = append(items, Item{n, quantity, at.rates[source]})
	}
	if len(items) == 0 {
		missing = first(missing, measure)
	}
	if usage.unknown {
		missing = first(missing, cost.Doubt{Status: cost.Partial, Reason: cost.ReasonUnknownMeter})
	}
	return items, total(items, at, worst(&missing, &inconsistent, &at.doubt, &guessed, &assumed, &unreported), missing != cost.Doubt{})
}

// merge splits what was reported without the parts that are billed as what is around them; false, and nothing is done,
// when that is in doubt too. Parts overlap where nothing reports by how much: cached tokens and tokens of sound, state. A part
// without a rate of its own need not be taken out, and then the others may fit.
func (p *Pricer) merge(reported []cost.Amount, at *RateSet, into *quantities) bool {
	units := p.card.Units
	var merged quantities
	units.checked(reported, &merged)
	present := merged.present
	for left := present; left != 0; left &= left - 1 {
		n := bits.TrailingZeros64(left)
		if source := at.billedBy[n]; source >= 0 && source != n && at.estimates>>n&1 == 0 {
			merged.remove(n)
		}
	}
	if units.split(&merged) != (cost.Doubt{}) {
		return false
	}
	merged.present = present
	*into = merged
	return true
}

func first(one, other cost.Doubt) cost.Doubt {
	if one == (cost.Doubt{}) {
		return other
	}
	return one
}

// worst returns the first doubt that makes a cost partial, else the first of all.
func worst(doubts ...*cost.Doubt) (found cost.Doubt) {
	for _, doubt := range doubts {
		switch doubt.Status {
		case "":
		case cost.Partial:
			return *doubt
		default:
			found = first(found, *doubt)
		}
	}
	return found
}

// total returns the cost of the items with what is in doubt; nothing priced is unpriced, never 0.
func total(items []Item, at *RateSet, doubt cost.Doubt, isMissing bool) cost.Cost {
	femto, isZero, fits := sum(items)
	switch {
	case !fits:
		return cost.UnpricedCost(cost.ReasonBadUsage)
	case doubt != cost.Doubt{} && isMissing && femto.IsZero():
		return cost.Cost{Status: cost.Unpriced, Reason: doubt.Reason, RateID: at.rateID}
	case doubt != cost.Doubt{}:
		return cost.Cost{Status: doubt.Status, Reason: doubt.Reason, Known: true, Femto: femto, RateID: at.rateID, Source: cost.SourceRateCard}
	case len(items) > 0 && isZero:
		return cost.Cost{Status: cost.Free, Reason: cost.ReasonFreeRate, Known: true, RateID: at.rateID, Source: cost.SourceRateCard}
	}
	return cost.Cost{Status: cost.Priced, Known: true, Femto: femto, RateID: at.rateID, Source: cost.SourceRateCard}
}

// sum adds the items up exactly and rounds once, half-even. It is false when the sum is beyond all reason.
func sum(items []Item) (femto cost.Femto, isZero, fits bool) {
	var hi, lo uint64
	for _, item := range items {
		n, whole := item.quantity.Int()
		if !whole || n < 0 || item.rate.Den != 1 {
			return sumOfFractions(items)
		}
		over, product := bits.Mul64(uint64(n), uint64(item.rate.Num))
		var carry uint64
		lo, carry = bits.Add64(lo, product, 0)
		hi += over + carry
	}
	return cost.FemtoOfBits(int64(hi), lo), hi|lo == 0, hi < 1<<62
}

func sumOfFractions(items []Item) (femto cost.Femto, isZero, fits bool) {
	exact := new(big.Rat)
	for _, item := range items {
		exact.Add(exact, item.rate.of(item.quantity))
	}
	femto, fits = cost.FemtoOfBig(cost.RoundDiv(exact.Num(), exact.Denom()))
	return femto, exact.Sign() == 0, fits
}

// LineItems returns what a call costs meter by meter, and the cost they add up to.
func (p *Pricer) LineItems(call *cost.Call) ([]cost.LineItem, cost.Cost) {
	items, cost := p.breakDown(call, nil)
	return p.LineItemsOf(items, cost), cost
}

func (p *Pricer) LineItemsOf(items []Item, result cost.Cost) []cost.LineItem {
	if !result.Known || len(items) == 0 {
		return nil
	}
	found := make([]cost.LineItem, len(items))
	rest, largest := result.Femto, 0
	for n, item := range items {
		unit := &p.card.Units.Meters[item.meter]
		femto, _ := item.rate.Cost(item.quantity)
		found[n] = cost.LineItem{Meter: unit.name, Quantity: item.quantity, Price: item.rate.Text(unit.per), Per: unit.per, Femto: femto}
		rest = rest.Add(femto.Neg())
		if femto.Cmp(found[largest].Femto) > 0 {
			largest = n
		}
	}
	found[largest].Femto = found[largest].Femto.Add(rest)
	return found
}
