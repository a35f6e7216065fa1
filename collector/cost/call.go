// SPDX-License-Identifier: Apache-2.0

package cost

import "strings"

// Fact is one thing that a call states about how it was served: service tier, processing, place, speed.
type Fact struct{ Dimension, Value string }

// Call is one request to a model as it is to be priced. Fields that are not known are empty.
type Call struct {
	// Provider is the provider in any known spelling, Model the model as the response gave it, else as requested.
	Provider, Model, RequestModel string
	// Usage holds inclusive meters: input_tokens holds cache reads, writes and every modality.
	Usage []Amount
	// AtNs is when the call started, nanoseconds since the Unix epoch, UTC.
	AtNs int64
	// ServiceTier is the tier that was served; Processing is "batch" or empty.
	ServiceTier, Processing string
	// Context holds further facts that can change the price: server_address, speed, inference_geo, …; and for contracts
	// tenant, team, account, api_key_alias, deployment, override_usd.
	Context []Fact
	// DurationNs is how long the call took, when HasDuration, for what is charged by time.
	DurationNs  int64
	HasDuration bool
}

// Fact returns what the context states, "" when it states nothing.
func (c *Call) Fact(dimension string) string {
	found := ""
	for _, fact := range c.Context {
		if fact.Dimension == dimension {
			found = fact.Value
		}
	}
	return found
}

func (c *Call) Has(dimension string) bool {
	for _, fact := range c.Context {
		if fact.Dimension == dimension {
			return true
		}
	}
	return false
}

// Sources of a cost (llm.cost_source).
const (
	SourceRateCard = "rate_card"
	SourceProvider = "provider"
	SourceContract = "contract"
	SourceHardware = "hardware"
	SourceManual   = "manual"
)

// ContractMark is what a pricing version holds before the hash of a contract.
const ContractMark = "+o"

// ImpliedSource returns the source of a cost that has a rate but states no source, by its pricing version: "" under a contract.
func ImpliedSource(version string) string {
	if strings.Contains(version, ContractMark) {
		return ""
	}
	return Implied[AttrCostSource]
}

// Cost is what a call costs, or why its cost is unknown.
type Cost struct {
	// Status is a value of llm.cost_status, Reason of llm.cost_reason (empty when the status is priced).
	Status, Reason string
	// Known is false exactly when the cost is unknown; Femto is the cost when it is true.
	Known bool
	Femto Femto
	// RateID is enough, with the card's version, to find the rates again; Source is llm.cost_source.
	RateID, Source string
	// List is the list price, when ListKnown, when another source than the rate card gave the cost.
	ListKnown bool
	List      Femto
}

// UnpricedCost returns the cost of a call that cannot be priced.
func UnpricedCost(reason string) Cost { return Cost{Status: Unpriced, Reason: reason} }

// LineItem is one meter's share of a cost: Price is USD in decimal text for Per units.
type LineItem struct {
	Meter    string
	Quantity Quantity
	Price    string
	Per      int64
	Femto    Femto
}
