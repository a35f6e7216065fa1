// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"math/bits"

	"github.com/spancost/spancost/collector/cost"
)

// siblings are the calls under one span that overlapped with another call of the trace.
type siblings struct {
	parent  uint64
	calls   int64
	cost    cost.Femto
	firstNs int64
	spanIDs []uint64
}

// trace is what is kept of a trace. The classes are those of history.
type trace struct {
	feature                                      *feature
	firstNs, endNs                               int64
	calls, nextCalls                             int64
	cost, nextCost                               cost.Femto
	minute                                       int64
	inMinute, inMinuteBefore                     cost.Femto
	callsClass, costClass, minuteClass, fanClass int
	fan                                          []*siblings
	runaway, fanOut                              *Episode
}

func newTrace(of *feature, firstNs int64) *trace {
	of.traces++
	return &trace{
		feature: of, firstNs: firstNs, callsClass: small, costClass: cheap, minuteClass: cheap, fanClass: small,
		nextCalls: bounds[small], nextCost: nextCost(cheap),
	}
}

// nextCost is the greatest cost of a trace in a class of cost.
func nextCost(class int) cost.Femto {
	return scaled(cost.FemtoOf(milli), boundOf(class)+1, 1).Add(cost.FemtoOf(-1))
}

// count counts a call and returns the episode that begins with an alarm of runaway.
func (t *trace) count(call *observation, rules *Rules) *Episode {
	t.calls++
	t.cost = t.cost.Add(call.cost)
	if minute := call.endNs / minuteNs; minute == t.minute {
		t.inMinute = t.inMinute.Add(call.cost)
	} else if minute > t.minute {
		t.inMinuteBefore = cost.Femto{}
		if minute == t.minute+1 {
			t.inMinuteBefore = t.inMinute
		}
		t.minute, t.inMinute = minute, call.cost
	}
	if t.calls > t.nextCalls || t.cost.Cmp(t.nextCost) > 0 {
		t.grow()
	}
	rule := &rules.runaway
	if t.calls > rule.Calls || t.cost.Cmp(rule.Cost) > 0 || t.inMinute.Add(t.inMinuteBefore).Cmp(rule.Minute) > 0 {
		return t.lookForRunaway(call, rules)
	}
	return nil
}

func (t *trace) grow() {
	of := t.feature
	if t.calls > t.nextCalls {
		t.callsClass = of.calls.reach(t.callsClass, t.calls)
		t.nextCalls = boundOf(t.callsClass)
	}
	if t.cost.Cmp(t.nextCost) > 0 {
		t.costClass = of.cost.reach(t.costClass, millis(t.cost))
		t.nextCost = nextCost(t.costClass)
	}
	if reached := millis(t.inMinute); reached > boundOf(t.minuteClass) {
		t.minuteClass = of.minute.reach(t.minuteClass, reached)
	}
}

// lookForRunaway compares a trace above a floor with the other traces of its feature.
func (t *trace) lookForRunaway(call *observation, rules *Rules) *Episode {
	rule := &rules.runaway
	if t.runaway != nil {
		t.runaway.add(call)
		return nil
	}
	if !rule.Enabled {
		return nil
	}
	of := t.feature
	calls, most, minute := rule.Calls, rule.Cost, rule.Minute
	if of.traces > rule.HistoryTraces {
		calls = max(calls, of.calls.usualMost(of.traces, t.callsClass)*rule.Times)
		most = greater(most, scaled(cost.FemtoOf(milli), of.cost.usualMost(of.traces, t.costClass)*rule.Times, 1))
		minute = greater(minute, scaled(cost.FemtoOf(milli), of.minute.usualMost(of.traces, t.minuteClass)*rule.Times, 1))
	}
	lastMinute := t.inMinute.Add(scaled(t.inMinuteBefore, minuteNs-call.endNs%minuteNs, minuteNs))
	var threshold string
	var facts []fact
	switch {
	case t.cost.Cmp(most) > 0:
		threshold, facts = most.Text(), []fact{{"measure", "its cost"}, {"bound", usdShort(most)}}
	case lastMinute.Cmp(minute) > 0 && t.calls >= rule.MinuteCalls:
		threshold = minute.Text()
		facts = []fact{{"measure", usdShort(lastMinute) + " in the last minute"}, {"bound", usdShort(minute)}}
	case t.calls > calls:
		threshold, facts = number(calls), []fact{{"measure", "their number"}, {"bound", number(calls)}}
	default:
		return nil
	}
	episode := newEpisode("runaway", rule.Text, threshold, rules.limits.Evidence)
	episode.add(call)
	episode.calls, episode.Cost, episode.FirstNs, episode.facts = t.calls, t.cost, t.firstNs, facts
	t.runaway = episode
	return episode
}

func greater(one, other cost.Femto) cost.Femto {
	if one.Cmp(other) < 0 {
		return other
	}
	return one
}

func (t *trace) siblingsOf(parent uint64, startNs, limit int64) *siblings {
	for _, each := range t.fan {
		if each.parent == parent {
			return each
		}
	}
	if int64(len(t.fan)) >= limit {
		t.fan = t.fan[1:]
	}
	found := &siblings{parent: parent, firstNs: startNs}
	t.fan = append(t.fan, found)
	return found
}

// lookForFanOut looks at a call that overlaps with another one of the trace. Calls one after another under one span are an agent
// at work; only those that run at the same time count here.
func (t *trace) lookForFanOut(call *observation, parent uint64, rules *Rules) *Episode {
	rule, evidence := &rules.fanOut, rules.limits.Evidence
	at := t.siblingsOf(parent, call.startNs, rules.limits.Parents)
	at.calls++
	at.cost = at.cost.Add(call.cost)
	at.firstNs = min(at.firstNs, call.startNs)
	if int64(len(at.spanIDs)) < evidence/2 {
		at.spanIDs = append(at.spanIDs, call.spanID)
	}
	if bits.OnesCount64(uint64(at.calls)) == 1 {
		t.fanClass = t.feature.fan.reach(t.fanClass, at.calls)
	}
	if at.calls < rule.Calls || at.cost.Cmp(rule.Cost) < 0 || !rule.Enabled {
		return nil
	}
	if t.fanOut != nil {
		if t.fanOut.number == parent {
			t.fanOut.add(call)
		}
		return nil
	}
	most := rule.Calls
	if t.feature.traces > rule.HistoryTraces {
		most = max(most, t.feature.fan.usualMost(t.feature.traces, t.fanClass)*rule.Times)
	}
	if at.calls < most {
		return nil
	}
	episode := newEpisode("fan_out", rule.Text, number(most), evidence)
	episode.begin(call, at.spanIDs)
	episode.calls, episode.Cost, episode.FirstNs, episode.number = at.calls, at.cost, at.firstNs, parent
	t.fanOut = episode
	return episode
}
