# SPDX-License-Identifier: Apache-2.0
"""The largest output of each model in tokens: what a call without a bound of its own may use at most."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable

from spancost.config import data
from spancost.core.analysis.whatif.knowledge import Knowledge
from spancost.core.call import Call
from spancost.core.ledger.reading_pricer import Prices

_DATE = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2})(?:-v\d+(?::\d+)?)?$")
_MODELS_KEPT = 1_000


class OutputBounds:
    """The bounds of `pricing/limits.yaml`, by the names that calls have; each is looked up once."""

    def __init__(self, knowledge: Knowledge, prices: Prices, canonical: Callable[[str], str | None]) -> None:
        """*canonical*: the name that a provider has on the rate card. *prices* tell which model a name stands for."""
        self._knowledge = knowledge
        self._prices = prices
        self._canonical = canonical
        self._known: dict[tuple[str, str], int | None] = {}

    def of(self, provider: str, model: str) -> int | None:
        """Return the most tokens of output of a model, at any provider where that is ""; None when it is not known."""
        key = provider, model
        if key not in self._known:
            if len(self._known) >= _MODELS_KEPT:
                self._known.clear()
            self._known[key] = self._look_up(self._canonical(provider) or provider, model)
        return self._known[key]

    def _look_up(self, provider: str, model: str) -> int | None:
        usage = {"input_tokens": 1, "output_tokens": 1}
        rate = self._prices.price(Call(provider, model, usage, time.time_ns())).rate_id
        priced = rate.partition("/")[2].rpartition("@")[0] if rate else ""
        for name in (model, priced, _DATE.sub("", model), _DATE.sub("", priced)):
            if name and (found := self._knowledge.largest_output(provider, name)) is not None:
                return found
        return None


def output_bounds(prices: Prices) -> Callable[[str, str], int | None]:
    """Return the largest output by provider and model, from the bundled data."""
    knowledge = Knowledge(json.loads(data.read("pricing/compiled/whatif.json")))
    return OutputBounds(knowledge, prices, data.default_card().provider_names.canonical).of
