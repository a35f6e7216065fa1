# SPDX-License-Identifier: Apache-2.0
"""Laws of contracts, for any terms and any usage on the small card."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.core.call import Call, Cost
from spancost.core.contract.price import ContractPricer
from spancost.core.contract.terms import DIMENSIONS, Contract, ContractError, canonical_bytes
from spancost.core.pricing.price import Pricer
from tests.core.test_price_vectors import small_card

AT = 1_795_000_000
some = settings(deadline=None, max_examples=60)
METERS = sorted(small_card().units.meters)
ENTRIES = (
    ("openai", "gpt-a"),
    ("anthropic", "claude-a"),
    ("azure", "gpt-a"),
    ("deepseek", "deepseek-a"),
    ("vllm", "m"),
)
TEXTS = {
    "deployment": ("prod", "gpt-a"),
    "api_key_alias": ("k",),
    "team": ("t",),
    "account": ("a",),
    "tenant": ("acme", "ac*", "*"),
    "model": ("gpt-a", "claude-a", "m", "*"),
    "server_address": ("gpu-*",),
    "provider": ("openai", "anthropic", "vllm"),
}
rates = st.dictionaries(
    st.sampled_from(METERS),
    st.one_of(st.integers(0, 10**12), st.tuples(st.integers(0, 10**12), st.integers(1, 10**4)).map(list)),
    max_size=4,
)
steps = st.lists(
    st.fixed_dictionaries({"from": st.integers(1, 10**6), "meter": st.just("input_tokens"), "rates": rates}), max_size=2
)
whens = st.fixed_dictionaries({}, optional={name: st.sampled_from(TEXTS[name]) for name in DIMENSIONS})
factors = st.integers(0, 100).map(lambda percent: [percent, 100])
terms = st.one_of(
    st.fixed_dictionaries(
        {"when": whens},
        optional={
            "rates": rates,
            "steps": steps,
            "variants": st.lists(
                st.fixed_dictionaries(
                    {"when": st.sampled_from(({"processing": "batch"}, {"service_tier": "flex"})), "rates": rates}
                ),
                max_size=2,
            ),
            "skip": st.sampled_from((["*"], ["batch"])),
            "x": factors,
            "units": st.sampled_from(("tokens", "all")),
            "allocated": st.just(1),
            "from": st.integers(AT - 5, AT + 5),
        },
    ),
    st.fixed_dictionaries(
        {"when": whens, "hardware": st.fixed_dictionaries({"rate": st.integers(0, 10**17), "gpus": st.just([1, 3])})}
    ),
)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "tenant": st.sampled_from(("acme", "acx", "zz")),
        "team": st.just("t"),
        "deployment": st.just("prod"),
        "server_address": st.just("gpu-1"),
        "override_usd": st.sampled_from(("0.5", "-1", "1e9", "x")),
    },
)
usages = st.dictionaries(st.sampled_from(METERS), st.integers(0, 2_000_000), max_size=6)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    provider, model = draw(st.sampled_from(ENTRIES))
    return Call(
        provider,
        model,
        draw(usages),
        (AT + draw(st.integers(-6, 6))) * 10**9,
        service_tier=draw(st.sampled_from((None, "flex"))),
        processing=draw(st.sampled_from((None, "batch"))),
        context=draw(contexts),
        duration_ns=draw(st.one_of(st.none(), st.integers(-5, 10**13))),
    )


def pricer_of(rows: list[dict[str, Any]]) -> ContractPricer | None:
    """Return what prices by terms, None when two of them are about the same calls at the same time."""
    content = {
        "attributes": {},
        "deployments": [],
        "format": 1,
        "name": "v",
        "override": {"attribute": "o", "most": 10**15},
        "terms": [{"id": f"t{number}", **row} for number, row in enumerate(rows)],
    }
    try:
        return ContractPricer(small_card(), Contract.from_bytes(canonical_bytes(content)))
    except ContractError as error:
        assert "for the same calls at the same time" in str(error)
        return None


@some
@given(st.lists(terms, max_size=4), calls())
def test_no_contract_makes_a_cost_negative(rows: list[dict[str, Any]], call: Call) -> None:
    """Nor a line item, nor a list price; and warm says what cold says, and what the bill says."""
    pricer = pricer_of(rows)
    if pricer is None:
        return
    cold = pricer.price(call)
    assert pricer.price(call) == cold == pricer.break_down(call).cost
    assert (cold.femto or 0) >= 0
    assert (cold.list_femto or 0) >= 0
    items = pricer.line_items(call)
    assert all(item.femto >= 0 for item in items)
    assert not items or sum(item.femto for item in items) == cold.femto


@some
@given(st.lists(terms, max_size=4), calls(), st.randoms(use_true_random=False))
def test_the_order_of_terms_does_not_matter(rows: list[dict[str, Any]], call: Call, random: Any) -> None:
    """The most specific term wins wherever it stands."""
    pricer = pricer_of(rows)
    shuffled = [{**row, "id": f"t{number}"} for number, row in enumerate(rows)]
    random.shuffle(shuffled)
    other = pricer_of(shuffled)
    assert (pricer is None) == (other is None)
    if pricer is not None and other is not None:
        assert other.price(call) == pricer.price(call)


@some
@given(calls(), st.integers(0, 100))
def test_a_discount_on_all_is_that_part_of_the_list_price(call: Call, percent: int) -> None:
    """Up to the rounding of one femto-dollar."""
    call = call._replace(context={})
    row = {"when": {"provider": "*"}, "x": [100 - percent, 100], "units": "all"}
    pricer = pricer_of([row])
    assert pricer is not None
    agreed, listed = pricer.price(call), Pricer(small_card()).price(call)
    if listed.femto is None:
        assert agreed.femto is None or call.provider == "vllm"
    elif agreed.femto is not None:
        assert agreed.list_femto == listed.femto
        assert abs(agreed.femto - Fraction(listed.femto * (100 - percent), 100)) <= 1


@some
@given(calls())
def test_an_empty_contract_changes_nothing_but_the_version(call: Call) -> None:
    """List prices stay list prices, from the rate card."""
    call = call._replace(context={})
    pricer = pricer_of([])
    assert pricer is not None
    listed: Cost = Pricer(small_card()).price(call)
    assert pricer.price(call) == listed
    assert pricer.version.startswith(f"{small_card().version}+o")
