// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/spancost/spancost/collector/cost"
)

// Overrides are agreed rates in the place of a card's (package contract).
type Overrides interface {
	// Variant returns a price table with agreed rates in it, and the conditions that name it.
	Variant(units *Units, m *Match, table PriceTable, answered map[string]bool, names []string) (PriceTable, []string)
	// Modifiers returns the modifiers that hold; answered gets the dimensions of the variant.
	Modifiers(m *Match, by Applied, answered map[string]bool) Applied
	// Scaled returns a rate multiplied by the modifiers' product.
	Scaled(m *Meter, rate, modifier Rate, isAgreed bool) Rate
	// Doubt returns the doubt of all that is priced so, none when it is sure.
	Doubt() cost.Doubt
}

// Resolve returns the rates of the matched entries under a contract's term, nil for none. It runs once for each match.
func (c *RateCard) Resolve(m *Match, under Overrides) *ResolvedRates {
	found := &ResolvedRates{}
	for n, span := range m.Spans {
		var until *int64
		if n+1 < len(m.Spans) {
			until = m.Spans[n+1].from
		}
		e := m.Provider.Models[span.Entry]
		for k := range e.Periods {
			var eraUntil *int64
			if k+1 < len(e.Periods) {
				eraUntil = e.Periods[k+1].From
			}
			low, high := latest(span.from, e.Periods[k].From), earliest(until, eraUntil)
			if low == nil || high == nil || *low < *high {
				found.periods = append(found.periods, c.period(m, under, span.Entry, e, &e.Periods[k], low, high))
			}
		}
	}
	for a, b := 0, len(found.periods)-1; a < b; a, b = a+1, b-1 {
		found.periods[a], found.periods[b] = found.periods[b], found.periods[a]
	}
	return found
}

// byMeter returns limits by the number of the meter; nil for none.
func (c *RateCard) byMeter(limits map[string]int64) map[int]int64 {
	var found map[int]int64
	for name, limit := range limits {
		if n, known := c.Units.ByName[name]; known {
			if found == nil {
				found = map[int]int64{}
			}
			found[n] = limit
		}
	}
	return found
}

func (c *RateCard) period(m *Match, under Overrides, id string, e *entry, row *PeriodRow, low, high *int64) PricePeriod {
	table, answered, variantID := c.variant(row, m.Words)
	product, modifierIDs := modifiersOf(m, e, answered)
	if under != nil {
		table, variantID = under.Variant(c.Units, m, table, answered, variantID)
		modifierIDs = under.Modifiers(m, modifierIDs, answered)
	}
	for _, index := range modifierIDs.Used {
		for dimension := range m.Provider.Modifiers[index].When {
			answered[dimension] = true
		}
	}
	parts := []string{fmt.Sprintf("%s/%s@%s", m.Provider.name, id, instant(row.From))}
	parts = append(append(parts, variantID...), modifierIDs.Names...)
	with := &rateContext{
		card: c, row: row, table: table, doubt: c.doubt(m, e, row, answered), under: under,
		isSplitAssumed: slices.Contains(e.Assumes, splitFact), estimates: m.Provider.Estimates,
	}
	if with.doubt == (cost.Doubt{}) && under != nil {
		with.doubt = under.Doubt()
	}
	with.minimum, with.maximum = c.byMeter(row.Minimum), c.byMeter(row.Maximum)
	found := PricePeriod{fromNs: inNs(low), untilNs: inNs(high), tier: with.tier(parts, product)}
	for _, w := range row.Windows {
		within := *with
		within.table = table.WithRates(w.Rates, nil)
		within.table.Steps = table.Steps
		tier := within.tier(append(parts[:len(parts):len(parts)], w.ID), product.times(w.factor()))
		inner := window{days: w.Days, minutes: w.Minutes, tier: tier}
		if w.Except != nil {
			inner.notOn = c.calendars[*w.Except]
		}
		found.windows = append(found.windows, inner)
	}
	return found
}

// variant returns the price table for the facts, the dimensions it answers, and its name: most conditions, then first.
func (c *RateCard) variant(row *PeriodRow, facts map[string]string) (PriceTable, map[string]bool, []string) {
	var best *variantRow
	for n := range row.Variants {
		v := &row.Variants[n]
		if ConditionsHold(v.When, facts) && (best == nil || len(v.When) > len(best.When)) {
			best = v
		}
	}
	answered := map[string]bool{}
	if best == nil {
		return row.PriceTable, answered, nil
	}
	// A variant replaces the rates of tokens as a whole; fees and measures that it does not name stay.
	kept := map[string]Rate{}
	for name, rate := range row.Rates {
		if !c.Units.Meters[c.Units.ByName[name]].IsToken {
			kept[name] = rate
		}
	}
	var id []string
	for dimension, value := range best.When {
		answered[dimension] = true
		id = append(id, dimension+"="+value)
	}
	sort.Slice(id, func(a, b int) bool {
		left, _, _ := strings.Cut(id[a], "=")
		right, _, _ := strings.Cut(id[b], "=")
		return left < right
	})
	return PriceTable{Rates: Overlay(kept, best.Rates), Steps: best.Steps}, answered, id
}

// WithRates returns the table's rates with others over them, of which some are agreed.
func (t PriceTable) WithRates(over map[string]Rate, agreed map[string]bool) PriceTable {
	found := PriceTable{Rates: Overlay(t.Rates, over)}
	if len(t.agreed)+len(agreed) == 0 {
		return found
	}
	found.agreed = maps.Clone(agreed)
	if found.agreed == nil {
		found.agreed = map[string]bool{}
	}
	for name := range t.agreed {
		if _, replaced := over[name]; !replaced {
			found.agreed[name] = true
		}
	}
	return found
}

func Overlay(base, over map[string]Rate) map[string]Rate {
	all := maps.Clone(base)
	if all == nil {
		all = map[string]Rate{}
	}
	maps.Copy(all, over)
	return all
}

func ConditionsHold(when, facts map[string]string) bool {
	for dimension, value := range when {
		if found, known := facts[dimension]; !known || found != value {
			return false
		}
	}
	return true
}

type Applied struct {
	Used  []int
	Names []string
}

// modifiersOf returns the product of the modifiers whose conditions hold and are not answered by the variant already.
func modifiersOf(m *Match, e *entry, answered map[string]bool) (Rate, Applied) {
	product := Rate{Num: 1, Den: 1}
	var found Applied
next:
	for _, index := range e.Modifiers {
		by := &m.Provider.Modifiers[index]
		for dimension := range by.When {
			if answered[dimension] {
				continue next
			}
		}
		if !ConditionsHold(by.When, m.Words) {
			continue
		}
		product = product.times(Rate{Num: by.X[0], Den: by.X[1]})
		found.Used = append(found.Used, index)
		found.Names = append(found.Names, by.ID)
	}
	return product, found
}

func instant(seconds *int64) string {
	if seconds == nil {
		return "launch"
	}
	return time.Unix(*seconds, 0).UTC().Format("2006-01-02T15:04:05Z")
}
