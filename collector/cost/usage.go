// SPDX-License-Identifier: Apache-2.0

package cost

import "math/big"

// quantities are amounts by the number of their meter; present has a bit for each that was reported, fractions one for
// each that is no whole number.
type quantities struct {
	present, fractions uint64
	whole              [maxMeters]int64
	parts              map[int]*big.Rat
	unknown            bool
}

func (q *quantities) has(meter int) bool { return q.present>>meter&1 == 1 }

func (q *quantities) get(meter int) Quantity {
	if q.fractions>>meter&1 == 1 {
		return Quantity{part: q.parts[meter]}
	}
	return Quantity{whole: q.whole[meter]}
}

func (q *quantities) set(meter int, quantity Quantity) {
	q.present |= 1 << meter
	q.fractions &^= 1 << meter
	q.whole[meter] = quantity.whole
	if quantity.part != nil {
		q.fractions |= 1 << meter
		if q.parts == nil {
			q.parts = map[int]*big.Rat{}
		}
		q.parts[meter] = quantity.part
	}
}

func (q *quantities) remove(meter int) {
	q.present &^= 1 << meter
	q.fractions &^= 1 << meter
	q.whole[meter] = 0
}

// checked sorts amounts by meter; false when one is negative, not finite, no number, or half a token.
func (u *Units) checked(usage []Amount, into *quantities) bool {
	for _, amount := range usage {
		if amount.Bad || amount.Quantity.Sign() < 0 {
			return false
		}
		n, known := u.byName[amount.Meter]
		if !known {
			into.unknown = into.unknown || amount.Quantity.Sign() > 0
			continue
		}
		if u.meters[n].isToken && !amount.Quantity.IsWhole() {
			return false
		}
		into.set(n, amount.Quantity)
	}
	return true
}

// split takes parts out of the totals around them, the deepest first. What is left of each meter replaces its quantity.
// A part is cut to what is left of each total around it, which is then in doubt; so is usage that lacks the outermost
// total of a part.
func (u *Units) split(usage *quantities) Doubt {
	if usage.fractions != 0 {
		return u.splitFractions(usage)
	}
	var doubt Doubt
	for _, n := range u.deepestFirst {
		if !usage.has(n) || usage.whole[n] == 0 {
			continue
		}
		part := &u.meters[n]
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

func (m *meter) doubt(before Doubt, isCut bool, usage *quantities) Doubt {
	if isCut {
		before = Doubt{Estimated, reasonInconsistentUsage}
	}
	for _, root := range m.roots {
		if !usage.has(root) {
			before = Doubt{Partial, reasonMissingTotal}
		}
	}
	return before
}

func (u *Units) splitFractions(usage *quantities) Doubt {
	var doubt Doubt
	for _, n := range u.deepestFirst {
		if !usage.has(n) || usage.get(n).Sign() == 0 {
			continue
		}
		part := &u.meters[n]
		take := usage.get(n)
		for _, total := range part.ancestors {
			if usage.has(total) && usage.get(total).Cmp(take) < 0 {
				take = usage.get(total)
			}
		}
		for _, total := range part.ancestors {
			if usage.has(total) {
				usage.set(total, usage.get(total).minus(take))
			}
		}
		doubt = part.doubt(doubt, take.Cmp(usage.get(n)) < 0, usage)
		usage.set(n, take)
	}
	return doubt
}
