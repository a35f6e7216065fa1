// SPDX-License-Identifier: Apache-2.0

package cost

import "github.com/spancost/spancost/collector/cost/document"

// Count is a number of tokens; Known is false when the source does not state.
type Count struct {
	N     int64
	Known bool
}

// OrMinusOne returns the number, -1 when it is not known.
func (c Count) OrMinusOne() int64 {
	if !c.Known {
		return -1
	}
	return c.N
}

// Reading is what a span reports about a model call, after its dialect's words were put into ours. Empty texts are not
// known.
type Reading struct {
	// Emitter is the family of instrumentation that made the span: a dialect's id.
	Emitter string
	// IsCall: the operation is a model call; else it holds calls (agent, workflow, …), and its usage is a sum or a copy.
	IsCall                                   bool
	Operation, Provider, Model, RequestModel string
	ResponseID, FinishReason                 string
	ServiceTier, Processing                  string
	// Usage holds inclusive meters; Input … Reasoning are those of them that are written.
	Usage                                           []Amount
	Input, CacheRead, CacheWrite, Output, Reasoning Count
	// Doubt is what the source lacks.
	Doubt Doubt
	// Context holds facts that can change the price.
	Context []Fact
	// Billed is the provider's own bill for the call, when IsBilled.
	IsBilled bool
	Billed   Femto
	// BeganNs is when the call began, when HasBegan: the span states that it took longer than the span itself.
	HasBegan bool
	BeganNs  int64
	// Reported is a cost that somebody else put on the span, as written there.
	Reported document.Value
}

// NotBilled makes the reading that of a call that the provider did not see: it used nothing.
func (r *Reading) NotBilled(reason string) {
	r.Usage = nil
	r.Input, r.CacheRead, r.CacheWrite, r.Output, r.Reasoning = Count{}, Count{}, Count{}, Count{}, Count{}
	r.Doubt = Doubt{NotBilled, reason}
}
