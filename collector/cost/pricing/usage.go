// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"math/big"

	"github.com/spancost/spancost/collector/cost"
)

// quantities are amounts by the number of their meter; present has a bit for each that was reported, fractions one for
// each that is no whole number.
type quantities struct {
	present, fractions uint64
	whole              [maxMeters]int64
	parts              map[int]*big.Rat
	unknown            bool
}

func (q *quantities) has(meter int) bool { return q.present>>meter&1 == 1 }

func (q *quantities) get(meter int) cost.Quantity {
	if q.fractions>>meter&1 == 1 {
		return cost.Fraction(q.parts[meter])
	}
	return cost.Whole(q.whole[meter])
}

func (q *quantities) set(meter int, quantity cost.Quantity) {
	q.present |= 1 << meter
	q.fractions &^= 1 << meter
	n, isWhole := quantity.Int()
	q.whole[meter] = n
	if !isWhole {
		q.fractions |= 1 << meter
		if q.parts == nil {
			q.parts = map[int]*big.Rat{}
		}
		q.parts[meter] = quantity.Rat()
	}
}

func (q *quantities) remove(meter int) {
	q.present &^= 1 << meter
	q.fractions &^= 1 << meter
	q.whole[meter] = 0
}

// checked sorts amounts by meter; false when one is negative, not finite, no number, or half a token.
func (u *Units) checked(usage []cost.Amount, into *quantities) bool {
	for _, amount := range usage {
		if amount.Bad || amount.Quantity.Sign() < 0 {
			return false
		}
		n, known := u.ByName[amount.Meter]
		if !known {
			into.unknown = into.unknown || amount.Quantity.Sign() > 0
			continue
		}
		if u.Meters[n].IsToken && !amount.Quantity.IsWhole() {
			return false
		}
		into.set(n, amount.Quantity)
	}
	return true
}

// split takes parts out of the totals around them, the deepest first. What is left of each meter replaces its quantity.
// A part is cut to what is left of each total around it, which is then in doubt; so is usage that lacks the outermost
// total of a part.
func (u *Units) split(usage *quantities) cost.Doubt {
	if usage.present&u.parts == 0 {
		return cost.Doubt{}
	}
	if usage.fractions != 0 {
		return u.splitFractions(usage)
	}
	var doubt cost.Doubt
	for _, n := range u.deepestFirst {
		if !usage.has(n) || usage.whole[n] == 0 {
			continue
		}
		part := &u.Meters[n]
		take := usage.whole[n]
		for _, total := range part.ancestors {
			if usage.has(total) {
				take = min(take, usage.whole[total])
			}
		}
		for _, total := range part.ancestors {
			if usage.has(total) {
				usage.whole[total] -= take
			}
		}
		doubt = part.doubt(doubt, take < usage.whole[n], usage)
		usage.whole[n] = take
	}
	return doubt
}

func (m *Meter) doubt(before cost.Doubt, isCut bool, usage *quantities) cost.Doubt {
	if isCut {
		before = cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonInconsistentUsage}
	}
	for _, root := range m.roots {
		if !usage.has(root) {
			before = cost.Doubt{Status: cost.Partial, Reason: cost.ReasonMissingTotal}
		}
	}
	return before
}

func (u *Units) splitFractions(usage *quantities) cost.Doubt {
	var doubt cost.Doubt
	for _, n := range u.deepestFirst {
		if !usage.has(n) || usage.get(n).Sign() == 0 {
			continue
		}
		part := &u.Meters[n]
		take := usage.get(n)
		for _, total := range part.ancestors {
			if usage.has(total) && usage.get(total).Cmp(take) < 0 {
				take = usage.get(total)
			}
		}
		for _, total := range part.ancestors {
			if usage.has(total) {
				usage.set(total, usage.get(total).Minus(take))
			}
		}
		doubt = part.doubt(doubt, take.Cmp(usage.get(n)) < 0, usage)
		usage.set(n, take)
	}
	return doubt
}
