// SPDX-License-Identifier: Apache-2.0

package cost

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"
)

// offer returns what the matched entries offer under a term of a contract, nil for none. All that does not depend on one
// call's quantities and time is worked out here, once for each match.
func (c *RateCard) offer(m *matched, under *agreement) *offer {
	found := &offer{}
	for n, span := range m.spans {
		var until *int64
		if n+1 < len(m.spans) {
			until = m.spans[n+1].from
		}
		e := m.provider.Models[span.entry]
		for k := range e.Eras {
			var eraUntil *int64
			if k+1 < len(e.Eras) {
				eraUntil = e.Eras[k+1].From
			}
			low, high := latest(span.from, e.Eras[k].From), earliest(until, eraUntil)
			if low == nil || high == nil || *low < *high {
				found.periods = append(found.periods, c.period(m, under, span.entry, e, &e.Eras[k], low, high))
			}
		}
	}
	for a, b := 0, len(found.periods)-1; a < b; a, b = a+1, b-1 {
		found.periods[a], found.periods[b] = found.periods[b], found.periods[a]
	}
	return found
}

// choice is what stays the same for every level of one era.
type choice struct {
	card    *RateCard
	row     *eraRow
	table   priceTable
	minimum map[int]int64
	doubt   Doubt
	// isSplitAssumed is true where the provider documents no lifetime of cache writes that tell none.
	isSplitAssumed bool
	// estimates are meters that the rate of a total bills only as an estimate.
	estimates []string
	// under is the term that the era is changed by, nil for none.
	under *agreement
}

