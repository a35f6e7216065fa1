// SPDX-License-Identifier: Apache-2.0

package detect

import "github.com/spancost/spancost/collector/cost"

// modelUse counts calls, cost and tokens of one model of a feature; others are the calls of the feature before its first one.
type modelUse struct {
	model                          string
	calls, tokens, others, firstNs int64
	cost                           cost.Femto
	spanIDs                        []uint64
	episode                        *Episode
}

// window is where a window of calls began.
type window struct {
	startNs, number, input, cached int64
	cost                           cost.Femto
}

// feature is one feature of a service, or what the service does for none; name is how texts call it.
type feature struct {
	name                          string
	rules                         *Rules
	calls, cost, minute, fan      history
	number, input, cached, traces int64
	spent                         cost.Femto
	models                        []*modelUse
	use                           *modelUse
	hour, day                     seasonal
	unpriced, unpricedWindow      int64
	unpricedEpisode               *Episode
	window                        window
	windowEnd                     int64
	shares                        []int64
}

func newFeature(name string, rules *Rules) *feature {
	found := &feature{name: name, rules: rules, calls: history{least: small}, fan: history{least: small},
		cost: history{least: cheap}, minute: history{least: cheap}, hour: newSeasonal(hourNs, 168), day: newSeasonal(24*hourNs, 7)}
	found.beginWindow(0)
	return found
}

func (f *feature) beginWindow(nowNs int64) {
	f.window = window{nowNs, f.number, f.input, f.cached, f.spent}
	f.windowEnd = f.number + f.rules.cacheLost.WindowCalls
}

// featureKey names a feature of a service; a call without the tag is for none.
type featureKey struct {
	name   string
	tagged bool
}

// service is one service: its features, and what it spent with and without a feature.
type service struct {
	name                   string
	features               map[featureKey]*feature
	order                  []featureKey
	tagged, untagged       cost.Femto
	untaggedCalls, firstNs int64
	spanIDs                []uint64
	episode                *Episode
}

func newService(name string) *service {
	if name == "" {
		name = "an unnamed service"
	}
	return &service{name: name, features: map[featureKey]*feature{}}
}

// feature returns the state of a feature; the oldest goes when there are many.
func (s *service) feature(key featureKey, rules *RuleSet) *feature {
	if found, ok := s.features[key]; ok {
		return found
	}
	if int64(len(s.features)) >= rules.standard.limits.Features {
		delete(s.features, s.order[0])
		s.order = s.order[1:]
	}
	name, of := s.name, &rules.standard
	if key.tagged {
		name, of = key.name, rules.of(key.name)
	}
	found := newFeature(name, of)
	s.features[key] = found
	s.order = append(s.order, key)
	return found
}
