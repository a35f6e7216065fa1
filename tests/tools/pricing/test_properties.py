# SPDX-License-Identifier: Apache-2.0
"""Whatever the catalogues say next, some things hold."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from spancost.core.call import Call
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.price import Pricer
from tests.tools.pricing.world import OneModel
from tools.pricing.compiler import compile_card
from tools.pricing.ours import end_of

_price = st.sampled_from(["0", "0.3", "0.5", "1.5", "2", "2.5", "7", "8", "90"])
_prices = st.fixed_dictionaries({"input": _price, "output": _price}, optional={"cached": _price, "written": _price})
_GENAI = {"input": "input_mtok", "output": "output_mtok", "cached": "cache_read_mtok", "written": "cache_write_mtok"}
_LITELLM = {
    "input": "input_cost_per_token",
    "output": "output_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "written": "cache_creation_input_token_cost",
}
USAGE = {"input_tokens": 1000, "cache_read_tokens": 100, "output_tokens": 50}


@settings(max_examples=25, deadline=None)
@given(_prices, _prices | st.none())
def test_a_run_settles_what_it_writes_and_leaves_the_past(
    genai: dict[str, str], litellm: dict[str, str] | None
) -> None:
    """A second run proposes nothing; the file compiles; a call of yesterday costs what it did, to the femto-dollar."""
    litellm = genai if litellm is None else litellm
    first = {_GENAI[key]: price for key, price in genai.items()}
    second = {"m": {_LITELLM[key]: float(price) / 1e6 for key, price in litellm.items()}}
    with TemporaryDirectory() as folder:
        world = OneModel(Path(folder))
        call = Call("openai", "m", USAGE, end_of("2026-12-14") * 10**9)
        before = Pricer(RateCard.from_bytes(compile_card(world.pricing, "2026.12.14"))).price(call)
        assert world.say(first, second, extra=("--write",)).code in (0, 3)
        assert "## Proposed" not in world.say(first, second).text
        after = Pricer(RateCard.from_bytes(compile_card(world.pricing, "2026.12.15"))).price(call)
        assert after.femto == before.femto
