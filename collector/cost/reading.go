// SPDX-License-Identifier: Apache-2.0

package cost

import "github.com/spancost/spancost/collector/cost/document"

// Count is a number of tokens; Known is false when the source does not say.
type Count struct {
	N     int64
	Known bool
}

// Reading is what a span says about a model call, after its dialect's words were put into ours. Empty texts are not
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
	// BeganNs is when the call began, when HasBegan: the span says that it took longer than the span itself.
	HasBegan bool
	BeganNs  int64

	// reported is a cost that somebody else put on the span, as written there.
	reported document.Value

	scratch *scratch
	// mould is what the reading was cast in, nil when it was read in full.
	mould *mould
}

// scratch is room that readings are made in, kept from one to the next.
type scratch struct {
	values  values
	figures figures
	usage   [16]Amount
	context [4]Fact
	matched [16]int
	// Of the last reading in full: the rules that matched, whether an operation was named, and the doubt of the rules.
	applied []int
	isNamed bool
	ruled   Doubt
}

// reset empties the reading and keeps its room.
func (r *Reading) reset() {
	room := r.scratch
	if room == nil {
		room = &scratch{}
	}
	room.values.told, room.values.present, room.figures.known = 0, keySet{}, 0
	room.figures.parts = nil
	*r = Reading{scratch: room}
}
