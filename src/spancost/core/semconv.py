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

# On every ancestor of a call
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

# On the same spans, by the Collector's `llm_cost_rollup`, for samplers
LLM_TRACE_COST_BUCKET: Final = "llm.trace_cost_bucket"

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

# On the root of a trace with an anomaly, and on the topmost span of each service in it
LLM_ANOMALIES: Final = "llm.anomalies"
LLM_ANOMALY_COST_USD: Final = "llm.anomaly_cost_usd"

# On the event `llm.anomaly`, with llm.anomaly_cost_usd; rule and action also on a call that was stopped
LLM_ANOMALY_RULE: Final = "llm.anomaly.rule"
LLM_ANOMALY_TEXT: Final = "llm.anomaly.text"
LLM_ANOMALY_THRESHOLD: Final = "llm.anomaly.threshold"
LLM_ANOMALY_SPAN_IDS: Final = "llm.anomaly.span_ids"
LLM_ANOMALY_SESSION_ID: Final = "llm.anomaly.session_id"
LLM_ANOMALY_ACTION: Final = "llm.anomaly.action"

# A call that a budget refused, changed or cut.
LLM_BUDGET_ID: Final = "llm.budget.id"
LLM_BUDGET_KEY: Final = "llm.budget.key"
LLM_BUDGET_LIMIT_USD: Final = "llm.budget.limit_usd"
LLM_BUDGET_USED_USD: Final = "llm.budget.used_usd"
LLM_BUDGET_NEEDED_USD: Final = "llm.budget.needed_usd"
LLM_BUDGET_RESETS_AT: Final = "llm.budget.resets_at"
LLM_BUDGET_ACTION: Final = "llm.budget.action"
LLM_BUDGET_REASON: Final = "llm.budget.reason"
LLM_BUDGET_SHARE: Final = "llm.budget.share"
LLM_BUDGET_REQUESTED_MODEL: Final = "llm.budget.requested_model"
LLM_BUDGET_OUTPUT_BOUND: Final = "llm.budget.output_bound"

# On a span that was captured at the HTTP boundary
LLM_CAPTURE: Final = "llm.capture"
LLM_ESTIMATE: Final = "llm.estimate"
LLM_NOT_READ: Final = "llm.not_read"
LLM_REQUEST_MODEL: Final = "llm.request_model"
LLM_STREAMING: Final = "llm.streaming"
LLM_TIME_TO_FIRST_TOKEN_SECONDS: Final = "llm.time_to_first_token_seconds"
LLM_PROVIDER_COST_USD: Final = "llm.provider_cost_usd"
LLM_GATEWAY: Final = "llm.gateway"
LLM_UPSTREAM_PROVIDER: Final = "llm.upstream_provider"
LLM_SPEED: Final = "llm.speed"
LLM_INFERENCE_GEO: Final = "llm.inference_geo"
LLM_VERTEX_LOCATION: Final = "llm.vertex_location"
LLM_SEARCH_CONTEXT: Final = "llm.search_context"
LLM_METER_INPUT_TOKENS: Final = "llm.meter.input_tokens"
LLM_METER_CACHE_READ_TOKENS: Final = "llm.meter.cache_read_tokens"
LLM_METER_CACHE_WRITE_TOKENS: Final = "llm.meter.cache_write_tokens"
LLM_METER_OUTPUT_TOKENS: Final = "llm.meter.output_tokens"
LLM_METER_REASONING_TOKENS: Final = "llm.meter.reasoning_tokens"
LLM_METER_CACHE_WRITE_5M_TOKENS: Final = "llm.meter.cache_write_5m_tokens"
LLM_METER_CACHE_WRITE_1H_TOKENS: Final = "llm.meter.cache_write_1h_tokens"
LLM_METER_INPUT_AUDIO_TOKENS: Final = "llm.meter.input_audio_tokens"
LLM_METER_OUTPUT_AUDIO_TOKENS: Final = "llm.meter.output_audio_tokens"
LLM_METER_CACHE_READ_AUDIO_TOKENS: Final = "llm.meter.cache_read_audio_tokens"
LLM_METER_CACHE_READ_IMAGE_TOKENS: Final = "llm.meter.cache_read_image_tokens"
LLM_METER_INPUT_IMAGE_TOKENS: Final = "llm.meter.input_image_tokens"
LLM_METER_OUTPUT_IMAGE_TOKENS: Final = "llm.meter.output_image_tokens"
LLM_METER_INPUT_VIDEO_TOKENS: Final = "llm.meter.input_video_tokens"
LLM_METER_INPUT_CHARACTERS: Final = "llm.meter.input_characters"
LLM_METER_AUDIO_SECONDS: Final = "llm.meter.audio_seconds"
LLM_METER_VIDEO_SECONDS: Final = "llm.meter.video_seconds"
LLM_METER_PAGES: Final = "llm.meter.pages"
LLM_METER_IMAGES: Final = "llm.meter.images"
LLM_METER_INPUT_IMAGES: Final = "llm.meter.input_images"
LLM_METER_CITATION_TOKENS: Final = "llm.meter.citation_tokens"
LLM_METER_SEARCH_UNITS: Final = "llm.meter.search_units"
LLM_METER_WEB_SEARCHES: Final = "llm.meter.web_searches"
LLM_METER_PREVIEW_SEARCHES: Final = "llm.meter.preview_searches"
LLM_METER_MAPS_SEARCHES: Final = "llm.meter.maps_searches"
LLM_METER_ROUTED_INPUT_TOKENS: Final = "llm.meter.routed_input_tokens"
LLM_METER_FILE_SEARCHES: Final = "llm.meter.file_searches"
LLM_METER_SOCIAL_SEARCHES: Final = "llm.meter.social_searches"
LLM_METER_COLLECTION_SEARCHES: Final = "llm.meter.collection_searches"
LLM_METER_ATTACHMENT_SEARCHES: Final = "llm.meter.attachment_searches"
LLM_METER_CODE_EXECUTIONS: Final = "llm.meter.code_executions"
LLM_METER_CODE_INTERPRETER_SESSIONS: Final = "llm.meter.code_interpreter_sessions"

