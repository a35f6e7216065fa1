// SPDX-License-Identifier: Apache-2.0

// Code generated from semconv/registry by tools/generate_semconv.py; DO NOT EDIT.

package cost

// On the span of one LLM call.
const (
	AttrProvider              = "llm.provider"
	AttrModel                 = "llm.model"
	AttrOperation             = "llm.operation"
	AttrInputTokens           = "llm.input_tokens"
	AttrCachedInputTokens     = "llm.cached_input_tokens"
	AttrCacheWriteInputTokens = "llm.cache_write_input_tokens"
	AttrOutputTokens          = "llm.output_tokens"
	AttrReasoningOutputTokens = "llm.reasoning_output_tokens"
	AttrTotalTokens           = "llm.total_tokens"
	AttrRequestCostUSD        = "llm.request_cost_usd"
	AttrRequestCostNanoUSD    = "llm.request_cost_nanousd"
	AttrCostBucket            = "llm.cost_bucket"
	AttrCostStatus            = "llm.cost_status"
	AttrCostReason            = "llm.cost_reason"
	AttrCostSource            = "llm.cost_source"
	AttrListCostUSD           = "llm.list_cost_usd"
	AttrPricingVersion        = "llm.pricing_version"
	AttrRateID                = "llm.rate_id"
	AttrRequestID             = "llm.request_id"
	AttrFinishReason          = "llm.finish_reason"
	AttrServiceTier           = "llm.service_tier"
	AttrDuplicateOf           = "llm.duplicate_of"
)

// On every ancestor of a call.
const (
	AttrSubtreeCostUSD          = "llm.subtree_cost_usd"
	AttrSubtreeInputTokens      = "llm.subtree_input_tokens"
	AttrSubtreeOutputTokens     = "llm.subtree_output_tokens"
	AttrSubtreeRequests         = "llm.subtree_requests"
	AttrSubtreeUnpricedRequests = "llm.subtree_unpriced_requests"
)

// On the root of a trace, and on the topmost span of each service in it.
const (
	AttrTraceCostUSD      = "llm.trace_cost_usd"
	AttrTraceCostNanoUSD  = "llm.trace_cost_nanousd"
	AttrTraceInputTokens  = "llm.trace_input_tokens"
	AttrTraceOutputTokens = "llm.trace_output_tokens"
	AttrTraceRequests     = "llm.trace_requests"
	AttrTraceCostComplete = "llm.trace_cost_complete"
)

// On the same spans, by the Collector's `llm_cost_rollup`, for samplers.
const (
	AttrTraceCostBucket = "llm.trace_cost_bucket"
)

// On the root of a trace with an anomaly, and on the topmost span of each service in it.
const (
	AttrAnomalies      = "llm.anomalies"
	AttrAnomalyCostUSD = "llm.anomaly_cost_usd"
)

// CallAttributes are the names of the attributes that the span of a call may carry.
var CallAttributes = []string{
	AttrProvider,
	AttrModel,
	AttrOperation,
	AttrInputTokens,
	AttrCachedInputTokens,
	AttrCacheWriteInputTokens,
	AttrOutputTokens,
	AttrReasoningOutputTokens,
	AttrTotalTokens,
	AttrRequestCostUSD,
	AttrRequestCostNanoUSD,
	AttrCostBucket,
	AttrCostStatus,
	AttrCostReason,
	AttrCostSource,
	AttrListCostUSD,
	AttrPricingVersion,
	AttrRateID,
	AttrRequestID,
	AttrFinishReason,
	AttrServiceTier,
	AttrDuplicateOf,
}

// LeanAttributes are those of the set lean.
var LeanAttributes = []string{
	AttrRequestCostUSD,
	AttrCostStatus,
	AttrPricingVersion,
}

// StandardAttributes are those of the set standard.
var StandardAttributes = []string{
	AttrProvider,
	AttrModel,
	AttrInputTokens,
	AttrCachedInputTokens,
	AttrCacheWriteInputTokens,
	AttrOutputTokens,
	AttrReasoningOutputTokens,
	AttrRequestCostUSD,
	AttrRequestCostNanoUSD,
	AttrCostStatus,
	AttrCostReason,
	AttrListCostUSD,
	AttrPricingVersion,
	AttrRateID,
	AttrServiceTier,
	AttrDuplicateOf,
}

// StatedBy are the keys under which a span may have the same value, of attributes that the set standard leaves out then.
var StatedBy = map[string]string{
	AttrOperation: "gen_ai.operation.name",
	AttrRequestID: "gen_ai.response.id",
}

// Implied are the values that are meant where none is written, of attributes that the set standard leaves out then.
var Implied = map[string]string{
	AttrCostSource: "rate_card",
}
