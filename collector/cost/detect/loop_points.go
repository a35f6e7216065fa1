// SPDX-License-Identifier: Apache-2.0

package detect

const (
	// growthNear and outputNear are tokens, paceNear milliseconds, that are added before the logarithm: differences between small
	// numbers tell little.
	growthNear = 20
	outputNear = 3
	paceNear   = 300
	// shrank stands for the logarithm of a context that did not grow.
	shrank = -1
	// weighed is how many repeats are weighed, the last ones.
	weighed = 8
	// leastSpread, in units: calls of a session that are all the same differ by chance next time.
	leastSpread = 6
)

// turns holds logarithms of growth, output and pace of calls, in units, the last one at the end.
type turns struct {
	growth, output, pace [ring]int64
	calls                int64
}

// usual is the centre and spread, in units, of a session's own calls, and of those of an average session.
type usual struct{ mean, spread, centre, average int64 }

// foundAt returns by how many points the last repeats of a pattern exceed their bound, and how many of them do; -1 when no number of
// repeats, counted from the last one, exceeds its bound.
//
// It is a sequential test: each repeat gives points, the natural logarithm of how dense loops are at its difference, against how
// dense the session's own calls are at its value. Work on similar items is dense there itself, and so gives few points.
func (t *turns) foundAt(period, repeats int64, rule *toolLoopRule) (found, counted int64) {
	calls := t.calls
	before := max(0, calls-repeats)
	small := units(rule.SmallOutputTokens + outputNear)
	ofGrowth, _ := usualOf(t.growth[:before], shrank, units(rule.UsualGrowth.value/1000+growthNear), rule.UsualGrowth.ratio, rule)
	ofOutput, others := usualOf(t.output[:before], small, units(rule.UsualOutput.value/1000+outputNear), rule.UsualOutput.ratio, rule)
	ofPace, _ := usualOf(t.pace[:before], -1, units(rule.UsualPace.value+paceNear), rule.UsualPace.ratio, rule)
	ofSmall, ofOther := rule.shares(before, before-others)
	points, isClose := int64(0), true
	if before-period < rule.KnownCalls {
		points = -rule.UnknownPoints
	}
	found = -1
	for number := int64(1); number <= min(repeats, weighed); number++ {
		now := calls - number
		then := now - period
		points += rule.ofPair(t.growth[now], t.growth[then], ofGrowth, rule.Growth, rule.LeastPoints, 0)
		if t.output[now] <= small && t.output[then] <= small {
			points += ofSmall
		} else {
			points += ofOther + rule.ofPair(t.output[now], t.output[then], ofOutput, rule.Output, rule.LeastPoints, 1)
		}
		points += rule.ofPair(t.pace[now], t.pace[then], ofPace, rule.Pace, rule.OtherPace, 2)
		isClose = isClose && abs(t.growth[now]-t.growth[then]) <= rule.CloseRatio
		if number == 1 {
			continue
		}
		bound := rule.AlarmPoints[min(number, 4)-2]
		if number == 2 && isClose {
			bound = rule.ClosePoints
		}
		if points >= bound {
			found, counted = max(found, points-bound), number
		}
	}
	return found, counted
}

// usualOf returns where the values above a bound lie and how far they are from it, and how many they are; some calls of an average
// session, at the centre and spread from it, count among them.
func usualOf(values []int64, above, centre, spread int64, rule *toolLoopRule) (found usual, known int64) {
	weight := rule.KnownCalls
	sum, around := centre*weight, spread*weight
	for _, each := range values {
		if each > above {
			sum += each
			known++
		}
	}
	mean := sum / (weight + known)
	for _, each := range values {
		if each > above {
			around += abs(each - mean)
		}
	}
	return usual{mean, max(leastSpread, around/(weight+known)), centre, spread}, known
}

// shares returns the points for two small outputs and for two others: the rarer, the more.
func (r *toolLoopRule) shares(calls, small int64) (ofSmall, ofOther int64) {
	usually := r.KnownCalls * r.SmallOutputPermille / 100
	every := naturalOf[min(1023, 10*(calls+r.KnownCalls))]
	return every - naturalOf[max(1, min(1023, 10*small+usually))],
		every - naturalOf[max(1, min(1023, 10*(calls-small)+10*r.KnownCalls-usually))]
}

// ofPair returns the points, in hundredths, of two values of calls a period apart.
func (r *toolLoopRule) ofPair(now, then int64, known usual, loops table, points int64, place int) int64 {
	apart := abs(now - then)
	for _, each := range loops {
		if apart <= each.bound {
			points = each.points
			break
		}
	}
	own := -naturalOf[min(1023, 2*known.spread)] - 100*abs(now-known.mean)/known.spread
	others := -naturalOf[min(1023, 2*known.average)] - 100*abs(now-known.centre)/known.average - r.UsualPoints
	return max(r.LeastPoints, min(r.MostPoints[place], points-max(own, others)+ofAUnit))
}