# On metrics
LLM_TOKEN_TYPE: Final = "llm.token.type"

LEAN_ATTRIBUTES: Final = (
    LLM_REQUEST_COST_USD,
    LLM_COST_STATUS,
    LLM_PRICING_VERSION,
)

STANDARD_ATTRIBUTES: Final = (
    LLM_PROVIDER,
    LLM_MODEL,
    LLM_INPUT_TOKENS,
    LLM_CACHED_INPUT_TOKENS,
    LLM_CACHE_WRITE_INPUT_TOKENS,
    LLM_OUTPUT_TOKENS,
    LLM_REASONING_OUTPUT_TOKENS,
    LLM_REQUEST_COST_USD,
    LLM_REQUEST_COST_NANOUSD,
    LLM_COST_STATUS,
    LLM_COST_REASON,
    LLM_LIST_COST_USD,
    LLM_PRICING_VERSION,
    LLM_RATE_ID,
    LLM_SERVICE_TIER,
    LLM_DUPLICATE_OF,
)

FULL_ATTRIBUTES: Final = (
    LLM_PROVIDER,
    LLM_MODEL,
    LLM_OPERATION,
    LLM_INPUT_TOKENS,
    LLM_CACHED_INPUT_TOKENS,
    LLM_CACHE_WRITE_INPUT_TOKENS,
    LLM_OUTPUT_TOKENS,
    LLM_REASONING_OUTPUT_TOKENS,
    LLM_TOTAL_TOKENS,
    LLM_REQUEST_COST_USD,
    LLM_REQUEST_COST_NANOUSD,
    LLM_COST_BUCKET,
    LLM_COST_STATUS,
    LLM_COST_REASON,
    LLM_COST_SOURCE,
    LLM_LIST_COST_USD,
    LLM_PRICING_VERSION,
    LLM_RATE_ID,
    LLM_REQUEST_ID,
    LLM_FINISH_REASON,
    LLM_SERVICE_TIER,
    LLM_DUPLICATE_OF,
)

STATED_BY: Final = {
    LLM_OPERATION: "gen_ai.operation.name",
    LLM_REQUEST_ID: "gen_ai.response.id",
}

IMPLIED: Final = {
    LLM_COST_SOURCE: "rate_card",
}
