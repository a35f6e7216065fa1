// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// rateContext is what stays the same for every level of one price period.
type rateContext struct {
	card    *RateCard
	row     *PeriodRow
	table   PriceTable
	minimum map[int]int64
	maximum map[int]int64
	doubt   cost.Doubt
	// isSplitAssumed is true where the provider documents no lifetime of cache writes that report none.
	isSplitAssumed bool
	// estimates are meters that the rate of a total bills only as an estimate.
	estimates []string
	// under is the term that the price period is changed by, nil for none.
	under Overrides
}

// tier returns the rates of a table at its base and at each of its steps.
func (with *rateContext) tier(parts []string, product Rate) tier {
	id := strings.Join(parts, ";")
	found := tier{base: with.level(id, with.table, product)}
	for _, row := range with.table.Steps {
		inner := with.level(fmt.Sprintf("%s;from=%d", id, row.From), with.table.WithRates(row.Rates, row.Agreed), product)
		meter, known := with.card.Units.ByName[row.Meter]
		if !known {
			meter = -1
		}
		found.steps = append(found.steps, step{meter, cost.Whole(row.From), inner})
	}
	return found
}

// level returns the rates of a table, multiplied by the modifiers, with what bills each meter.
func (with *rateContext) level(id string, table PriceTable, product Rate) *RateSet {
	units := with.card.Units
	count := len(units.Meters)
	found := &RateSet{rateID: id, minimum: with.minimum, maximum: with.maximum, doubt: with.doubt, rates: make([]Rate, count)}
	for name, rate := range table.Rates {
		n := units.ByName[name]
		if with.under != nil {
			rate = with.under.Scaled(&units.Meters[n], rate, product, table.agreed[name])
		} else if units.Meters[n].IsToken {
			rate = rate.times(product)
		}
		found.rates[n] = rate
		found.rated |= 1 << n
		if units.Meters[n].implied > 0 {
			found.implied |= 1 << n
		}
	}
	for n := range units.Meters {
		if with.isSplitAssumed && found.rated>>n&1 == 1 && slices.Contains(units.Meters[n].inside, units.splitBy) {
			if found.rated>>units.splitBy&1 == 0 || !found.rates[n].equals(found.rates[units.splitBy]) {
				found.splitParts |= 1 << n
			}
		}
	}
	for n := range units.Meters {
		if units.Meters[n].unreported && found.rated>>n&1 == 1 {
			for _, total := range units.Meters[n].inside {
				if found.rated>>total&1 == 0 || !found.rates[n].equals(found.rates[total]) {
					found.unreported |= 1 << n
				}
			}
		}
	}
	found.billedBy = make([]int, count)
	for n := range units.Meters {
		found.billedBy[n] = found.source(&units.Meters[n], n)
		unsure := units.Meters[n].parentRate == "estimate" || slices.Contains(with.estimates, units.Meters[n].name)
		if found.billedBy[n] != n && unsure {
			found.estimates |= 1 << n
		}
	}
	return found
}

// source returns the meter whose rate bills one: itself, else the nearest around it with a rate, where it may be.
func (l *RateSet) source(m *Meter, n int) int {
	if l.rated>>n&1 == 1 {
		return n
	}
	if m.parentRate != "none" {
		for _, total := range m.ancestors {
			if l.rated>>total&1 == 1 {
				return total
			}
		}
	}
	return -1
}
