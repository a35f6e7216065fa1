// SPDX-License-Identifier: Apache-2.0

package cost

// Statuses of a cost (llm.cost_status), from the best to the worst; then those of spans that are no call of their own.
const (
	Priced    = "priced"
	Free      = "free"
	NotBilled = "not_billed"
	Estimated = "estimated"
	Partial   = "partial"
	Unpriced  = "unpriced"
	Duplicate = "duplicate"
	Aggregate = "aggregate"
)

// Reasons that pricing gives (llm.cost_reason); docs/statuses.md states what each means.
const (
	ReasonUnknownProvider   = "unknown_provider"
	ReasonUnknownModel      = "unknown_model"
	ReasonNoModel           = "no_model"
	ReasonNoUsage           = "no_usage"
	ReasonInterrupted       = "interrupted"
	ReasonBadUsage          = "bad_usage"
	reasonBadTime           = "bad_time"
	ReasonNoPriceAtTime     = "no_price_at_time"
	ReasonMissingRate       = "missing_rate"
	ReasonUnknownMeter      = "unknown_meter"
	ReasonMissingTotal      = "missing_total"
	ReasonPartNotReported   = "part_not_reported"
	ReasonInconsistentUsage = "inconsistent_usage"
	ReasonParentRate        = "parent_rate"
	ReasonUnknownTier       = "unknown_service_tier"
	ReasonNoPlaceRate       = "no_place_rate"
	ReasonAssumedFact       = "assumed_fact"
	ReasonNoTierRate        = "no_tier_rate"
	ReasonRequestedModel    = "requested_model"
	ReasonFreeRate          = "free_rate"
	ReasonAllocated         = "allocated"
	ReasonNoDuration        = "no_duration"
	ReasonOverrideRefused   = "override_refused"
	ReasonStatedCost        = "stated_cost"
)

func Severity(status string) int {
	switch status {
	case Priced:
		return 0
	case Free:
		return 1
	case NotBilled:
		return 2
	case Estimated:
		return 3
	case Partial:
		return 4
	}
	return 5
}

// Doubt is what is not sure about a cost: a status and its reason. The zero Doubt is none.
type Doubt struct{ Status, Reason string }
