# SPDX-License-Identifier: Apache-2.0
"""The fix for each code of `llm.cost_reason`; `core/reasons` defines the codes."""

from __future__ import annotations

from collections import defaultdict

from spancost.core import reasons

_ADD_TO_CARD = (
    "State your price in a contract (SPANCOST_CONTRACT, docs/contracts.md). Or, in a checkout, add the list price to "
    "pricing/providers/{provider}.yaml, run tools/compile_card.py and set SPANCOST_CARD=pricing/compiled/card.jsonl."
)
_OLD_EMITTER = "Update that instrumentation, or enable spancost's capture, which reads the provider's response."
_NOTHING = "No action needed: the cost is counted once, on the other span."

FIXES = {
    reasons.UNKNOWN_PROVIDER: (
        "No span names a provider that the card knows. Set gen_ai.provider.name or server.address in the "
        "instrumentation. For calls that capture reads at your own host, set its provider: "
        "SPANCOST_CAPTURE_PROVIDERS=llm.internal:8000=vllm. For your own provider: " + _ADD_TO_CARD
    ),
    reasons.UNKNOWN_MODEL: "{model} of {provider} is not on the rate card. " + _ADD_TO_CARD,
    reasons.NO_MODEL: "Set gen_ai.response.model or gen_ai.request.model in the instrumentation. " + _OLD_EMITTER,
    reasons.NO_USAGE: (
        "The span has no token counts. Request them for OpenAI streams (stream_options={{'include_usage': True}}), "
        "read streams to the end, or enable spancost's capture."
    ),
    reasons.BAD_USAGE: "Check the usage attributes on the span: a count is negative or not a number. " + _OLD_EMITTER,
    reasons.BAD_TIME: "The span's start time is invalid. Check the clock and any component that rewrites spans.",
    reasons.NO_PRICE_AT_TIME: (
        "The call is older or newer than the prices of {model}. Check the machine's clock. If it is right, add the "
        "price period to pricing/providers/{provider}.yaml and run python tools/compile_card.py."
    ),
    reasons.MISSING_RATE: "{model} has no rate for {about}. " + _ADD_TO_CARD,
    reasons.UNKNOWN_METER: "The meter {about} is unknown: update spancost, or add it to pricing/units.yaml.",
    reasons.MISSING_TOTAL: "A part ({about}) was reported without its total. " + _OLD_EMITTER,
    reasons.INCONSISTENT_USAGE: "The counts contradict each other ({about}). " + _OLD_EMITTER,
    reasons.PARENT_RATE: "{about} was priced at the rate of the meter that contains it. If it has its own rate: "
    + _ADD_TO_CARD,
    reasons.UNKNOWN_SERVICE_TIER: "Standard rates were used. If it is a new tier, add its name to pricing/names.yaml.",
    reasons.NO_TIER_RATE: "Standard rates were used. If {model} has other rates for the served tier: " + _ADD_TO_CARD,
    reasons.NO_PLACE_RATE: "Standard rates were used. If {model} has other rates for that place: " + _ADD_TO_CARD,
    reasons.ASSUMED_FACT: (
        "The price depends on {about}, which the span does not report; the usual value was assumed. " + _OLD_EMITTER
    ),
    reasons.REQUESTED_MODEL: "The model that answered is not on the card; the requested model was priced. "
    + _ADD_TO_CARD,
    reasons.FREE_RATE: "No action needed: this is free on the rate card.",
    "rate_card_unusable": "SPANCOST_CARD names a card that cannot be loaded: run spancost doctor in that environment.",
    "contract_unusable": "SPANCOST_CONTRACT cannot be loaded; run spancost contract FILE for the reason.",
    "override_refused": "Set a cost within the limit of the contract's override, or raise the limit.",
    "no_duration": "The contract charges by time: end the span when the call ends.",
    "allocated": "No action needed: the cost is the contract's share of your own machines, without idle time.",
    "reports_more": (
        "Two instrumentations reported the call, and the one that is not counted reports more. Disable or update the "
        "other one."
    ),
    "same_response_id": _NOTHING,
    "repeats_call_beneath": _NOTHING,
    "sum_of_calls_beneath": _NOTHING,
    "same_call_elsewhere": _NOTHING,
    "same_response_other_tokens": "Use one instrumentation for these calls: two of them disagree about the tokens.",
    "same_tokens_elsewhere": "Use one instrumentation for these calls, or ones that report the response id.",
    "counted_on_span": _NOTHING,
    "counted_on_log_record": _NOTHING,
    "exceeds_calls_beneath": (
        "A sum is larger than the calls of its subtree, so some calls are not traced. Instrument them, or enable "
        "spancost's capture."
    ),
    "less_than_calls_below": (
        "A span reports tokens, or none, that the calls below it do not explain. Use an instrumentation that reports "
        "response ids, or enable spancost's capture."
    ),
    "possible_local_cache": (
        "Use an instrumentation that reports the response id: it shows which answers come from a cache of the "
        "application."
    ),
    "only_carrier": (
        "Only the agent's sum is traced. To get a cost for each call, instrument its model calls or enable spancost's "
        "capture."
    ),
    "lists_not_read": "The provider's bill has the fees of its searches and tool calls; the tokens are right.",
    "endpoint_unknown": "Please report the path and the form of the answer's usage (without content).",
    "stream_cut": "The stream was not read to the end, so the count is a lower bound. Read it to the end if you can.",
    reasons.INTERRUPTED: (
        "The billed usage was not received. Read streams to the end and use longer timeouts. The usage report of the "
        "provider shows what was billed."
    ),
    "output_from_text": "Read the stream to the end, where the provider reports the output.",
    "usage_from_text": (
        "Read streams to the end. For OpenAI streams, request usage: stream_options={{'include_usage': True}}."
    ),
    "video_requested": "The response does not report whether the video was made; compare with the provider's bill.",
    "output_as_images": "The response does not report how much of its output is images; ask the provider.",
    "output_from_total": _OLD_EMITTER,
    "cache_from_total": _OLD_EMITTER,
    "unexplained_tokens": _OLD_EMITTER,
    "stated_cost": "No action needed: no price is known, so the cost stated on the span is used.",
    "cache_not_reported": _OLD_EMITTER,
    "reasoning_not_reported": _OLD_EMITTER,
    "region_not_reported": _OLD_EMITTER,
    "local_cache": "No action needed: the provider was not called.",
    "output_overcounted": _OLD_EMITTER,
    "counted_locally": "Request usage for streams: stream_options={{'include_usage': True}}.",
    "plan_billing": "No action needed if calls are billed by token. If a plan covers them, use a contract.",
    "usage_not_reported": _OLD_EMITTER,
    "part_not_reported": _OLD_EMITTER,
}
"""Code -> fix. {provider}, {model} and {about} (what follows the colon of a reason) are filled in."""


def fix(reason: str, provider: str | None = None, model: str | None = None) -> str:
    """Return the fix for *reason* (`code` or `code:about`), "" for an unknown code."""
    code, _, about = reason.partition(":")
    text = FIXES.get(code, "")
    known = {"provider": provider or "<provider>", "model": model or "the model", "about": about or "a meter"}
    return text.format_map(defaultdict(str, known))


def meaning(reason: str) -> str:
    """Return the meaning of *reason*."""
    return reasons.SENTENCES.get(reason.partition(":")[0], "")
