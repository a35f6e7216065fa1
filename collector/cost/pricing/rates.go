// SPDX-License-Identifier: Apache-2.0

package pricing

import (
	"github.com/spancost/spancost/collector/cost"
)

// RateSet is the rates that hold for a call once price period, variant, window and step are chosen; rateID names that choice.
type RateSet struct {
	rateID  string
	rates   []Rate
	rated   uint64
	minimum map[int]int64
	maximum map[int]int64
	doubt   cost.Doubt
	// billedBy is for each meter the one whose rate bills it, -1 for none; estimates has a bit where that is a guess.
	billedBy  []int
	estimates uint64
	// implied has a bit for each meter with a rate of which a call that does not state it has a quantity.
	implied uint64
	// splitParts are the parts of cache writes that are sold at another rate than what is left of them.
	splitParts uint64
	// unreported are the parts sold at another rate than their total that leave it in doubt where they are not reported.
	unreported uint64
}

// step is a whole-request step: it holds when the quantity of a meter is at or above the bound.
type step struct {
	meter int
	bound cost.Quantity
	level *RateSet
}

// tier is a base level with its steps in rising order.
type tier struct {
	base  *RateSet
	steps []step
}

// window is the minutes of certain days in UTC in which another tier holds.
type window struct {
	days    int64
	minutes [][2]int64
	notOn   map[int64]bool
	tier    tier
}

// PricePeriod is what holds from an instant on and until another; nil is open. The last window that holds wins.
type PricePeriod struct {
	fromNs, untilNs *int64
	tier            tier
	windows         []window
}

// ResolvedRates is the rates of the matched entries for a call with certain facts, the newest first; or why there is none.
type ResolvedRates struct {
	periods  []PricePeriod
	Unpriced string
}

func (o *ResolvedRates) period(atNs int64) *PricePeriod {
	for n := range o.periods {
		e := &o.periods[n]
		if (e.fromNs == nil || atNs >= *e.fromNs) && (e.untilNs == nil || atNs < *e.untilNs) {
			return e
		}
	}
	return nil
}

func (e *PricePeriod) level(usage *quantities, atNs int64) *RateSet {
	chosen := e.tier
	for n := range e.windows {
		if e.windows[n].holds(FloorDiv(atNs, cost.NsPerSecond)) {
			chosen = e.windows[n].tier
		}
	}
	found := chosen.base
	for _, s := range chosen.steps {
		if s.meter >= 0 && usage.has(s.meter) && usage.get(s.meter).Cmp(s.bound) >= 0 {
			found = s.level
		}
	}
	return found
}

func (w *window) holds(atSeconds int64) bool {
	const perDay = 86_400
	day := FloorDiv(atSeconds, perDay)
	second := atSeconds - day*perDay
	// 1970-01-01 was a Thursday; bit 0 is Monday.
	weekday := uint(((day+3)%7 + 7) % 7)
	if w.days>>weekday&1 == 0 || w.notOn[day] {
		return false
	}
	for _, span := range w.minutes {
		if span[0]*60 <= second && second < span[1]*60 {
			return true
		}
	}
	return false
}

func FloorDiv(n, by int64) int64 {
	quotient := n / by
	if n%by < 0 {
		quotient--
	}
	return quotient
}

func latest(one, other *int64) *int64 {
	if one == nil || (other != nil && *other > *one) {
		return other
	}
	return one
}

func earliest(one, other *int64) *int64 {
	if one == nil || (other != nil && *other < *one) {
		return other
	}
	return one
}

func inNs(seconds *int64) *int64 {
	if seconds == nil {
		return nil
	}
	ns := *seconds * cost.NsPerSecond
	return &ns
}
