// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"math/big"
	"slices"
)

const mostModels = 8

// look counts a call of a feature and applies the rules about features.
func (f *feature) look(call *observation, begun []*Episode) []*Episode {
	add := func(found *Episode) {
		if found != nil {
			begun = append(begun, found)
		}
	}
	f.number++
	f.spent = f.spent.Add(call.cost)
	f.cached += call.cacheRead
	f.input += call.input
	if f.use == nil || f.use.model != call.model {
		f.otherModel(call)
	}
	f.use.calls++
	f.use.cost = f.use.cost.Add(call.cost)
	f.use.tokens += call.input + call.output
	if f.use.others != 0 {
		add(f.lookForModel(call))
	}
	add(f.hour.look(f, call))
	add(f.day.look(f, call))
	if f.number >= f.windowEnd {
		add(f.lookAtCache(call))
	}
	return begun
}

func (f *feature) otherModel(call *observation) {
	for _, use := range f.models {
		if use.model == call.model {
			f.use = use
			return
		}
	}
	if len(f.models) >= mostModels {
		least := 0
		for i, use := range f.models {
			if use.calls < f.models[least].calls {
				least = i
			}
		}
		f.models = slices.Delete(f.models, least, least+1)
	}
	f.use = &modelUse{model: call.model, firstNs: call.startNs, others: f.number - 1}
	f.models = append(f.models, f.use)
}

// lookForModel looks at a call of a model that the feature uses only lately.
func (f *feature) lookForModel(call *observation) *Episode {
	use, rule := f.use, &f.rules.modelChanged
	if use.episode != nil {
		use.episode.add(call)
		return nil
	}
	if int64(len(use.spanIDs)) < f.rules.limits.Evidence/2 {
		use.spanIDs = append(use.spanIDs, call.spanID)
	}
	since := f.number - use.others
	if use.others < rule.HistoryCalls || use.calls < rule.Calls || use.calls*1000 < rule.CallsPermille*since {
		return nil
	}
	var before *modelUse
	for _, other := range f.models {
		if other != use && (before == nil || other.calls > before.calls) {
			before = other
		}
	}
	if !rule.Enabled || before == nil || use.tokens == 0 || before.tokens == 0 || before.cost.IsZero() {
		return nil
	}
	part, whole := use.cost.Big(), before.cost.Big()
	part.Mul(part.Mul(part, big.NewInt(before.tokens)), big.NewInt(1000))
	permille := part.Quo(part, whole.Mul(whole, big.NewInt(use.tokens))).Int64()
	if permille < rule.CostPermille {
		return nil
	}
	episode := newEpisode("model_changed", rule.Text, decimal(rule.CostPermille), f.rules.limits.Evidence)
	episode.begin(call, use.spanIDs)
	episode.calls, episode.Cost, episode.FirstNs = use.calls, use.cost, use.firstNs
	episode.facts = []fact{
		{"feature", f.name}, {"before", modelName(before.model)}, {"model", modelName(call.model)},
		{"multiple", decimal(permille / 10 * 10)},
	}
	use.episode = episode
	return episode
}

// look counts a call in its hour or day; late calls are of a slot that is closed.
func (s *seasonal) look(of *feature, call *observation) *Episode {
	rules := of.rules
	if slot := call.startNs / s.slotNs; slot > s.slot {
		s.turn(slot, call.startNs, &rules.spendSpike)
		s.episode = nil
	} else if slot < s.slot {
		return nil
	}
	s.calls++
	s.cost = s.cost.Add(call.cost)
	if s.cost.Cmp(s.limit) <= 0 || !rules.spendSpike.Enabled {
		return nil
	}
	if s.episode != nil {
		s.episode.add(call)
		return nil
	}
	episode := newEpisode("spend_spike", rules.spendSpike.Text, s.limit.Text(), rules.limits.Evidence)
	episode.add(call)
	episode.calls, episode.Cost, episode.FirstNs = s.calls, s.cost, s.firstNs
	period, slot := "today", "weekday"
	if s.slotNs == hourNs {
		period, slot = "in this hour", "hour"
	}
	episode.facts = []fact{{"feature", of.name}, {"period", period}, {"slot", slot}, {"usual", usdShort(s.usual)}}
	s.episode = episode
	return episode
}