func (c *RateCard) period(m *matched, under *agreement, id string, e *entry, row *eraRow, low, high *int64) period {
	table, answered, variantID := c.variant(row, m.words)
	product, modifierIDs := multiplied(m, e, answered)
	if under != nil {
		table, variantID = under.change(c.units, m, table, answered, variantID)
		modifierIDs = under.multiplied(m, modifierIDs, answered)
	}
	for _, index := range modifierIDs.used {
		for dimension := range m.provider.Modifiers[index].When {
			answered[dimension] = true
		}
	}
	parts := []string{fmt.Sprintf("%s/%s@%s", m.provider.name, id, instant(row.From))}
	parts = append(append(parts, variantID...), modifierIDs.names...)
	with := &choice{
		card: c, row: row, table: table, doubt: c.doubt(m, e, row, answered), under: under,
		isSplitAssumed: slices.Contains(e.Assumes, splitFact), estimates: m.provider.Estimates,
	}
	if with.doubt == (Doubt{}) && under != nil && under.term.isAllocated {
		with.doubt = Doubt{Estimated, reasonAllocated}
	}
	for name, least := range row.Minimum {
		if with.minimum == nil {
			with.minimum = map[int]int64{}
		}
		if n, known := c.units.byName[name]; known {
			with.minimum[n] = least
		}
	}
	found := period{fromNs: inNs(low), untilNs: inNs(high), tier: with.tier(parts, product)}
	for _, w := range row.Windows {
		within := *with
		within.table = table.beneath(w.Rates, nil)
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
func (c *RateCard) variant(row *eraRow, facts map[string]string) (priceTable, map[string]bool, []string) {
	var best *variantRow
	for n := range row.Variants {
		v := &row.Variants[n]
		if holds(v.When, facts) && (best == nil || len(v.When) > len(best.When)) {
			best = v
		}
	}
	answered := map[string]bool{}
	if best == nil {
		return row.priceTable, answered, nil
	}
	// A variant replaces the rates of tokens as a whole; fees and measures that it does not name stay.
	kept := map[string]Rate{}
	for name, rate := range row.Rates {
		if !c.units.meters[c.units.byName[name]].isToken {
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
	return priceTable{Rates: overlaid(kept, best.Rates), Steps: best.Steps}, answered, id
}

// beneath returns the table's rates with others over them, of which some are agreed.
func (t priceTable) beneath(over map[string]Rate, agreed map[string]bool) priceTable {
	found := priceTable{Rates: overlaid(t.Rates, over)}
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

func overlaid(base, over map[string]Rate) map[string]Rate {
	all := maps.Clone(base)
	if all == nil {
		all = map[string]Rate{}
	}
	maps.Copy(all, over)
	return all
}

func holds(when, facts map[string]string) bool {
	for dimension, value := range when {
		if found, known := facts[dimension]; !known || found != value {
			return false
		}
	}
	return true
}

type applied struct {
	used  []int
	names []string
}

// multiplied returns the product of the modifiers whose conditions hold and are not answered by the variant already.
func multiplied(m *matched, e *entry, answered map[string]bool) (Rate, applied) {
	product := Rate{num: 1, den: 1}
	var found applied
next:
	for _, index := range e.Modifiers {
		by := &m.provider.Modifiers[index]
		for dimension := range by.When {
			if answered[dimension] {
				continue next
			}
		}
		if !holds(by.When, m.words) {
			continue
		}
		product = product.times(Rate{num: by.X[0], den: by.X[1]})
		found.used = append(found.used, index)
		found.names = append(found.names, by.ID)
	}
	return product, found
}

// doubt returns the first doubt about the facts: a value without a rate, then a fact that was not reported.
func (c *RateCard) doubt(m *matched, e *entry, row *eraRow, answered map[string]bool) Doubt {
	assumes := append(e.Assumes[:len(e.Assumes):len(e.Assumes)], row.Assumes...)
	for _, dimension := range c.facts.mustBePriced {
		value, stated := m.words[dimension]
		if !stated || answered[dimension] || e.isBase(dimension, value) || m.isToldInstead(assumes, dimension) {
			continue
		}
		switch {
		case slices.Contains(c.facts.places, dimension):
			return Doubt{Estimated, reasonNoPlaceRate}
		case value == unknownFact:
			return Doubt{Estimated, reasonUnknownTier}
		}
		return Doubt{Estimated, reasonNoTierRate}
	}
	for _, assumed := range assumes {
		names := strings.Split(assumed, "|")
		if assumed != splitFact && !slices.ContainsFunc(names, func(name string) bool { return m.reported[name] }) {
			return Doubt{Estimated, reasonAssumedFact + ":" + names[0]}
		}
	}
	for _, dimension := range m.silentOn {
		if !m.reported[dimension] && m.depends(e, row, dimension) {
			return Doubt{Estimated, reasonAssumedFact + ":" + dimension}
		}
	}
	if m.byRequest {
		return Doubt{Estimated, reasonRequestedModel}
	}
	return Doubt{}
}

// isBase tells whether the entry's own rates hold for a value of a fact.
func (e *entry) isBase(dimension, value string) bool {
	return slices.Contains(e.BaseFor[dimension], value) || slices.Contains(e.BaseFor[dimension], "*")
}

// isToldInstead tells whether a fact was reported that tells enough in the place of another.
func (m *matched) isToldInstead(assumes []string, dimension string) bool {
	for _, assumed := range assumes {
		if names := strings.Split(assumed, "|"); names[0] == dimension {
			return slices.ContainsFunc(names[1:], func(name string) bool { return m.reported[name] })
		}
	}
	return false
}

// depends tells whether a table or factor of the entry is for a value of a fact.
func (m *matched) depends(e *entry, row *eraRow, fact string) bool {
	for n := range row.Variants {
		if _, named := row.Variants[n].When[fact]; named {
			return true
		}
	}
	for _, index := range e.Modifiers {
		if _, named := m.provider.Modifiers[index].When[fact]; named {
			return true
		}
	}
	return false
}

func (with *choice) tier(parts []string, product Rate) tier {
	id := strings.Join(parts, ";")
	found := tier{base: with.level(id, with.table, product)}
	for _, row := range with.table.Steps {
		inner := with.level(fmt.Sprintf("%s;from=%d", id, row.From), with.table.beneath(row.Rates, row.agreed), product)
		meter, known := with.card.units.byName[row.Meter]
		if !known {
			meter = -1
		}
		found.steps = append(found.steps, step{meter, Whole(row.From), inner})
	}
	return found
}

func (with *choice) level(id string, table priceTable, product Rate) *level {
	units := with.card.units
	count := len(units.meters)
	found := &level{rateID: id, minimum: with.minimum, doubt: with.doubt, rates: make([]Rate, count)}
	for name, rate := range table.Rates {
		n := units.byName[name]
		if with.under != nil {
			rate = with.under.scaled(&units.meters[n], rate, product, table.agreed[name])
		} else if units.meters[n].isToken {
			rate = rate.times(product)
		}
		found.rates[n] = rate
		found.rated |= 1 << n
		if units.meters[n].implied > 0 {
			found.implied |= 1 << n
		}
	}
	for n := range units.meters {
		if with.isSplitAssumed && found.rated>>n&1 == 1 && slices.Contains(units.meters[n].inside, units.splitBy) {
			if found.rated>>units.splitBy&1 == 0 || !found.rates[n].equals(found.rates[units.splitBy]) {
				found.splitParts |= 1 << n
			}
		}
	}
	found.billedBy = make([]int, count)
	for n := range units.meters {
		found.billedBy[n] = found.source(&units.meters[n], n)
		unsure := units.meters[n].parentRate == "estimate" || slices.Contains(with.estimates, units.meters[n].name)
		if found.billedBy[n] != n && unsure {
			found.estimates |= 1 << n
		}
	}
	return found
}

// source returns the meter whose rate bills one: itself, else the nearest around it with a rate, where it may be.
func (l *level) source(m *meter, n int) int {
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
