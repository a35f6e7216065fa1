// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"maps"
	"slices"
)

const (
	beyond   = 1 << 62
	minuteNs = 60 * 1_000_000_000
	// milli is how many femto-dollars are a thousandth of a dollar, the unit of classes of cost.
	milli = 1_000_000_000_000
)

// bounds are the upper bounds of the classes of size, in half octaves: 1, 2, 3, 4, 6, 8, 12, 16, …
var bounds = func() []int64 {
	var found []int64
	for power := range 60 {
		found = append(found, 1<<power, (3<<power)/2)
	}
	slices.Sort(found)
	return slices.Compact(found)
}()

// small is the class of traces with few calls, cheap that of traces that cost about a dollar at most.
var small, cheap = slices.Index(bounds, 8), slices.Index(bounds, 1024)

// history counts traces in the class of size that each has reached so far; those in the class least are not counted.
type history struct {
	least  int
	counts map[int]int64
}

// reach moves a trace from the class before to that of size and returns the class.
func (h *history) reach(before int, size int64) int {
	reached := before
	for reached < len(bounds) && size > bounds[reached] {
		reached++
	}
	if reached != before {
		if h.counts == nil {
			h.counts = map[int]int64{}
		}
		if before > h.least {
			h.counts[before]--
		}
		h.counts[reached]++
	}
	return reached
}

// usualMost returns the size that 99 of 100 of all traces do not exceed, but for one trace in the class without.
func (h *history) usualMost(traces int64, without int) int64 {
	left := floorDiv(traces-1, 100)
	for _, reached := range slices.Backward(slices.Sorted(maps.Keys(h.counts))) {
		left -= h.counts[reached]
		if reached == without {
			left++
		}
		if left < 0 {
			return boundOf(reached)
		}
	}
	return boundOf(h.least)
}

func boundOf(class int) int64 {
	if class < len(bounds) {
		return bounds[class]
	}
	return beyond
}
