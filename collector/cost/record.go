// SPDX-License-Identifier: Apache-2.0

package cost

// CallRecord is a counted call, made once by the ledger after its cost is final. Duplicates and aggregates have none. A
// text is "" when it is unknown.
type CallRecord struct {
	// Key is the span that carries the cost; ParentID is 0 at the root of a trace.
	Key      SpanKey
	ParentID uint64
	// StartNs and DurationNs: when the call began (nanoseconds since the epoch) and how long it took.
	StartNs, DurationNs int64
	// Service is service.name of the resource. SessionID is the session, conversation or thread of the call, else the trace
	// id as 32 hexadecimal digits.
	Service, SessionID string
	// Provider, Model, Operation and Tier are as on the span; Tier is "batch" for batch processing.
	Provider, Model, Operation, Tier string
	// Usage holds inclusive meters.
	Usage []Amount
	// Cost holds the cost, its status, reason, source and rate id; List is known for every cost at list price.
	Cost           Cost
	PricingVersion string
	// Tags are app.* attributes that hold a string, in the order of the span.
	Tags []Fact
	// Error is the error's type when the call failed.
	Error                                            string
	FinishReason, PromptName, PromptVersion, Outcome string
	// TimeToFirstTokenNs is known when HasFirstToken.
	TimeToFirstTokenNs int64
	HasFirstToken      bool
}
