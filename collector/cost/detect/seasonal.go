// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"math/big"
	"slices"

	"github.com/spancost/spancost/collector/cost"
)

const (
	hourNs    = 60 * minuteNs
	pastWeeks = 4
	mostNoise = 20_000
	// quiet is one cent, added to both sides of a ratio, so that nothing against almost nothing is no noise.
	quiet = 10_000_000_000_000
)

// never is more than any amount.
var never = cost.FemtoOfBits(1<<62, 0)

// seasonal is the running hour of the week or weekday, its limit, and what the same slots of past weeks cost.
type seasonal struct {
	slotNs, slots, slot, calls, noise, firstNs int64
	cost, limit, usual                         cost.Femto
	past                                       [][]cost.Femto
	episode                                    *Episode
}

func newSeasonal(slotNs, slots int64) seasonal {
	return seasonal{slotNs: slotNs, slots: slots, slot: -1, noise: 1000, limit: never}
}

// turn closes the running slot and those without a call since, and begins another one.
func (s *seasonal) turn(slot, firstNs int64, rule *spendSpikeRule) {
	if s.past == nil {
		s.past = make([][]cost.Femto, s.slots)
	}
	if s.slot >= 0 {
		if slot-s.slot > s.slots*pastWeeks {
			s.past = make([][]cost.Femto, s.slots)
		} else {
			s.end(s.slot, s.cost)
			for empty := s.slot + 1; empty < slot; empty++ {
				s.end(empty, cost.Femto{})
			}
		}
	}
	s.slot, s.calls, s.cost, s.firstNs = slot, 0, cost.Femto{}, firstNs
	floor, multiple := rule.Day, rule.DayPermille
	if s.slotNs == hourNs {
		floor, multiple = rule.Hour, rule.HourPermille
	}
	s.limit = never
	before := s.past[slot%s.slots]
	if int64(len(before)) < rule.Weeks {
		return
	}
	s.usual = median(before)
	week := cost.Femto{}
	for _, each := range s.past {
		if len(each) > 0 {
			week = week.Add(each[len(each)-1])
		}
	}
	times := max(multiple, 1000+(s.noise-1000)*rule.NoiseTimes)
	s.limit = greater(greater(floor, scaled(s.usual, times, 1000)), scaled(week, rule.WeekPermille, 1000))
}

func (s *seasonal) end(slot int64, spent cost.Femto) {
	before := s.past[slot%s.slots]
	if len(before) >= 2 {
		less, more := median(before), spent
		if more.Cmp(less) < 0 {
			less, more = more, less
		}
		part, whole := more.Add(cost.FemtoOf(quiet)).Big(), less.Add(cost.FemtoOf(quiet)).Big()
		part.Quo(part.Mul(part, big.NewInt(1000)), whole)
		ratio := int64(mostNoise)
		if part.IsInt64() {
			ratio = min(ratio, part.Int64())
		}
		s.noise += floorDiv(ratio-s.noise, s.slots/4+1)
	}
	if len(before) == pastWeeks {
		before = slices.Delete(before, 0, 1)
	}
	s.past[slot%s.slots] = append(before, spent)
}

// median returns the middle of some amounts, the mean of two when their number is even.
func median(values []cost.Femto) cost.Femto {
	ordered := slices.SortedFunc(slices.Values(values), cost.Femto.Cmp)
	middle := len(ordered) / 2
	if len(ordered)%2 == 1 {
		return ordered[middle]
	}
	return scaled(ordered[middle-1].Add(ordered[middle]), 1, 2)
}
