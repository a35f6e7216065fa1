// SPDX-License-Identifier: Apache-2.0

package detect

const (
	periods = 3
	// ring is how many calls of a context are kept.
	ring = 32
	// often is up to how many repeats in a row each one is weighed, and from which on every fourth.
	often = 6
)

// loopState is what is kept of a context: logarithms of growth, output and pace of its last calls, in rings, and how many calls
// in a row are like the one 1, 2 and 3 calls before.
type loopState struct {
	growth, output, pace [ring]int16
	calls                int64
	repeats              [periods + 1]int64
}

// add takes a call: the growth of the context, its output and the milliseconds since the call before began. It returns the period
// and the repeats of a pattern that is to alarm with it, else 0.
func (l *loopState) add(growth, output, gap int64, rule *toolLoopRule) (period, repeats int64) {
	at := l.calls % ring
	l.calls++
	l.output[at] = int16(units(output + outputNear))
	l.pace[at] = int16(units(max(1, gap+paceNear)))
	if growth <= 0 {
		l.growth[at] = shrank
		l.repeats = [periods + 1]int64{}
		return 0, 0
	}
	l.growth[at] = int16(units(growth + growthNear))
	for period := int64(1); period <= periods; period++ {
		before := (at - period + ring) % ring
		grown := abs(int64(l.growth[at]) - int64(l.growth[before]))
		if l.growth[before] != shrank && grown <= rule.GrowthRatio && alike(l.output[at], l.output[before], rule) {
			l.repeats[period]++
		} else {
			l.repeats[period] = 0
		}
	}
	return l.weigh(rule)
}

// alike reports whether two outputs are of about the same size, or both small.
func alike(output, before int16, rule *toolLoopRule) bool {
	if abs(int64(output)-int64(before)) <= rule.OutputRatio {
		return true
	}
	small := units(rule.SmallOutputTokens + outputNear)
	return int64(output) <= small && int64(before) <= small
}

// weigh returns the pattern that exceeds its bound most.
func (l *loopState) weigh(rule *toolLoopRule) (period, repeats int64) {
	most := int64(-1)
	var known turns
	for each := int64(1); each <= periods; each++ {
		in := l.repeats[each]
		if in < 2 || (in > often && in%4 != 0) {
			continue
		}
		if in == 2 && !(l.near(1, each, rule) && l.near(2, each, rule)) {
			continue
		}
		if known.calls == 0 {
			known = l.turns()
		}
		if excess, counted := known.foundAt(each, min(in, l.calls-each), rule); excess > most {
			most, period, repeats = excess, each, counted
		}
	}
	return period, repeats
}

// near reports whether the last call but number-1 is near enough for one of only two repeats.
func (l *loopState) near(number, period int64, rule *toolLoopRule) bool {
	now, then := (l.calls-number)%ring, (l.calls-number-period)%ring
	return abs(int64(l.growth[now])-int64(l.growth[then])) <= rule.NearGrowthRatio &&
		abs(int64(l.pace[now])-int64(l.pace[then])) <= rule.NearPaceRatio
}

// turns returns growth, output and pace of the calls that are kept, the last one at the end.
func (l *loopState) turns() (found turns) {
	found.calls = min(l.calls, ring)
	for i := range found.calls {
		at := (l.calls - found.calls + i) % ring
		found.growth[i], found.output[i], found.pace[i] = int64(l.growth[at]), int64(l.output[at]), int64(l.pace[at])
	}
	return found
}
