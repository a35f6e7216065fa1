// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"math/big"
	"math/bits"
)

// Sources of a cost (llm.cost_source).
const (
	sourceRateCard = "rate_card"
	sourceProvider = "provider"
	sourceContract = "contract"
	sourceHardware = "hardware"
	sourceManual   = "manual"
)

// Cost is what a call costs, or why that cannot be said.
type Cost struct {
	// Status is a value of llm.cost_status, Reason of llm.cost_reason (empty when the status is priced).
	Status, Reason string
	// Known is false exactly when no cost can be said; Femto is the cost when it is true.
	Known bool
	Femto Femto
	// RateID is enough, with the card's version, to find the rates again; Source is llm.cost_source.
	RateID, Source string
	// List is the list price, when ListKnown, when another source than the rate card gave the cost.
	ListKnown bool
	List      Femto
}

func unpriced(reason string) Cost { return Cost{Status: Unpriced, Reason: reason} }

// Pricer prices calls by one rate card. It is safe for use by many goroutines.
type Pricer struct {
	card    *RateCard
	account AccountFacts
	suffix  string
	offers  *recentOffers[offer]
}

// NewPricer returns a pricer by a card.
func NewPricer(card *RateCard) *Pricer { return &Pricer{card: card, offers: newRecentOffers[offer]()} }

// Version is what goes into llm.pricing_version.
func (p *Pricer) Version() string { return p.card.version + p.suffix }

// Card is the card that is priced by.
func (p *Pricer) Card() *RateCard { return p.card }

// item is a meter's share of a bill.
type item struct {
	meter    int
	quantity Quantity
	rate     Rate
}

// usualItems is how many meters a call has at most, as a rule.
const usualItems = 12

// Price returns what a call costs, or why that cannot be said.
func (p *Pricer) Price(call *Call) Cost {
	var room [usualItems]item
	_, cost := p.bill(call, room[:0])
	return cost
}

// priceUnder is Price by what the card offers the call.
func (p *Pricer) priceUnder(call *Call, found *offer) Cost {
	var room [usualItems]item
	_, cost := p.billUnder(call, found, room[:0])
	return cost
}

// bill works a call out: what is owed for each meter, in room where that is enough, and the cost.
func (p *Pricer) bill(call *Call, room []item) ([]item, Cost) {
	return p.billUnder(call, p.offer(call), room)
}

// offer returns what the card offers a call, and keeps it.
func (p *Pricer) offer(call *Call) *offer {
	key := keyOf(call)
	found := p.offers.get(key)
	if found == nil {
		if m, reason := p.card.match(call, p.account); m == nil {
			found = &offer{unpriced: reason}
		} else {
			found = p.card.offer(m, nil)
		}
		p.offers.keep(key.owned(), found)
	}
	return found
}

// billUnder works a call out at what an offer says.
func (p *Pricer) billUnder(call *Call, found *offer, room []item) ([]item, Cost) {
	if found.unpriced != "" {
		return nil, unpriced(found.unpriced)
	}
	var usage quantities
	if !p.card.units.checked(call.Usage, &usage) {
		return nil, unpriced(reasonBadUsage)
	}
	if len(call.Usage) == 0 {
		return nil, unpriced(reasonNoUsage)
	}
	at := found.period(call.AtNs)
	if at == nil {
		return nil, unpriced(reasonNoPriceAtTime)
	}
	return p.billAt(&usage, call.Usage, at.level(&usage, call.AtNs), room)
}

// billAt prices what is left of each meter once its parts are taken out, and gathers what is in doubt.
func (p *Pricer) billAt(usage *quantities, reported []Amount, at *level, items []item) ([]item, Cost) {
	units := p.card.units
	inconsistent := units.split(usage)
	if inconsistent != (Doubt{}) && p.merge(reported, at, usage) {
		inconsistent = Doubt{}
	}
	var missing, measure, guessed, assumed Doubt
	implied := at.implied &^ usage.present
	for left := usage.present | implied; left != 0; left &= left - 1 {
		n := bits.TrailingZeros64(left)
		quantity := usage.get(n)
		if implied>>n&1 == 1 {
			quantity = Whole(units.meters[n].implied)
		}
		if quantity.Sign() == 0 {
			continue
		}
		source := at.billedBy[n]
		if source < 0 {
			lacks := Doubt{Partial, reasonMissingRate + ":" + units.meters[n].name}
			if units.meters[n].isMeasure {
				measure = first(measure, lacks)
			} else {
				missing = first(missing, lacks)
			}
			continue
		}
		if at.estimates>>n&1 == 1 {
			guessed = first(guessed, Doubt{Estimated, reasonParentRate + ":" + units.meters[n].name})
		}
		if n == units.splitBy && at.splitParts&^usage.present != 0 {
			assumed = Doubt{Estimated, reasonAssumedFact + ":" + splitFact}
		}
		if least, some := at.minimum[n]; some && quantity.Cmp(Whole(least)) < 0 {
			quantity = Whole(least)
		}
		items = append(items, item{n, quantity, at.rates[source]})
	}
	if len(items) == 0 {
		missing = first(missing, measure)
	}
	if usage.unknown {
		missing = first(missing, Doubt{Partial, reasonUnknownMeter})
	}
	return items, total(items, at, worst(missing, inconsistent, at.doubt, guessed, assumed), missing != Doubt{})
}

