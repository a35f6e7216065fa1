// SPDX-License-Identifier: Apache-2.0

package detect

import "slices"

const (
	beyond = 1 << 62
	// leastClass is that of traces of up to 8, which are alike.
	leastClass = 5
	minuteNs   = 60 * 1_000_000_000
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

// history counts traces in the class of size that each has reached so far.
type history struct {
	counts []int32
	traces int64
}

// reach moves a trace from the class before (-1: it is new) to that of size and returns the class.
func (h *history) reach(before int, size int64) int {
	if h.counts == nil {
		h.counts = make([]int32, len(bounds)+1)
	}
	reached := max(before, leastClass)
	for reached < len(bounds) && size > bounds[reached] {
		reached++
	}
	if before < 0 {
		h.traces++
	} else {
		h.counts[before]--
	}
	h.counts[reached]++
	return reached
}

// usualMost returns the size that 99 of 100 traces do not exceed, but for one trace in the class without.
func (h *history) usualMost(without int) int64 {
	if h.counts == nil {
		return 0
	}
	left := floorDiv(h.traces-1, 100)
	for reached := len(bounds); reached >= 0; reached-- {
		left -= int64(h.counts[reached])
		if reached == without {
			left++
		}
		if left < 0 {
			return boundOf(reached)
		}
	}
	return 0
}

func boundOf(class int) int64 {
	if class < len(bounds) {
		return bounds[class]
	}
	return beyond
}
