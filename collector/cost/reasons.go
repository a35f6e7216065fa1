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

// Reasons that pricing gives (llm.cost_reason); docs/statuses.md says what each means.
const (
	reasonUnknownProvider   = "unknown_provider"
	reasonUnknownModel      = "unknown_model"
	reasonNoModel           = "no_model"
	reasonNoUsage           = "no_usage"
	reasonInterrupted       = "interrupted"
	reasonBadUsage          = "bad_usage"
	reasonBadTime           = "bad_time"
	reasonNoPriceAtTime     = "no_price_at_time"
	reasonMissingRate       = "missing_rate"
	reasonUnknownMeter      = "unknown_meter"
	reasonMissingTotal      = "missing_total"
	reasonInconsistentUsage = "inconsistent_usage"
	reasonParentRate        = "parent_rate"
	reasonUnknownTier       = "unknown_service_tier"
	reasonNoPlaceRate       = "no_place_rate"
	reasonAssumedFact       = "assumed_fact"
	reasonNoTierRate        = "no_tier_rate"
	reasonRequestedModel    = "requested_model"
	reasonFreeRate          = "free_rate"
	reasonAllocated         = "allocated"
	reasonNoDuration        = "no_duration"
	reasonOverrideRefused   = "override_refused"
)

func worse(status string) int {
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
