// SPDX-License-Identifier: Apache-2.0

package detect

import (
	"slices"
	"strings"

	"github.com/spancost/spancost/collector/cost"
)

// Anomaly is a rule that was broken.
type Anomaly struct {
	// Rule is the name of the rule, as in semconv/detectors.yaml.
	Rule string
	// Trace and SessionID are where; zero and "" when the rule is about a feature or a service.
	Trace     [2]uint64
	SessionID string
	// SpanIDs are evidence, the first calls of the episode and the last ones.
	SpanIDs []uint64
	// Cost is what the calls of the episode cost so far.
	Cost cost.Femto
	// Threshold is the bound that was crossed, a decimal number in the unit that the text names.
	Threshold string
	// FirstNs and LastNs are the start of the first call and the end of the last one.
	FirstNs, LastNs int64
	// Text is one sentence for people.
	Text string
}

type fact struct{ name, value string }

// Episode is an anomaly that may go on.
type Episode struct {
	Rule, Threshold string
	Trace           [2]uint64
	SessionID       string
	SpanIDs         []uint64
	Cost            cost.Femto
	FirstNs, LastNs int64
	template        string
	evidence        int
	calls           int64
	facts           []fact
	// number is the period of a loop, or the span of a fan-out.
	number uint64
}

func newEpisode(rule, template, threshold string, evidence int64) *Episode {
	return &Episode{Rule: rule, template: template, Threshold: threshold, evidence: int(evidence)}
}

// add counts a call and keeps its span id; when there are too many, those between the first and last halves go.
func (e *Episode) add(call *observation) {
	e.calls++
	e.Cost = e.Cost.Add(call.cost)
	if e.FirstNs == 0 || call.startNs < e.FirstNs {
		e.FirstNs = call.startNs
	}
	e.LastNs = max(e.LastNs, call.endNs)
	if len(e.SpanIDs) >= e.evidence {
		e.SpanIDs = slices.Delete(e.SpanIDs, e.evidence/2, e.evidence/2+1)
	}
	e.SpanIDs = append(e.SpanIDs, call.spanID)
}

// Anomaly returns what there is to say now.
func (e *Episode) Anomaly() Anomaly {
	text := e.template
	facts := []fact{{"calls", number(e.calls)}, {"cost", usdShort(e.Cost)}, {"duration", duration(e.LastNs - e.FirstNs)}}
	for _, each := range append(facts, e.facts...) {
		text = strings.ReplaceAll(text, "{"+each.name+"}", each.value)
	}
	return Anomaly{
		Rule: e.Rule, Trace: e.Trace, SessionID: e.SessionID, SpanIDs: slices.Clone(e.SpanIDs), Cost: e.Cost,
		Threshold: e.Threshold, FirstNs: e.FirstNs, LastNs: e.LastNs, Text: text,
	}
}

// begin takes the call that alarms and the span ids of the first calls, of which it may be one.
func (e *Episode) begin(call *observation, spanIDs []uint64) {
	e.add(call)
	e.SpanIDs = slices.Clone(spanIDs)
	if !slices.Contains(spanIDs, call.spanID) {
		e.SpanIDs = append(e.SpanIDs, call.spanID)
	}
}
