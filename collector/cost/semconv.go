// SPDX-License-Identifier: Apache-2.0

package cost

// Names of the attributes that are written, as semconv/registry defines them.
const (
	AttrProvider        = "llm.provider"
	AttrModel           = "llm.model"
	AttrOperation       = "llm.operation"
	AttrInputTokens     = "llm.input_tokens"
	AttrCachedInput     = "llm.cached_input_tokens"
	AttrCacheWriteInput = "llm.cache_write_input_tokens"
	AttrOutputTokens    = "llm.output_tokens"
	AttrReasoningOutput = "llm.reasoning_output_tokens"
	AttrTotalTokens     = "llm.total_tokens"
	AttrRequestCostUSD  = "llm.request_cost_usd"
	AttrRequestCostNano = "llm.request_cost_nanousd"
	AttrCostBucket      = "llm.cost_bucket"
	AttrCostStatus      = "llm.cost_status"
	AttrCostReason      = "llm.cost_reason"
	AttrCostSource      = "llm.cost_source"
	AttrListCostUSD     = "llm.list_cost_usd"
	AttrPricingVersion  = "llm.pricing_version"
	AttrRateID          = "llm.rate_id"
	AttrRequestID       = "llm.request_id"
	AttrFinishReason    = "llm.finish_reason"
	AttrServiceTier     = "llm.service_tier"
	AttrDuplicateOf     = "llm.duplicate_of"
	AttrSubtreeCostUSD  = "llm.subtree_cost_usd"
	AttrSubtreeInput    = "llm.subtree_input_tokens"
	AttrSubtreeOutput   = "llm.subtree_output_tokens"
	AttrSubtreeRequests = "llm.subtree_requests"
	AttrSubtreeUnpriced = "llm.subtree_unpriced_requests"
	AttrTraceCostUSD    = "llm.trace_cost_usd"
	AttrTraceCostNano   = "llm.trace_cost_nanousd"
	AttrTraceInput      = "llm.trace_input_tokens"
	AttrTraceOutput     = "llm.trace_output_tokens"
	AttrTraceRequests   = "llm.trace_requests"
	AttrTraceComplete   = "llm.trace_cost_complete"
)

// CallAttributes are the names of the attributes that the span of a call may carry.
var CallAttributes = []string{
	AttrProvider, AttrModel, AttrOperation, AttrInputTokens, AttrCachedInput, AttrCacheWriteInput, AttrOutputTokens,
	AttrReasoningOutput, AttrTotalTokens, AttrRequestCostUSD, AttrRequestCostNano, AttrCostBucket, AttrCostStatus,
	AttrCostReason, AttrCostSource, AttrListCostUSD, AttrPricingVersion, AttrRateID, AttrRequestID, AttrFinishReason,
	AttrServiceTier, AttrDuplicateOf,
}
