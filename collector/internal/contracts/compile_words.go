// SPDX-License-Identifier: Apache-2.0

package contracts

import (
	"maps"
	"math/big"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
	"github.com/spancost/spancost/collector/cost/document"
)

// rates returns femto-dollars for one unit; a price is for as many as the meter is sold in.
func (c *compiler) rates(prices []price, at place) document.Value {
	found := document.NewMap()
	for _, row := range prices {
		if per := c.meter(row.meter, at.key(row.meter)); per > 0 {
			found.Set(row.meter, ratio(new(big.Rat).Quo(times(row.amount, femtoPerUSD), big.NewRat(per, 1))))
		}
	}
	return found
}

// meter returns how many units of a meter a price is for, 0 for one that the card does not have.
func (c *compiler) meter(name string, at place) int64 {
	meters := c.card.Meters()
	if per, known := meters[name]; known {
		return per
	}
	c.fail(at, "meter "+document.Quoted(name), "one of "+strings.Join(slices.Sorted(maps.Keys(meters)), ", "))
	return 0
}

// words returns facts in the card's words; those that state nothing out of the usual are refused.
func (c *compiler) words(facts []fact, at place) document.Value {
	c.known(facts, at, true)
	stated := make([]cost.Fact, len(facts))
	for n, fact := range facts {
		stated[n] = cost.Fact{Dimension: fact.dimension, Value: fact.text}
	}
	words := c.card.Words(stated)
	found := document.NewMap()
	for _, dimension := range slices.Sorted(maps.Keys(words)) {
		found.Set(dimension, document.OfString(words[dimension]))
	}
	return found
}

func (c *compiler) known(facts []fact, at place, mustSay bool) {
	known := c.card.FactDimensions()
	for _, fact := range facts {
		if !slices.Contains(known, fact.dimension) {
			c.fail(at.key(fact.dimension), "fact "+document.Quoted(fact.dimension), "one of "+strings.Join(known, ", "))
		}
		words := c.card.Words([]cost.Fact{{Dimension: fact.dimension, Value: fact.text}})
		isUnknown := slices.Contains(slices.Collect(maps.Values(words)), "unknown")
		if isUnknown || (mustSay && len(words) == 0) {
			c.fail(at.key(fact.dimension), document.Quoted(fact.text), "a value that the rate card tells apart")
		}
	}
}

func sorted[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }

func texts(from []string) document.Value {
	found := document.OfList()
	for _, text := range from {
		found.Append(document.OfString(text))
	}
	return found
}

func times(value *big.Rat, by int64) *big.Rat { return new(big.Rat).Mul(value, big.NewRat(by, 1)) }

// ratio returns a fraction as a contract holds it: a whole number, or [numerator, denominator].
func ratio(value *big.Rat) document.Value {
	if value.IsInt() {
		return document.OfBig(value.Num())
	}
	return document.OfList(document.OfBig(value.Num()), document.OfBig(value.Denom()))
}
