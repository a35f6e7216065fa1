// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"cmp"

	"github.com/spancost/spancost/collector/cost"
)

// failedRun are attempts of one session at one model that failed one after another.
type failedRun struct {
	model    string
	calls    int64
	endNs    int64
	attempts []*observation
	episode  *Episode
}

// Fail takes an attempt that failed before anything was billed and returns the episode that begins with it, nil when none does.
// Nothing but the retry storm looks at it, and a call of the session that is counted ends the run.
func (d *Detectors) Fail(record *cost.CallRecord) *Episode {
	call := observationOf(record)
	rules := &d.rules.standard
	for i := range record.Tags {
		if record.Tags[i].Dimension == featureTag {
			rules = d.rules.of(record.Tags[i].Value)
		}
	}
	run, known := d.failed.Get(record.SessionID)
	if !known || call.model != run.model || call.startNs-run.endNs > rules.retryStorm.WithinNs {
		run = &failedRun{model: call.model}
		d.failed.Set(record.SessionID, run)
	}
	episode := run.add(call, record.Error, rules)
	if episode != nil {
		episode.Trace, episode.SessionID = record.Key.Trace, record.SessionID
	}
	return episode
}

// add takes an attempt. One that overlaps with the last one is its outer span, or another call at the same time: it is left out.
func (r *failedRun) add(call *observation, failure string, rules *Rules) *Episode {
	if call.startNs < r.endNs {
		return nil
	}
	rule := &rules.retryStorm
	r.calls++
	r.endNs = call.endNs
	if r.episode != nil {
		r.episode.add(call)
		return nil
	}
	r.attempts = append(r.attempts, call)
	if r.calls < rule.Failures || !rule.Enabled {
		r.attempts = r.attempts[max(0, len(r.attempts)-int(rules.limits.Evidence)):]
		return nil
	}
	r.episode = newEpisode("retry_storm", rule.FailuresText, number(rule.Failures), rules.limits.Evidence)
	for _, attempt := range r.attempts {
		r.episode.add(attempt)
	}
	r.episode.facts = []fact{{"model", modelName(call.model)}, {"error", cmp.Or(failure, "no reason")}}
	r.attempts = nil
	return r.episode
}
