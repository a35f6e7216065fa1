// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"math/big"
	"slices"
	"sort"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/pricing"
)

// rateResolver resolves the rates of one match under one term: the card's tables with agreed rates in them, then the discount.
// What a term does not name stays as it is on the card. It is made anew for each match, because it keeps what it found on
// the way from table to rates.
type rateResolver struct {
	term     *term
	variants []contractTable
	// answered are the dimensions of the term's variant; share is what agreed rates take of the modifiers' product.
	answered map[string]string
	share    *big.Rat
}

func newRateResolver(c *pricing.RateCard, t *term) *rateResolver {
	found := &rateResolver{term: t}
	for _, variant := range t.variants {
		variant.when = c.Facts.Of(pricing.SortedFacts(variant.when))
		found.variants = append(found.variants, variant)
	}
	return found
}

// Variant returns the card's table with agreed rates in it, and the conditions that name it. answered are the dimensions of
// the card's variant.
//
// The term's own variant for the facts comes first; without one, its usual rates, which change the card's usual table as a
// whole, and of a variant of the card only what a variant does not replace: fees and measures.
func (a *rateResolver) Variant(
	units *pricing.Units, m *pricing.Match, table pricing.PriceTable, answered map[string]bool, names []string,
) (pricing.PriceTable, []string) {
	var own *contractTable
	for n := range a.variants {
		v := &a.variants[n]
		if pricing.ConditionsHold(v.when, m.Words) && (own == nil || len(v.when) > len(own.when)) {
			own = v
		}
	}
	a.answered = nil
	rates, steps := a.term.base.rates, a.term.base.steps
	if own != nil || len(answered) > 0 {
		kept := map[string]pricing.Rate{}
		for name, rate := range rates {
			if !units.Meters[units.ByName[name]].IsToken {
				kept[name] = rate
			}
		}
		rates, steps = kept, nil
	}
	if own != nil {
		a.answered = own.when
		rates, steps = pricing.Overlay(rates, own.rates), own.steps
		for dimension, value := range own.when {
			names = append(names, dimension+"="+value)
		}
		slices.Sort(names)
		names = slices.Compact(names)
	}
	found := table.WithRates(rates, namesOf(rates))
	found.Steps = merged(table.Steps, steps)
	return found, names
}

func namesOf(rates map[string]pricing.Rate) map[string]bool {
	found := make(map[string]bool, len(rates))
	for name := range rates {
		found[name] = true
	}
	return found
}

// merged returns the card's steps with a term's among them: one at a bound of the card changes that step; another one
// begins with the rates of the card's step below it.
func merged(listed, own []pricing.StepRow) []pricing.StepRow {
	found := slices.Clone(listed)
	for _, step := range own {
		var below map[string]pricing.Rate
		at := len(found)
		for n, other := range listed {
			if other.Meter == step.Meter && other.From <= step.From {
				below = other.Rates
				if other.From == step.From {
					at = n
				}
			}
		}
		step = pricing.StepRow{From: step.From, Meter: step.Meter, Rates: pricing.Overlay(below, step.Rates), Agreed: namesOf(step.Rates)}
		if at < len(found) {
			found[at] = step
		} else {
			found = append(found, step)
		}
	}
	sort.SliceStable(found, func(a, b int) bool { return found[a].From < found[b].From })
	return found
}

// Modifiers returns the names of the modifiers that hold, the contract's behind them, and works out the share that agreed
// rates take; answered gets the dimensions of the term's variant.
func (a *rateResolver) Modifiers(m *pricing.Match, by pricing.Applied, answered map[string]bool) pricing.Applied {
	a.share = big.NewRat(1, 1)
	for _, index := range by.Used {
		if found := &m.Provider.Modifiers[index]; found.X[0] != 0 && a.leavesAgreedRates(found) {
			a.share.Mul(a.share, big.NewRat(found.X[1], found.X[0]))
		}
	}
	for dimension := range a.answered {
		answered[dimension] = true
	}
	by.Names = append(slices.Clone(by.Names), "contract="+a.term.id)
	return by
}

// Doubt returns the doubt of all that the term prices, none when it is sure.
func (a *rateResolver) Doubt() cost.Doubt {
	if a.term.isAllocated {
		return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonAllocated}
	}
	return cost.Doubt{}
}

func (a *rateResolver) leavesAgreedRates(by *pricing.Modifier) bool {
	if a.term.skip["*"] || a.term.skip[by.ID] {
		return true
	}
	for dimension := range by.When {
		if _, isAnswered := a.answered[dimension]; isAnswered {
			return true
		}
	}
	return false
}

// Scaled returns a rate multiplied: that of tokens by modifiers and discount, others by a discount on all.
func (a *rateResolver) Scaled(m *pricing.Meter, rate, modifier pricing.Rate, isAgreed bool) pricing.Rate {
	found := new(big.Rat).Set(rate.Exact())
	if m.IsToken {
		found.Mul(found, modifier.Exact())
		if isAgreed {
			found.Mul(found, a.share)
		}
	}
	if m.IsToken || a.term.isForAll {
		found.Mul(found, a.term.factor.Exact())
	}
	return pricing.RateOf(found)
}
