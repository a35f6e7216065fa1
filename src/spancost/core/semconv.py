# SPDX-License-Identifier: Apache-2.0
# Generated from semconv/registry by tools/generate_semconv.py; edit the registry.
"""Names of every attribute spancost writes."""

from __future__ import annotations

from typing import Final

# On the span of one LLM call
LLM_PROVIDER: Final = "llm.provider"
LLM_MODEL: Final = "llm.model"
LLM_OPERATION: Final = "llm.operation"
LLM_INPUT_TOKENS: Final = "llm.input_tokens"
LLM_CACHED_INPUT_TOKENS: Final = "llm.cached_input_tokens"
LLM_CACHE_WRITE_INPUT_TOKENS: Final = "llm.cache_write_input_tokens"
LLM_OUTPUT_TOKENS: Final = "llm.output_tokens"
LLM_REASONING_OUTPUT_TOKENS: Final = "llm.reasoning_output_tokens"
LLM_TOTAL_TOKENS: Final = "llm.total_tokens"
LLM_REQUEST_COST_USD: Final = "llm.request_cost_usd"
LLM_REQUEST_COST_NANOUSD: Final = "llm.request_cost_nanousd"
LLM_COST_BUCKET: Final = "llm.cost_bucket"
LLM_COST_STATUS: Final = "llm.cost_status"
LLM_COST_REASON: Final = "llm.cost_reason"
LLM_COST_SOURCE: Final = "llm.cost_source"
LLM_LIST_COST_USD: Final = "llm.list_cost_usd"
LLM_PRICING_VERSION: Final = "llm.pricing_version"
LLM_RATE_ID: Final = "llm.rate_id"
LLM_REQUEST_ID: Final = "llm.request_id"
LLM_FINISH_REASON: Final = "llm.finish_reason"
LLM_SERVICE_TIER: Final = "llm.service_tier"
LLM_DUPLICATE_OF: Final = "llm.duplicate_of"

# On every span above a call
LLM_SUBTREE_COST_USD: Final = "llm.subtree_cost_usd"
LLM_SUBTREE_INPUT_TOKENS: Final = "llm.subtree_input_tokens"
LLM_SUBTREE_OUTPUT_TOKENS: Final = "llm.subtree_output_tokens"
LLM_SUBTREE_REQUESTS: Final = "llm.subtree_requests"
LLM_SUBTREE_UNPRICED_REQUESTS: Final = "llm.subtree_unpriced_requests"

# On the root of a trace, and on the topmost span of each service in it
LLM_TRACE_COST_USD: Final = "llm.trace_cost_usd"
LLM_TRACE_COST_NANOUSD: Final = "llm.trace_cost_nanousd"
LLM_TRACE_INPUT_TOKENS: Final = "llm.trace_input_tokens"
LLM_TRACE_OUTPUT_TOKENS: Final = "llm.trace_output_tokens"
LLM_TRACE_REQUESTS: Final = "llm.trace_requests"
LLM_TRACE_COST_COMPLETE: Final = "llm.trace_cost_complete"

# Attribution, on every span started inside an attribution block
APP_FEATURE: Final = "app.feature"
APP_ENVIRONMENT: Final = "app.environment"
APP_TEAM: Final = "app.team"
APP_WORKSPACE_ID: Final = "app.workspace_id"
APP_USER_TIER: Final = "app.user_tier"
APP_EXPERIMENT: Final = "app.experiment"
APP_PROMPT_NAME: Final = "app.prompt_name"
APP_PROMPT_VERSION: Final = "app.prompt_version"
APP_OUTCOME: Final = "app.outcome"
APP_ATTRIBUTION_MISSING: Final = "app.attribution_missing"
