// SPDX-License-Identifier: Apache-2.0

package detect

import "github.com/spancost/spancost/collector/cost"

const featureTag = "app.feature"

// Detectors are state machines over the records of calls, handed in by the end of the call. They are not safe for use by several
// goroutines at once. Memory is bounded by the rules' limits: what was used longest ago is evicted.
type Detectors struct {
	rules    *RuleSet
	services cost.GenerationalCache[string, *service]
	traces   cost.GenerationalCache[[2]uint64, *trace]
	sessions cost.GenerationalCache[string, *session]
	failed   cost.GenerationalCache[string, *failedRun]
}

// New returns detectors that have seen no call.
func New(rules *RuleSet) *Detectors {
	limits := &rules.standard.limits
	return &Detectors{
		rules:    rules,
		services: cost.NewGenerationalCache[string, *service](int(limits.Services)),
		traces:   cost.NewGenerationalCache[[2]uint64, *trace](int(limits.Traces)),
		sessions: cost.NewGenerationalCache[string, *session](int(limits.Sessions)),
		failed:   cost.NewGenerationalCache[string, *failedRun](int(limits.Sessions)),
	}
}

// Evicted returns how many sessions, traces and services were evicted.
func (d *Detectors) Evicted() int64 {
	return d.services.Evicted + d.traces.Evicted + d.sessions.Evicted
}

// Observe takes one call and returns the episodes that begin with it. An episode goes on with the calls that follow.
func (d *Detectors) Observe(record *cost.CallRecord) []*Episode {
	call := observationOf(record)
	at := recall(&d.services, record.Service, func() *service { return newService(record.Service) })
	key := featureKey{}
	for i := range record.Tags {
		if record.Tags[i].Dimension == featureTag {
			key = featureKey{record.Tags[i].Value, true}
		}
	}
	of := at.feature(key, d.rules)
	rules := of.rules
	in := recall(&d.traces, record.Key.Trace, func() *trace { return newTrace(of, call.startNs) })
	held := recall(&d.sessions, record.SessionID, func() *session { return &session{} })
	d.failed.Take(record.SessionID)
	var begun []*Episode
	if context := held.stream(call, d.rules.standard.limits.Streams); context != nil {
		context.longTTL = context.longTTL || call.writesHour
		begun = context.look(call, rules, begun)
		context.keep(call)
	}
	if found := in.count(call, rules); found != nil {
		begun = append(begun, found)
	}
	if call.startNs < in.endNs && record.ParentID != 0 {
		if found := in.lookForFanOut(call, record.ParentID, rules); found != nil {
			begun = append(begun, found)
		}
	}
	in.endNs = max(in.endNs, call.endNs)
	for _, episode := range begun {
		episode.Trace, episode.SessionID = record.Key.Trace, record.SessionID
	}
	begun = of.look(call, begun)
	if call.cost.IsZero() && record.Cost.Status == cost.Unpriced {
		if found := of.lookAtUnpriced(call, record.Cost.Reason); found != nil {
			begun = append(begun, found)
		}
	}
	if key.tagged {
		at.tagged = at.tagged.Add(call.cost)
	} else if found := at.lookAtUntagged(call, rules); found != nil {
		begun = append(begun, found)
	}
	return begun
}

func recall[K comparable, V any](held *cost.GenerationalCache[K, *V], key K, begin func() *V) *V {
	found, ok := held.Get(key)
	if !ok {
		found = begin()
	}
	held.Set(key, found)
	return found
}
