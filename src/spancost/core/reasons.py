# SPDX-License-Identifier: Apache-2.0
"""The closed list of values of `llm.cost_reason`, each with the sentence that documents it.

A code may have the suffix `:` and the name of a meter or fact (`missing_rate:web_searches`), and no other suffix.
"""

from __future__ import annotations

UNKNOWN_PROVIDER = "unknown_provider"
UNKNOWN_MODEL = "unknown_model"
NO_MODEL = "no_model"
NO_USAGE = "no_usage"
BAD_USAGE = "bad_usage"
BAD_TIME = "bad_time"
NO_PRICE_AT_TIME = "no_price_at_time"
MISSING_RATE = "missing_rate"
UNKNOWN_METER = "unknown_meter"
MISSING_TOTAL = "missing_total"
PART_NOT_REPORTED = "part_not_reported"
INCONSISTENT_USAGE = "inconsistent_usage"
PARENT_RATE = "parent_rate"
UNKNOWN_SERVICE_TIER = "unknown_service_tier"
NO_TIER_RATE = "no_tier_rate"
NO_PLACE_RATE = "no_place_rate"
ASSUMED_FACT = "assumed_fact"
REQUESTED_MODEL = "requested_model"
FREE_RATE = "free_rate"
ALLOCATED = "allocated"
NO_DURATION = "no_duration"
OVERRIDE_REFUSED = "override_refused"
INTERRUPTED = "interrupted"

SENTENCES = {
    UNKNOWN_PROVIDER: "The rate card does not have this provider.",
    UNKNOWN_MODEL: "The rate card has no entry with exactly this model name.",
    NO_MODEL: "The call names no model.",
    NO_USAGE: "The call reports no usage.",
    BAD_USAGE: "A quantity is negative, not finite, not a number, above 2^63 - 1, or a fraction of a token.",
    BAD_TIME: "The time of the call is not a number of nanoseconds.",
    NO_PRICE_AT_TIME: "The entry has no price at the time of the call.",
    MISSING_RATE: "The entry has no rate for a meter that was used; the other meters are priced.",
    UNKNOWN_METER: "The call reports a meter that the card does not have; the other meters are priced.",
    MISSING_TOTAL: "A part is reported without the total that includes it; only the part is priced.",
    PART_NOT_REPORTED: "A part with a rate of its own is not reported; the cost is a lower bound.",
    INCONSISTENT_USAGE: "Parts exceed the total that includes them; they were limited to the total.",
    PARENT_RATE: "The meter has no rate of its own and is billed at the rate of the meter that includes it.",
    UNKNOWN_SERVICE_TIER: "The service tier is unknown; standard rates were used.",
    NO_TIER_RATE: "The entry has no rate for this tier, processing, speed or search context; the default was used.",
    NO_PLACE_RATE: "The entry has no rate for this region, location, endpoint or deployment; default rates were used.",
    ASSUMED_FACT: "The price depends on a fact that is not reported and has no documented default.",
    REQUESTED_MODEL: "The card does not have the model that answered; the rates of the requested model were used.",
    FREE_RATE: "The rate card lists this as free.",
    ALLOCATED: "The cost is a share of the cost of own machines under a contract; idle time is not included.",
    NO_DURATION: "The contract charges by time, and the duration of the call is unknown.",
    OVERRIDE_REFUSED: "The contract does not allow the cost that the application set; the computed cost was used.",
    "contract_unusable": "The configured contract could not be loaded; the log says why.",
    "rate_card_unusable": "The configured rate card could not be loaded; the log says why.",
    # Codes of the counting rule (core/ledger/classification.py) and of incomplete readings (semconv/dialects/).
    "same_response_id": "A call with this response id is already counted, on the span that `llm.duplicate_of` names.",
    "same_response_other_tokens": "Another instrumentation reported this response with different token counts.",
    "repeats_call_beneath": "The usage repeats that of a call below this span, which is counted there.",
    "sum_of_calls_beneath": "The usage is the sum of the calls below this span, which are counted there.",
    "less_than_calls_below": "The usage is less than that of the calls below this span; it may be of another call.",
    "same_call_elsewhere": "Another instrumentation reported this call in this trace: same model, tokens and time.",
    "same_tokens_elsewhere": "Another span, in any trace, reports the same tokens; no id shows if it is this call.",
    "exceeds_calls_beneath": "The usage exceeds that of the calls below this span; only those are counted.",
    "reports_more": "Counted elsewhere; this span reports a priced meter that the counted one does not report.",
    "counted_on_span": "The emitter also reports this call on a span; it is counted there.",
    "counted_on_log_record": "The emitter also reports this call on a log record; it is counted there.",
    "only_carrier": "No call below this agent, chain or tool reports usage, so its own total is counted.",
    "stream_cut": "The stream ended before it reported all usage; the cost is a lower bound.",
    INTERRUPTED: "The call failed or was abandoned after it was sent, and reports no usage; it may have been billed.",
    "lists_not_read": "The answer is too long to count its searches and tool calls; their fees may be missing.",
    "endpoint_unknown": "The answer reports usage in an unknown form at an unknown endpoint; it was not read.",
    "output_from_text": "The stream ended early; the output was estimated from the length of the received text.",
    "usage_from_text": "The stream reported no usage; it was estimated from the length of the request and the answer.",
    "video_requested": "The seconds of video are those of the request; the provider bills only videos that it made.",
    "output_as_images": "The answer of an image model does not split its output; all of it was priced as images.",
    "output_from_total": "The output was completed from the total; the difference counts as reasoning.",
    "stated_cost": "The rate card has no price for this; the cost is the one that the span reports.",
    "unexplained_tokens": "The total includes tokens that are in neither input nor output; they are not priced.",
    "cache_from_total": "Tokens of the total beyond input and output were priced as cache reads; writes cost more.",
    "cache_not_reported": "This instrumentation does not report cache reads and writes.",
    "reasoning_not_reported": "This instrumentation does not report reasoning, neither in the output nor separately.",
    "region_not_reported": "This instrumentation removes the region from the model; the price without region was used.",
    "local_cache": "The answer came from a cache of the application; no request was sent to the provider.",
    "possible_local_cache": "The tokens of an earlier call, in almost no time: it may be an answer from a cache.",
    "output_overcounted": "This instrumentation counts the start of a stream's output twice: a few tokens too many.",
    "counted_locally": "The stream reported no usage; this instrumentation counted the tokens itself.",
    "plan_billing": "The account may be on a plan that is not billed by token; the cost is the list price by token.",
    "usage_not_reported": "This instrumentation reports only part of the usage; the cost is a lower bound.",
}
"""Code -> its meaning; docs/statuses.md is generated from it."""
