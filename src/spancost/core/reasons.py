# SPDX-License-Identifier: Apache-2.0
"""The closed list of codes that `llm.cost_reason` takes, each with the one sentence that documents it.

A code may be followed by `:` and the name of a meter or fact (`missing_rate:web_searches`); nothing else ever is.
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
    UNKNOWN_PROVIDER: "No rate card of this provider exists.",
    UNKNOWN_MODEL: "The provider's card has no entry of exactly this name.",
    NO_MODEL: "The call names no model.",
    NO_USAGE: "The call reports no meter at all.",
    BAD_USAGE: "A quantity is negative, not finite, no number, above 2^63 - 1, or a part of a token.",
    BAD_TIME: "The time of the call is not a number of nanoseconds.",
    NO_PRICE_AT_TIME: "The entry has no price at the time of the call.",
    MISSING_RATE: "The meter was used and the entry has no rate for it; the rest is priced.",
    UNKNOWN_METER: "The call reports a meter that the card does not know; the rest is priced.",
    MISSING_TOTAL: "A part is reported without the total that it is inside of; only the part is priced.",
    INCONSISTENT_USAGE: "Parts exceed the total that they are inside of; they were cut to it.",
    PARENT_RATE: "The meter has no rate of its own and is billed at the rate of the meter that it is inside of.",
    UNKNOWN_SERVICE_TIER: "The service tier is no known one; standard rates were used.",
    NO_TIER_RATE: "The entry has no rate for this tier, processing, speed or search context; the usual one was used.",
    NO_PLACE_RATE: "The entry has no rate for the region, location, endpoint or deployment; the usual ones were used.",
    ASSUMED_FACT: "The price depends on a fact that is not reported and has no default; the usual rate was used.",
    REQUESTED_MODEL: "The card does not know the model that answered; the rates of the one asked for were used.",
    FREE_RATE: "The card says that this is free.",
    ALLOCATED: "The cost is a share of what own machines cost, as the contract says; their idle time is not in it.",
    NO_DURATION: "The contract charges by time, and the call does not say how long it took.",
    OVERRIDE_REFUSED: "The cost set by hand is no amount that the contract allows; the usual one was used.",
    "contract_unusable": "The contract that the settings name could not be loaded; the log says why.",
    "rate_card_unusable": "The rate card that the settings name could not be loaded; the log says why.",
    # Codes of the counting rule (core/ledger/counting.py) and of what a dialect leaves open (semconv/dialects/).
    "same_response_id": "A call with this response id is counted already, on the span that `llm.duplicate_of` names.",
    "same_response_other_tokens": "Another instrumentation reported this response with other tokens.",
    "repeats_call_beneath": "The usage repeats that of one call beneath it, which is counted there.",
    "sum_of_calls_beneath": "The usage is explained by the calls beneath it, which are counted there.",
    "same_call_elsewhere": "Another instrumentation reported this call, with the same model, tokens and time.",
    "same_tokens_elsewhere": "Another instrumentation reported such a call, and no id tells whether it is this one.",
    "exceeds_calls_beneath": "The usage exceeds that of the calls beneath it; they are counted, the excess is not.",
    "reports_more": "Counted elsewhere; this span reports a priced meter that the counted one does not report.",
    "counted_on_span": "The emitter reports this call on a span too; it is counted there.",
    "counted_on_log_record": "The emitter reports this call on a log record too; it is counted there.",
    "only_carrier": "No call beneath this agent, chain or tool reports usage, so its own total is all there is.",
    "stream_cut": "The answer was cut before it told all; the cost is a lower bound.",
    INTERRUPTED: "The call failed or was left after it was sent, and reports no usage; it may have been billed.",
    "output_from_text": "The stream was cut; the output was estimated by the length of the text that came.",
    "usage_from_text": "The stream told no usage; it was estimated by the length of the request and of the answer.",
    "output_as_images": "The answer of an image model does not split its output; all of it was taken for images.",
    "output_from_total": "The output was completed from the total; what exceeds the stated parts counts as reasoning.",
    "stated_cost": "There is no price of ours for this; the cost is the one that the span states.",
    "unexplained_tokens": "The total holds tokens that neither input nor output does; they are not priced.",
    "cache_from_total": "What the total holds beyond input and output was taken as cache reads; writes cost more.",
    "cache_not_reported": "This instrumentation does not say what was read from or written to the cache.",
    "reasoning_not_reported": "This instrumentation leaves reasoning out of the output and does not tell it.",
    "region_not_reported": "This instrumentation strips the region off the model; the price without one was used.",
    "local_cache": "The answer came from a cache of the application's own; the provider was not asked.",
    "output_overcounted": "This instrumentation counts the start of a stream's output twice: a few tokens too many.",
    "counted_locally": "The stream told no usage; this instrumentation counted the tokens itself.",
    "plan_billing": "The login may be a plan that is not billed by token; the cost is at list price by token.",
    "usage_not_reported": "This instrumentation reports a part of the usage only; the cost is a lower bound.",
}
"""Code -> what it says; the table in the documentation is made from it."""
