# SPDX-License-Identifier: Apache-2.0
"""What to do about each code of `llm.cost_reason`; what a code says is in `core/reasons`."""

from __future__ import annotations

from collections import defaultdict

from spancost.core import reasons

_ADD_TO_CARD = (
    "Name your price in a contract (SPANCOST_CONTRACT, docs/contracts.md); or, in a checkout, add the list price to "
    "pricing/providers/{provider}.yaml, run tools/compile_card.py and set SPANCOST_CARD=pricing/compiled/card.jsonl."
)
_OLD_EMITTER = "Update that instrumentation, or switch on spancost's own capture, which reads the provider's answer."
_NOTHING = "Nothing to do: the money is counted once, on the other span."

REMEDIES = {
    reasons.UNKNOWN_PROVIDER: (
        "No span says which provider this is in a word the card knows. Let the instrumentation set "
        "gen_ai.provider.name or server.address. For calls that capture sees at a host of your own, say whose models "
        "answer there: SPANCOST_CAPTURE_PROVIDERS=llm.internal:8000=vllm. A provider of your own: " + _ADD_TO_CARD
    ),
    reasons.UNKNOWN_MODEL: "{model} is not on the card of {provider}. " + _ADD_TO_CARD,
    reasons.NO_MODEL: "Let the instrumentation set gen_ai.response.model or gen_ai.request.model. " + _OLD_EMITTER,
    reasons.NO_USAGE: (
        "The span has no token counts. For OpenAI streams ask for them (stream_options={{'include_usage': True}}); "
        "read streams to their end; else switch on spancost's own capture."
    ),
    reasons.BAD_USAGE: "Look at the usage attributes on the span: a count is negative or no number. " + _OLD_EMITTER,
    reasons.BAD_TIME: "The span's start time is no time: look at the clock, and at what rewrites spans on their way.",
    reasons.NO_PRICE_AT_TIME: (
        "The call is older or newer than the prices of {model}. Check the machine's clock; if it is right, add the "
        "era to pricing/providers/{provider}.yaml and run python tools/compile_card.py."
    ),
    reasons.MISSING_RATE: "{model} has no rate for {about}. " + _ADD_TO_CARD,
    reasons.UNKNOWN_METER: "The card knows no meter {about}: update spancost, or add it to pricing/units.yaml.",
    reasons.MISSING_TOTAL: "A part ({about}) came without its total. " + _OLD_EMITTER,
    reasons.INCONSISTENT_USAGE: "The counts contradict one another ({about}). " + _OLD_EMITTER,
    reasons.PARENT_RATE: "{about} was billed at the rate of what it is part of. If it has its own: " + _ADD_TO_CARD,
    reasons.UNKNOWN_SERVICE_TIER: "Standard rates were used. If it is a new tier, add its word to pricing/names.yaml.",
    reasons.NO_TIER_RATE: "Standard rates were used. If {model} has others for what was served: " + _ADD_TO_CARD,
    reasons.NO_PLACE_RATE: "The usual rates were used. If {model} has others for that place: " + _ADD_TO_CARD,
    reasons.ASSUMED_FACT: (
        "The price depends on {about}, which the span does not say; the usual one was assumed. " + _OLD_EMITTER
    ),
    reasons.REQUESTED_MODEL: "The card lacks the model that answered; the one asked for was priced. " + _ADD_TO_CARD,
    reasons.FREE_RATE: "Nothing to do: the card says that this is free.",
    "rate_card_unusable": "SPANCOST_CARD names a card that cannot be loaded: run spancost doctor in that environment.",
    "contract_unusable": "SPANCOST_CONTRACT names a contract that cannot be loaded: spancost contract FILE says why.",
    "override_refused": "Set the cost of the call to an amount that the contract's override allows, or widen that.",
    "no_duration": "The contract charges by time: let the instrumentation end its span when the call ends.",
    "allocated": "Nothing to do: the cost is the contract's share of your own machines; their idle time is not in it.",
    "reports_more": (
        "Two instrumentations reported the call and the one that is not counted says more. Switch the other one off, "
        "or update it."
    ),
    "same_response_id": _NOTHING,
    "repeats_call_beneath": _NOTHING,
    "sum_of_calls_beneath": _NOTHING,
    "same_call_elsewhere": _NOTHING,
    "same_response_other_tokens": "Use one instrumentation for these calls: two of them disagree about the tokens.",
    "same_tokens_elsewhere": "Use one instrumentation for these calls, or ones that tell the response id.",
    "counted_on_span": _NOTHING,
    "counted_on_log_record": _NOTHING,
    "exceeds_calls_beneath": (
        "A sum is larger than the calls beneath it: some calls are not traced. Instrument them, or switch on "
        "spancost's own capture."
    ),
    "only_carrier": (
        "Only the agent's own sum is traced. Instrument the model calls beneath it, or switch on spancost's own "
        "capture, for a cost of each call."
    ),
    "stream_cut": "The stream was not read to its end, so the count is a lower bound. Read it out where you can.",
    reasons.INTERRUPTED: (
        "Nobody heard what the provider billed for it. Read streams to their end; give calls more time than they take; "
        "look at the provider's own usage report for what was billed."
    ),
    "output_from_text": "Read the stream to its end, where the provider tells the output.",
    "usage_from_text": (
        "Read streams to their end; for OpenAI streams ask for the usage: stream_options={{'include_usage': True}}."
    ),
    "output_as_images": "The model's answer does not say how much of its output is images; ask its provider.",
    "output_from_total": _OLD_EMITTER,
    "cache_from_total": _OLD_EMITTER,
    "unexplained_tokens": _OLD_EMITTER,
    "stated_cost": "Nothing to do: no price of ours is known, and the cost is what the span states.",
    "cache_not_reported": _OLD_EMITTER,
    "reasoning_not_reported": _OLD_EMITTER,
    "region_not_reported": _OLD_EMITTER,
    "local_cache": "Nothing to do: the provider was not asked.",
    "output_overcounted": _OLD_EMITTER,
    "counted_locally": "Ask for the usage of streams: stream_options={{'include_usage': True}}.",
    "plan_billing": "Nothing to do where calls are billed by token. Where a plan pays, state its price in a contract.",
    "usage_not_reported": _OLD_EMITTER,
}
"""Code -> what to do. {provider}, {model} and {about} (what follows the colon of a reason) are filled in."""


def fix(reason: str, provider: str | None = None, model: str | None = None) -> str:
    """Return what to do about *reason* (`code`, or `code:about`), "" for a code that is not on the list."""
    code, _, about = reason.partition(":")
    text = REMEDIES.get(code, "")
    known = {"provider": provider or "<provider>", "model": model or "the model", "about": about or "a meter"}
    return text.format_map(defaultdict(str, known))


def meaning(reason: str) -> str:
    """Return what *reason* says."""
    return reasons.SENTENCES.get(reason.partition(":")[0], "")
