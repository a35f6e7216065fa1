// SPDX-License-Identifier: Apache-2.0

package detect

const (
	periods = 3
	// mostPoints are kept at most, in hundredths: one call out of line must be able to end a long pattern.
	mostPoints = 2_000
	// closeRatio, in thousandths, is up to which two calls grow by the same.
	closeRatio = 1_050
	// near is by how many tokens two small numbers may differ.
	near = 8
)

// turn is the growth of the context in tokens, the tokens of output, and the milliseconds since the call before.
type turn struct{ growth, output, gap int64 }

type place struct {
	sum   turn
	calls int64
}

// pattern is the state of one period: points and repeats in a row, the same since all were close, the sums of each place.
type pattern struct {
	begun                               bool
	points, matches, close, closePoints int64
	places                              [periods]place
}

// loopState is what is kept of a context: its last three calls, the last first, and the pattern of each period.
type loopState struct {
	last     [periods]turn
	known    int
	patterns [periods]pattern
}

// add takes a call; it returns the period of the pattern that it goes on with and that is to alarm, else 0.
func (l *loopState) add(now turn, rule *toolLoopRule) int64 {
	found := int64(0)
	for i := range l.known {
		if l.patterns[i].begun || mayBegin(l.last[i], now) {
			if l.goOn(int64(i+1), now, rule) {
				found = int64(i + 1)
			}
		}
	}
	copy(l.last[1:], l.last[:periods-1])
	l.last[0] = now
	l.known = min(l.known+1, periods)
	return found
}

func mayBegin(before, now turn) bool {
	return floorDiv(before.growth*2, 3)-near <= now.growth && now.growth <= floorDiv(before.growth*3, 2)+near &&
		before.output*2/3-near <= now.output && now.output <= before.output*3/2+near
}

// goOn scores a call as the next of a pattern, or as its second one; it reports whether that is to alarm.
func (l *loopState) goOn(period int64, now turn, rule *toolLoopRule) bool {
	p := &l.patterns[period-1]
	before := l.last[period-1]
	if p.begun && p.matches >= period {
		mean := &p.places[p.matches%period]
		before = turn{floorDiv(mean.sum.growth, mean.calls), mean.sum.output / mean.calls, mean.sum.gap / mean.calls}
	}
	points, isClose, like := pointsOf(before, now, rule)
	if !like || p.points+points <= 0 {
		*p = pattern{}
		return false
	}
	p.begun = true
	p.add(points, isClose, period, before, now)
	return p.alarms(period, rule)
}

func (p *pattern) add(points int64, isClose bool, period int64, before, now turn) {
	mean := &p.places[p.matches%period]
	if p.matches < period {
		*mean = place{before, 1}
	}
	mean.sum = turn{mean.sum.growth + now.growth, mean.sum.output + now.output, mean.sum.gap + now.gap}
	mean.calls++
	p.matches++
	p.points = min(mostPoints, p.points+points)
	if isClose {
		p.close++
		p.closePoints = min(mostPoints, p.closePoints+points)
	} else {
		p.close, p.closePoints = 0, 0
	}
}

// alarms reports whether a pattern has enough points and repeats.
func (p *pattern) alarms(period int64, rule *toolLoopRule) bool {
	enough := rule.AlarmPoints[period-1]
	if p.closePoints >= rule.ClosePoints && p.close >= rule.CloseMatches[period-1] {
		return true
	}
	if p.points < enough || p.matches < rule.Matches[period-1] {
		return false
	}
	return p.points >= min(mostPoints, rule.MeanPoints*p.matches)
}

// growthOfRound returns by how many tokens one round of a pattern grows the context, about.
func (l *loopState) growthOfRound(period int64) int64 {
	sum := int64(0)
	for _, each := range l.last[:min(int(period), l.known)] {
		sum += each.growth
	}
	return sum
}

// pointsOf returns the points of a pair of calls and whether they grow by the same; false last when they differ too much.
func pointsOf(before, now turn, rule *toolLoopRule) (points int64, isClose, like bool) {
	if before.growth == 0 || now.growth == 0 || before.growth > 0 != (now.growth > 0) {
		return 0, false, false
	}
	growth, growthBefore := abs(now.growth), abs(before.growth)
	rows := rule.SmallGrowth
	if min(growth, growthBefore) >= rule.SmallGrowthTokens {
		rows = rule.Growth
	}
	at := rows.find(growth, growthBefore, rule.SlackTokens)
	if at == len(rows) {
		return 0, false, false
	}
	points, isClose = rows[at].points, rows[at].bound <= closeRatio
	if now.output <= rule.SmallOutputTokens && before.output <= rule.SmallOutputTokens {
		if now.output == before.output {
			points += rule.SmallOutput[0]
		} else {
			points += rule.SmallOutput[1]
		}
	} else {
		at := rule.Output.find(now.output, before.output, rule.SlackTokens)
		if at == len(rule.Output) {
			return 0, false, false
		}
		points += rule.Output[at].points
	}
	if at := rule.Pace.find(max(now.gap, 100), max(before.gap, 100), 0); at < len(rule.Pace) {
		points += rule.Pace[at].points
	} else {
		points += rule.OtherPace
	}
	return points, isClose, true
}

// find returns the first row whose bound holds the ratio of two numbers, the number of rows when none does.
func (t table) find(one, other, slack int64) int {
	less, more := min(one, other), max(one, other)
	if more-less <= slack {
		return 0
	}
	for i := range t {
		if more*1000 <= less*t[i].bound {
			return i
		}
	}
	return len(t)
}
