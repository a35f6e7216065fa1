// SPDX-License-Identifier: Apache-2.0

package cost

// quantities are amounts by the number of their meter; present has a bit for each that was reported.
type quantities struct {
	present uint64
	of      [maxMeters]Quantity
	unknown bool
}

func (q *quantities) has(meter int) bool { return q.present>>meter&1 == 1 }

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
		into.present |= 1 << n
		into.of[n] = amount.Quantity
	}
	return true
}

// split takes parts out of the totals around them, the deepest first. What is left of each meter replaces its quantity.
// A part is cut to what is left of each total around it, which is then in doubt; so is usage that lacks the outermost
// total of a part.
func (u *Units) split(usage *quantities) Doubt {
	var doubt Doubt
	for _, n := range u.deepestFirst {
		if !usage.has(n) || usage.of[n].Sign() == 0 {
			continue
		}
		part := &u.meters[n]
		take := usage.of[n]
		for _, total := range part.ancestors {
			if usage.has(total) && usage.of[total].Cmp(take) < 0 {
				take = usage.of[total]
			}
		}
		for _, total := range part.ancestors {
			if usage.has(total) {
				usage.of[total] = usage.of[total].minus(take)
			}
		}
		if take.Cmp(usage.of[n]) < 0 {
			doubt = Doubt{Estimated, reasonInconsistentUsage}
		}
		usage.of[n] = take
		for _, root := range part.roots {
			if !usage.has(root) {
				doubt = Doubt{Partial, reasonMissingTotal}
			}
		}
	}
	return doubt
}
