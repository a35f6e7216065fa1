// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"math/big"
	"slices"
	"sort"
)

// agreement makes the offer of one match under one term: the card's tables with agreed rates in them, then the discount.
// What a term does not name stays as it is on the card. It is made anew for each offer, because it keeps what it found on
// the way from table to rates.
type agreement struct {
	term     *term
	variants []agreedTable
	// answered are the dimensions of the term's variant; share is what agreed rates take of the modifiers' product.
	answered map[string]string
	share    *big.Rat
}

func (c *RateCard) agreementOf(t *term) *agreement {
	found := &agreement{term: t}
	for _, variant := range t.variants {
		variant.when = c.facts.of(sortedFacts(variant.when))
		found.variants = append(found.variants, variant)
	}
	return found
}

// change returns the card's table with agreed rates in it, and the conditions that name it. answered are the dimensions of
// the card's variant.
//
// The term's own variant for the facts comes first; without one, its usual rates, which change the card's usual table as a
// whole, and of a variant of the card only what a variant does not replace: fees and measures.
func (a *agreement) change(
	units *Units, m *matched, table priceTable, answered map[string]bool, names []string,
) (priceTable, []string) {
	var own *agreedTable
	for n := range a.variants {
		v := &a.variants[n]
		if holds(v.when, m.words) && (own == nil || len(v.when) > len(own.when)) {
			own = v
		}
	}
	a.answered = nil
	rates, steps := a.term.base.rates, a.term.base.steps
	if own != nil || len(answered) > 0 {
		kept := map[string]Rate{}
		for name, rate := range rates {
			if !units.meters[units.byName[name]].isToken {
				kept[name] = rate
			}
		}
		rates, steps = kept, nil
	}
	if own != nil {
		a.answered = own.when
		rates, steps = overlaid(rates, own.rates), own.steps
		for dimension, value := range own.when {
			names = append(names, dimension+"="+value)
		}
		slices.Sort(names)
		names = slices.Compact(names)
	}
	found := table.beneath(rates, namesOf(rates))
	found.Steps = merged(table.Steps, steps)
	return found, names
}

func namesOf(rates map[string]Rate) map[string]bool {
	found := make(map[string]bool, len(rates))
	for name := range rates {
		found[name] = true
	}
	return found
}

// merged returns the card's steps with a term's among them: one at a bound of the card changes that step; another one
// begins with the rates of the card's step beneath it.
func merged(listed, own []stepRow) []stepRow {
	found := slices.Clone(listed)
	for _, step := range own {
		var beneath map[string]Rate
		at := len(found)
		for n, other := range listed {
			if other.Meter == step.Meter && other.From <= step.From {
				beneath = other.Rates
				if other.From == step.From {
					at = n
				}
			}
		}
		step = stepRow{From: step.From, Meter: step.Meter, Rates: overlaid(beneath, step.Rates), agreed: namesOf(step.Rates)}
		if at < len(found) {
			found[at] = step
		} else {
			found = append(found, step)
		}
	}
	sort.SliceStable(found, func(a, b int) bool { return found[a].From < found[b].From })
	return found
}

// multiplied returns the names of the modifiers that hold, the contract's behind them, and works out the share that agreed
// rates take; answered gets the dimensions of the term's variant.
func (a *agreement) multiplied(m *matched, by applied, answered map[string]bool) applied {
	a.share = big.NewRat(1, 1)
	for _, index := range by.used {
		if found := &m.provider.Modifiers[index]; found.X[0] != 0 && a.leavesAgreedRates(found) {
			a.share.Mul(a.share, big.NewRat(found.X[1], found.X[0]))
		}
	}
	for dimension := range a.answered {
		answered[dimension] = true
	}
	by.names = append(slices.Clone(by.names), "contract="+a.term.id)
	return by
}

func (a *agreement) leavesAgreedRates(by *modifier) bool {
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

// scaled returns a rate multiplied: that of tokens by modifiers and discount, others by a discount on all.
func (a *agreement) scaled(m *meter, rate, modifier Rate, isAgreed bool) Rate {
	found := new(big.Rat).Set(rate.exact())
	if m.isToken {
		found.Mul(found, modifier.exact())
		if isAgreed {
			found.Mul(found, a.share)
		}
	}
	if m.isToken || a.term.isForAll {
		found.Mul(found, a.term.factor.exact())
	}
	return rateOf(found)
}
