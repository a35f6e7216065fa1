# SPDX-License-Identifier: Apache-2.0
"""Laws of pricing, for any usage and any entry of the real card."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spancost.config import data
from spancost.core.call import FREE, PRICED, UNPRICED, Call, Cost
from spancost.core.pricing.price import Pricer
from tests.core.test_price_vectors import small_pricer

AT = 1_795_000_000_000_000_000
_PROVIDERS = (
    "openai",
    "anthropic",
    "gcp.gemini",
    "gcp.vertex_ai",
    "aws.bedrock",
    "azure.ai.openai",
    "mistral_ai",
    "x_ai",
)


@cache
def pricer() -> Pricer:
    """Return a pricer of the newest card."""
    return Pricer(data.default_card())


@cache
def entries() -> tuple[tuple[str, str], ...]:
    """Return (provider, name) of many entries of the newest card."""
    card = data.default_card()
    found = []
    for provider in _PROVIDERS:
        line = card.provider(provider)
        assert line is not None
        found += [(provider, name) for name in sorted(line["names"]) if "*" not in name]
    return tuple(found)


METERS = sorted(data.default_card().units.meters)
TOKENS = [meter for meter in METERS if meter.endswith("_tokens")]
quantities = st.integers(min_value=0, max_value=2_000_000)
usages = st.dictionaries(st.sampled_from(METERS), quantities, max_size=8)
facts = st.fixed_dictionaries(
    {},
    optional={
        "service_tier": st.sampled_from(["default", "flex", "priority", "batch", "warp"]),
        "processing": st.just("batch"),
        "context": st.dictionaries(
            st.sampled_from(["speed", "inference_geo", "data_residency", "vertex_location", "deployment_type"]),
            st.sampled_from(["fast", "us", "eu", "global", "europe-west1", "us data zone standard"]),
        ),
    },
)


def call(entry: tuple[str, str], usage: dict[str, int], stated: dict[str, Any], at_ns: int = AT) -> Call:
    """Return a call of an entry."""
    return Call(entry[0], entry[1], usage, at_ns, **stated)


@given(st.sampled_from(entries()), usages, facts)
def test_the_fast_path_equals_the_slow_path(
    entry: tuple[str, str], usage: dict[str, int], stated: dict[str, Any]
) -> None:
    """A linear cost and a breakdown agree to the last femto-dollar, on status and on rates."""
    one = call(entry, usage, stated)
    assert pricer().break_down(one).cost == pricer().price(one) == pricer().price(one)


@given(st.sampled_from(entries()), usages, facts)
def test_line_items_add_up_and_nothing_is_negative(
    entry: tuple[str, str], usage: dict[str, int], stated: dict[str, Any]
) -> None:
    """The total is the sum of its line items; no item is below 0."""
    one = call(entry, usage, stated)
    cost, items = pricer().price(one), pricer().line_items(one)
    assert sum(item.femto for item in items) == (cost.femto or 0)
    assert all(item.femto >= 0 and item.quantity > 0 for item in items)
    assert (cost.femto is None) == (cost.status == UNPRICED)
    assert (cost.reason is None) == (cost.status == PRICED)


@given(st.sampled_from(["gpt-a", "ft:gpt-a-2026-01-02", "gpt-audio"]), st.data())
def test_twice_the_usage_is_twice_the_cost(model: str, draw: st.DataObject) -> None:
    """Without steps, cost is linear in the quantities."""
    usage = draw.draw(st.dictionaries(st.sampled_from(TOKENS), st.integers(0, 50_000), max_size=6))
    once = small_pricer().price(Call("openai", model, usage, AT))
    twice = small_pricer().price(Call("openai", model, {meter: 2 * n for meter, n in usage.items()}, AT))
    assert twice.status == once.status
    if once.femto is not None and twice.femto is not None:
        assert abs(twice.femto - 2 * once.femto) <= 1


@given(st.sampled_from(entries()), st.text(min_size=1, max_size=6), st.booleans(), usages)
def test_an_invented_name_is_unpriced_and_never_0(
    entry: tuple[str, str], more: str, at_end: bool, usage: dict[str, int]
) -> None:
    """A name that is not on the card, however like one, has no cost."""
    invented = f"{entry[1]}~{more}" if at_end else f"{more}~{entry[1]}"
    cost = pricer().price(Call(entry[0], invented, usage, AT))
    assert (cost.status, cost.femto) == (UNPRICED, None)


@given(st.sampled_from(entries()), usages)
def test_zero_comes_only_from_the_card_or_from_no_usage(entry: tuple[str, str], usage: dict[str, int]) -> None:
    """A cost of 0 means free, or that nothing with a price was used."""
    cost = pricer().price(call(entry, usage, {}))
    if cost.femto == 0 and cost.status != FREE:
        breakdown = pricer().break_down(call(entry, usage, {}))
        assert not any(item.rate[0] for item in breakdown.items)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.fractions(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.tuples(anything, anything, st.dictionaries(st.sampled_from(METERS) | st.text(max_size=4), anything) | anything),
    st.tuples(
        anything, anything, anything, anything, anything, st.dictionaries(st.text(max_size=4), anything) | anything
    ),
)
def test_no_call_raises(first: tuple[Any, Any, Any], rest: tuple[Any, ...]) -> None:
    """Whatever a call holds, the answer is a cost or a reason, and never a negative one."""
    one = Call(*first, *rest)
    cost = pricer().price(one)
    assert isinstance(cost, Cost)
    assert cost.femto is None or cost.femto >= 0
    pricer().line_items(one)


@given(st.integers(1, 10**6), st.integers(0, 10**5))
def test_seconds_are_exact(numerator: int, denominator: int) -> None:
    """Fractions of a second are priced without a float."""
    seconds = Fraction(numerator, denominator + 1)
    cost = small_pricer().price(Call("groq", "whisper", {"audio_seconds": seconds}, AT))
    exact = max(seconds, 10) * Fraction("0.111") * 10**15 / 3600
    assert cost.femto == round(exact)


def test_matches_are_kept_within_a_bound() -> None:
    """A flood of names does not grow the memory without end, nor forget what is used."""
    fresh = Pricer(data.default_card())
    for number in range(6_000):
        fresh.price(Call("openai", f"model-{number}", {"input_tokens": 1}, AT, context={"tenant": f"t{number}"}))
        assert fresh.price(Call("openai", "gpt-4o", {"input_tokens": 1}, AT)).status == PRICED
    assert fresh.matches_kept <= 4_096
