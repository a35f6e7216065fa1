// SPDX-License-Identifier: Apache-2.0

package detect

import "github.com/spancost/spancost/collector/cost"

// look applies the rules about a context to a call that continues it and returns the episodes that begin.
func (s *stream) look(call *observation, rules *Rules, begun []*Episode) []*Episode {
	add := func(found *Episode) {
		if found != nil {
			begun = append(begun, found)
		}
	}
	if call.input != s.last.input && s.repeats == 0 {
		s.rises++
		if call.input < s.last.input {
			s.rises = 0
		}
	} else if rules.retryStorm.Enabled {
		add(s.lookForRetries(call, rules))
	}
	if rules.toolLoop.Enabled {
		add(s.lookForLoops(call, rules))
	}
	if rules.cacheLost.Enabled {
		add(s.lookForLostCache(call, rules))
	}
	add(s.lookForCreep(call, rules))
	return begun
}

// lookForRetries looks at a call of the size of the last one, or at the end of repeats. Requests of the same size may be
// different ones: they count as repeats only in a context that has grown before, after an error, or with outputs of the same
// size.
func (s *stream) lookForRetries(call *observation, rules *Rules) *Episode {
	rule, last := &rules.retryStorm, s.last
	isRepeat := call.input == last.input && call.input != 0 && (call.output != 0 || call.failed)
	if !isRepeat || call.startNs-last.endNs > rule.WithinNs {
		s.repeats, s.similar, s.retryStorm = 0, 0, nil
		return nil
	}
	s.repeats++
	alike := call.output >= smallOutput && abs(call.output-last.output)*20 <= max(call.output, last.output)+40
	if s.rises >= leastRises || call.failed || last.failed || alike {
		s.similar++
	}
	if s.retryStorm != nil {
		s.retryStorm.add(call)
		return nil
	}
	threshold := rule.Repeats
	if s.similar < rule.Repeats {
		threshold = rule.OtherRepeats
		if s.repeats < threshold {
			return nil
		}
	}
	episode := newEpisode("retry_storm", rule.Text, number(threshold), rules.limits.Evidence)
	for i, each := range s.lately(s.repeats) {
		episode.add(each)
		if i == 0 && int64(len(s.recent)) >= s.repeats {
			episode.Cost = cost.Femto{} // the first request was wanted
		}
	}
	episode.add(call)
	if episode.Cost.Cmp(rule.MinCost) < 0 {
		return nil
	}
	episode.facts = []fact{{"model", modelName(call.model)}}
	s.retryStorm = episode
	return episode
}

func (s *stream) lookForLoops(call *observation, rules *Rules) *Episode {
	rule := &rules.toolLoop
	if s.loop == nil {
		s.loop = &loopState{}
	}
	gap := floorDiv(call.startNs-s.last.startNs, 1_000_000)
	period, repeats := s.loop.add(call.input-s.last.input, call.output, gap, rule)
	if s.toolLoop != nil {
		if s.loop.repeats[s.toolLoop.number] > 0 {
			s.toolLoop.add(call)
			return nil
		}
		s.toolLoop = nil
	}
	if period == 0 {
		return nil
	}
	episode := newEpisode("tool_loop", rule.Text, number(repeats), rules.limits.Evidence)
	for _, each := range s.lately(period + repeats - 1) {
		episode.add(each)
	}
	episode.add(call)
	if episode.Cost.Cmp(rule.MinCost) < 0 {
		return nil
	}
	round := "1 call"
	if period > 1 {
		round = number(period) + " calls"
	}
	episode.number = uint64(period)
	growth := call.input - s.recent[int64(len(s.recent))-period].input
	episode.facts = []fact{{"period", round}, {"growth", number(growth)}, {"model", modelName(call.model)}}
	s.toolLoop = episode
	return episode
}

// lookForLostCache compares what was read from the cache with the context of the call before, if that was not longer ago than
// the cache lives. Single calls without the cache are normal.
func (s *stream) lookForLostCache(call *observation, rules *Rules) *Episode {
	rule := &rules.cacheLost
	possible := min(s.last.input, call.input)
	if possible < rule.MinInputTokens {
		return nil
	}
	life := rule.TTLNs
	if s.longTTL {
		life = rule.LongTTLNs
	}
	if call.startNs-s.last.endNs > life {
		s.cacheReadAgain()
		return nil
	}
	read := call.cacheRead * 1000
	if read > possible*rule.ColdPermille {
		s.cacheReadAgain()
		if read >= possible*rule.WarmPermille {
			s.warm++
		} else {
			s.warm = 0
		}
		return nil
	}
	if s.warm < rule.WarmCalls {
		s.warm = 0
		return nil
	}
	s.cold++
	if s.lost != nil {
		s.lost.add(call)
		return nil
	}
	if s.cold < rule.Calls {
		return nil
	}
	episode := newEpisode("cache_lost", rule.Text, number(rule.Calls), rules.limits.Evidence)
	for _, each := range s.lately(s.cold - 1) {
		episode.add(each)
	}
	episode.add(call)
	if episode.Cost.Cmp(rule.MinCost) < 0 {
		return nil
	}
	episode.facts = []fact{{"model", modelName(call.model)}}
	s.lost = episode
	return episode
}

func (s *stream) cacheReadAgain() {
	if s.cold != 0 {
		s.cold, s.warm = 0, 0
	}
	s.lost = nil
}

const inputWeight = 100

// lookForCreep adds up what a context pays for what it has sent before, estimated by weights of the tokens.
func (s *stream) lookForCreep(call *observation, rules *Rules) *Episode {
	rule := &rules.contextCreep
	again, cached := min(s.last.input, call.input), call.cacheRead
	saved := inputWeight - rule.CachedWeight
	if s.weight == 0 {
		s.weight = rule.weightOf(s.last)
	}
	s.weight += rule.weightOf(call)
	s.rereadWeight += again*inputWeight - min(cached, again)*saved
	s.calls++
	s.cost = s.cost.Add(call.cost)
	if s.cost.Cmp(rule.Reread) < 0 || call.input < rule.MinInputTokens {
		return nil
	}
	reread := scaled(s.cost, s.rereadWeight, max(1, s.weight))
	if reread.Cmp(rule.Reread) < 0 {
		return nil
	}
	facts := []fact{{"reread", usdShort(reread)}, {"input", number(call.input)}, {"model", modelName(call.model)}}
	if s.creep != nil {
		s.creep.add(call)
		s.creep.facts = facts
		return nil
	}
	if !rule.Enabled || !atLeast(reread, s.cost, rule.RereadPermille) {
		return nil
	}
	episode := newEpisode("context_creep", rule.Text, rule.Reread.Text(), rules.limits.Evidence)
	for _, each := range s.recent {
		episode.add(each)
	}
	episode.add(call)
	episode.calls, episode.Cost, episode.FirstNs, episode.facts = s.calls, s.cost, s.firstNs, facts
	s.creep = episode
	return episode
}

// weightOf returns the weight of all tokens of a call.
func (r *contextCreepRule) weightOf(call *observation) int64 {
	return call.input*inputWeight - call.cacheRead*(inputWeight-r.CachedWeight) +
		call.cacheWrite*(r.WrittenWeight-inputWeight) + call.output*r.OutputWeight
}
