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

// doubt returns the first doubt about the facts: a value without a rate, then a fact that was not reported.
func (c *RateCard) doubt(m *Match, e *entry, row *PeriodRow, answered map[string]bool) cost.Doubt {
	assumes := append(e.Assumes[:len(e.Assumes):len(e.Assumes)], row.Assumes...)
	for _, dimension := range c.Facts.mustBePriced {
		value, stated := m.Words[dimension]
		if !stated || answered[dimension] || e.isBase(dimension, value) || m.isReportedInstead(assumes, dimension) {
			continue
		}
		switch {
		case slices.Contains(c.Facts.places, dimension):
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonNoPlaceRate}
		case value == unknownFact:
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonUnknownTier}
		}
		return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonNoTierRate}
	}
	for _, assumed := range assumes {
		names := strings.Split(assumed, "|")
		if assumed != splitFact && !slices.ContainsFunc(names, func(name string) bool { return m.reported[name] }) {
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonAssumedFact + ":" + names[0]}
		}
	}
	for _, dimension := range m.silentOn {
		if !m.reported[dimension] && m.depends(e, row, dimension) {
			return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonAssumedFact + ":" + dimension}
		}
	}
	if m.ByRequest {
		return cost.Doubt{Status: cost.Estimated, Reason: cost.ReasonRequestedModel}
	}
	return cost.Doubt{}
}

// isBase reports whether the entry's own rates hold for a value of a fact.
func (e *entry) isBase(dimension, value string) bool {
	return slices.Contains(e.BaseFor[dimension], value) || slices.Contains(e.BaseFor[dimension], "*")
}

// isReportedInstead reports whether a fact was reported that reports enough in the place of another.
func (m *Match) isReportedInstead(assumes []string, dimension string) bool {
	for _, assumed := range assumes {
		if names := strings.Split(assumed, "|"); names[0] == dimension {
			return slices.ContainsFunc(names[1:], func(name string) bool { return m.reported[name] })
		}
	}
	return false
}

// depends reports whether a table or factor of the entry is for a value of a fact.
func (m *Match) depends(e *entry, row *PeriodRow, fact string) bool {
	for n := range row.Variants {
		if _, named := row.Variants[n].When[fact]; named {
			return true
		}
	}
	for _, index := range e.Modifiers {
		if _, named := m.Provider.Modifiers[index].When[fact]; named {
			return true
		}
	}
	return false
}

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

func instant(seconds *int64) string {
	if seconds == nil {
		return "launch"
	}
	return time.Unix(*seconds, 0).UTC().Format("2006-01-02T15:04:05Z")
}