// lookAtUnpriced looks at an unpriced call; the episode ends when the share has halved.
func (f *feature) lookAtUnpriced(call *observation, reason string) *Episode {
	rule := &f.rules.unpricedShare
	calls := f.number - f.unpricedWindow
	if calls > rule.WindowCalls {
		f.unpricedWindow += calls / 2
		f.unpriced /= 2
		calls -= calls / 2
	}
	f.unpriced++
	if f.unpricedEpisode != nil {
		if f.unpriced*2000 < calls*rule.CallsPermille {
			f.unpricedEpisode = nil
		} else {
			f.unpricedEpisode.add(call)
		}
		return nil
	}
	if !rule.Enabled || f.unpriced < rule.Calls || f.unpriced*1000 < calls*rule.CallsPermille {
		return nil
	}
	episode := newEpisode("unpriced_share", rule.Text, decimal(rule.CallsPermille), f.rules.limits.Evidence)
	episode.add(call)
	episode.calls = f.unpriced
	if reason == "" {
		reason = "no reason"
	}
	episode.facts = []fact{
		{"share", percent(f.unpriced, calls)}, {"feature", f.name}, {"window", number(calls)},
		{"model", modelName(call.model)}, {"reason", reason},
	}
	f.unpricedEpisode = episode
	return episode
}

// lookAtUntagged counts a call without a feature.
func (s *service) lookAtUntagged(call *observation, rules *Rules) *Episode {
	s.untaggedCalls++
	s.untagged = s.untagged.Add(call.cost)
	if s.episode != nil {
		s.episode.add(call)
		return nil
	}
	if s.untaggedCalls == 1 {
		s.firstNs = call.startNs
	}
	rule := &rules.untaggedShare
	if int64(len(s.spanIDs)) < rules.limits.Evidence/2 {
		s.spanIDs = append(s.spanIDs, call.spanID)
	}
	if s.untaggedCalls < rule.Calls || s.untagged.Cmp(rule.Cost) < 0 || !rule.Enabled {
		return nil
	}
	spent := s.untagged.Add(s.tagged)
	if s.tagged.IsZero() || !atLeast(s.untagged, spent, rule.CostPermille) {
		return nil
	}
	episode := newEpisode("untagged_share", rule.Text, decimal(rule.CostPermille), rules.limits.Evidence)
	episode.begin(call, s.spanIDs)
	episode.calls, episode.Cost, episode.FirstNs = s.untaggedCalls, s.untagged, s.firstNs
	part := s.untagged.Big()
	share := part.Quo(part.Mul(part, big.NewInt(100)), spent.Big()).Int64()
	episode.facts = []fact{{"share", percent(share, 100)}, {"service", s.name}}
	s.episode = episode
	return episode
}

// lookAtCache closes a window of calls and compares its cached share with that of the windows before.
func (f *feature) lookAtCache(call *observation) *Episode {
	rule := &f.rules.cacheLost
	share := int64(0)
	if tokens := f.input - f.window.input; tokens != 0 {
		share = (f.cached - f.window.cached) * 1000 / tokens
	}
	var found *Episode
	if int64(len(f.shares)) >= rule.Windows && rule.Enabled {
		count, sum, squares := int64(len(f.shares)), int64(0), int64(0)
		for _, each := range f.shares {
			sum += each
		}
		mean := sum / count
		for _, each := range f.shares {
			squares += (each - mean) * (each - mean)
		}
		deviation := new(big.Int).Sqrt(big.NewInt(squares / count)).Int64()
		if least := mean * (1000 - rule.DropPermille); share < mean-3*deviation && share*1000 < least {
			found = newEpisode("cache_lost", rule.FeatureText, decimal(least/1000), 1)
			found.add(call)
			found.calls, found.Cost = f.number-f.window.number, f.spent.Add(f.window.cost.Neg())
			found.FirstNs = f.window.startNs
			found.facts = []fact{{"feature", f.name}, {"share", percent(share, 1000)}, {"usual", percent(mean, 1000)}}
			f.shares = nil // what is usual from now on is learnt anew
		}
	}
	f.shares = append(f.shares, share)
	if int64(len(f.shares)) > 2*rule.Windows {
		f.shares = slices.Delete(f.shares, 0, 1)
	}
	f.beginWindow(call.endNs)
	return found
}
