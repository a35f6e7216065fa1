# SPDX-License-Identifier: Apache-2.0
"""What pricing one call costs: spancost and its peers, from bare counts to a number, in one run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks.measure import Variant, called, interleave, ratio
from benchmarks.peers import litellm_usages

OPENLIT_PRICES = Path(__file__).with_name("openlit_prices.json")
"""A price file in openlit's own form, ours, so that its speed can be taken where its download cannot be reached."""

MOMENT = datetime(2026, 11, 19, 12, tzinfo=timezone.utc)
AT_NS = int(MOMENT.timestamp()) * 10**9

IN_OUT = {"input_tokens": 1200, "output_tokens": 350}
FOUR_CLASSES = {
    "input_tokens": 29_000,
    "output_tokens": 1_400,
    "cache_read_tokens": 20_000,
    "cache_write_tokens": 6_000,
    "cache_write_5m_tokens": 6_000,
}

Scenario = dict[str, dict[str, Callable[[], object]]]


def scenarios() -> Scenario:
    """Return the calls to time, by scenario and engine; each makes its arguments anew, as a caller has to."""
    ours, genai = _spancost(), _genai_prices()
    lite, tokens, lit = _litellm(), _tokencost(), _openlit()
    names = (
        "input and output",
        "4 token classes",
        "priority tier",
        "unknown model",
        "unknown model, a new name each time",
    )
    engines = (ours, genai, lite, tokens, lit)
    return {name: {label: call for engine in engines for label, call in engine.get(name, {}).items()} for name in names}


def measure(rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return for each scenario and engine the µs of one call and how many times ours that is."""
    result = {}
    for name, calls in scenarios().items():
        timings = interleave([Variant(engine, called(call)) for engine, call in calls.items()], rounds=rounds)
        base = timings["spancost"]
        result[name] = {
            engine: {"median_us": timing.median, "p10_us": timing.p10, "times_ours": ratio(timing, base)}
            for engine, timing in timings.items()
        }
    return result


def _spancost() -> Scenario:
    from spancost.config.data import default_card
    from spancost.core.call import Call
    from spancost.core.pricing.price import Pricer

    price = Pricer(default_card()).price
    serial = count()
    return {
        "input and output": {
            "spancost": lambda: price(
                Call("openai", "gpt-4o", {"input_tokens": 1200, "output_tokens": 350}, AT_NS, operation="chat")
            )
        },
        "4 token classes": {
            "spancost": lambda: price(Call("anthropic", "claude-sonnet-4-5", {**FOUR_CLASSES}, AT_NS, operation="chat"))
        },
        "priority tier": {
            "spancost": lambda: price(
                Call("openai", "gpt-4.1", {**IN_OUT}, AT_NS, operation="chat", service_tier="priority")
            )
        },
        "unknown model": {"spancost": lambda: price(Call("openai", "gpt-99-turbo", {**IN_OUT}, AT_NS))},
        "unknown model, a new name each time": {
            "spancost": lambda: price(Call("openai", f"gpt-99-{next(serial)}", {**IN_OUT}, AT_NS))
        },
    }


def _genai_prices() -> Scenario:
    from genai_prices import Usage, calc_price

    serial = count()

    def unknown(model: str) -> object:
        try:
            return calc_price(
                Usage(input_tokens=1200, output_tokens=350), model, provider_id="openai", genai_request_timestamp=MOMENT
            )
        except LookupError:
            return None

    def priced(provider: str, model: str, usage: dict[str, int], context: dict[str, str] | None = None) -> object:
        return calc_price(
            Usage(**usage), model, provider_id=provider, genai_request_timestamp=MOMENT, price_context=context
        )

    name = "genai-prices calc_price"
    tier = {"service_tier": "priority"}
    return {
        "input and output": {name: lambda: priced("openai", "gpt-4o", IN_OUT)},
        "4 token classes": {name: lambda: priced("anthropic", "claude-sonnet-4-5", FOUR_CLASSES)},
        "priority tier": {name: lambda: priced("openai", "gpt-4.1", IN_OUT, tier)},
        "unknown model": {name: lambda: unknown("gpt-99-turbo")},
        "unknown model, a new name each time": {name: lambda: unknown(f"gpt-99-{next(serial)}")},
    }


def _litellm() -> Scenario:
    import litellm
    from litellm.types.utils import Choices, Message, ModelResponse

    litellm.suppress_debug_info = True
    usages = litellm_usages()
    response = ModelResponse(
        model="gpt-4o",
        choices=[Choices(message=Message(content="ok", role="assistant"), finish_reason="stop")],
        usage=usages(IN_OUT, {}),
    )

    def unknown() -> object:
        try:
            return litellm.cost_per_token("gpt-99-turbo", 1200, 350, custom_llm_provider="openai")
        except litellm.exceptions.ModelNotMappedError:
            return None

    def four_classes() -> object:
        usage = usages(FOUR_CLASSES, {})
        return litellm.cost_per_token("claude-sonnet-4-5", custom_llm_provider="anthropic", usage_object=usage)

    cost = "litellm cost_per_token"
    return {
        "input and output": {
            cost: lambda: litellm.cost_per_token("gpt-4o", 1200, 350, custom_llm_provider="openai"),
            "litellm completion_cost": lambda: litellm.completion_cost(response, custom_llm_provider="openai"),
        },
        "4 token classes": {cost: four_classes},
        "priority tier": {
            cost: lambda: litellm.cost_per_token(
                "gpt-4.1", 1200, 350, custom_llm_provider="openai", service_tier="priority"
            )
        },
        "unknown model": {cost: unknown},
    }


def _tokencost() -> Scenario:
    from tokencost import calculate_cost_by_tokens as cost_of

    def unknown() -> Decimal | None:
        try:
            return cost_of(1200, "gpt-99-turbo", "input") + cost_of(350, "gpt-99-turbo", "output")
        except KeyError:
            return None

    return {
        "input and output": {"tokencost": lambda: cost_of(1200, "gpt-4o", "input") + cost_of(350, "gpt-4o", "output")},
        "unknown model": {"tokencost": unknown},
    }


def _openlit() -> Scenario:
    import json

    import openlit.__helpers as helpers

    table: Any = json.loads(OPENLIT_PRICES.read_text(encoding="utf-8"))
    chat = helpers.get_chat_model_cost
    return {
        "input and output": {"openlit": lambda: chat("gpt-4o", table, 1200, 350)},
        "4 token classes": {"openlit": lambda: chat("claude-sonnet-4-5", table, 29_000, 1_400, 20_000, 6_000, True)},
        "unknown model": {"openlit": lambda: chat("gpt-99-turbo", table, 1200, 350)},
    }