// merge splits what was reported without the parts that are billed as what is around them; false, and nothing is done,
// when that is in doubt too. Parts overlap where nothing tells by how much: cached tokens and tokens of sound, say. A part
// without a rate of its own need not be taken out, and then the others may fit.
func (p *Pricer) merge(reported []Amount, at *level, into *quantities) bool {
	units := p.card.units
	var merged quantities
	units.checked(reported, &merged)
	present := merged.present
	for left := present; left != 0; left &= left - 1 {
		n := bits.TrailingZeros64(left)
		if source := at.billedBy[n]; source >= 0 && source != n && at.estimates>>n&1 == 0 {
			merged.remove(n)
		}
	}
	if units.split(&merged) != (Doubt{}) {
		return false
	}
	merged.present = present
	*into = merged
	return true
}

func first(one, other Doubt) Doubt {
	if one == (Doubt{}) {
		return other
	}
	return one
}

// worst returns the first doubt that makes a cost partial, else the first of all.
func worst(doubts ...Doubt) Doubt {
	var found Doubt
	for _, doubt := range doubts {
		if doubt.Status == Partial {
			return doubt
		}
		found = first(found, doubt)
	}
	return found
}

// total returns the cost of the items with what is in doubt; nothing priced is unpriced, never 0.
func total(items []item, at *level, doubt Doubt, isMissing bool) Cost {
	femto, isZero, fits := sum(items)
	switch {
	case !fits:
		return unpriced(reasonBadUsage)
	case doubt != Doubt{} && isMissing && femto.IsZero():
		return Cost{Status: Unpriced, Reason: doubt.Reason, RateID: at.rateID}
	case doubt != Doubt{}:
		return Cost{Status: doubt.Status, Reason: doubt.Reason, Known: true, Femto: femto, RateID: at.rateID, Source: sourceRateCard}
	case len(items) > 0 && isZero:
		return Cost{Status: Free, Reason: reasonFreeRate, Known: true, RateID: at.rateID, Source: sourceRateCard}
	}
	return Cost{Status: Priced, Known: true, Femto: femto, RateID: at.rateID, Source: sourceRateCard}
}

// sum adds the items up exactly and rounds once, half-even. It is false when the sum is beyond all reason.
func sum(items []item) (femto Femto, isZero, fits bool) {
	var hi, lo uint64
	for _, item := range items {
		n, whole := item.quantity.Int()
		if !whole || n < 0 || item.rate.den != 1 {
			return sumOfFractions(items)
		}
		over, product := bits.Mul64(uint64(n), uint64(item.rate.num))
		var carry uint64
		lo, carry = bits.Add64(lo, product, 0)
		hi += over + carry
	}
	return Femto{int64(hi), lo}, hi|lo == 0, hi < 1<<62
}

func sumOfFractions(items []item) (femto Femto, isZero, fits bool) {
	exact := new(big.Rat)
	for _, item := range items {
		exact.Add(exact, item.rate.of(item.quantity))
	}
	femto, fits = femtoOfBig(roundDiv(exact.Num(), exact.Denom()))
	return femto, exact.Sign() == 0, fits
}

// LineItem is one meter's share of a cost: Price is USD in decimal text for Per units.
type LineItem struct {
	Meter    string
	Quantity Quantity
	Price    string
	Per      int64
	Femto    Femto
}

// LineItems returns what a call costs meter by meter, and the cost they add up to.
func (p *Pricer) LineItems(call *Call) ([]LineItem, Cost) {
	items, cost := p.bill(call, nil)
	return p.lineItems(items, cost), cost
}

func (p *Pricer) lineItems(items []item, cost Cost) []LineItem {
	if !cost.Known || len(items) == 0 {
		return nil
	}
	found := make([]LineItem, len(items))
	rest, largest := cost.Femto, 0
	for n, item := range items {
		unit := &p.card.units.meters[item.meter]
		femto, _ := item.rate.cost(item.quantity)
		found[n] = LineItem{unit.name, item.quantity, item.rate.text(unit.per), unit.per, femto}
		rest = rest.Add(femto.Neg())
		if femto.Cmp(found[largest].Femto) > 0 {
			largest = n
		}
	}
	found[largest].Femto = found[largest].Femto.Add(rest)
	return found
}
