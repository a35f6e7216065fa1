# SPDX-License-Identifier: Apache-2.0
"""Costs of calls grouped by an attribute, as a backend computes them with a sum and a group-by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from spancost.core import semconv
from spancost.demo.tree import is_counted
from spancost.store.otlp_receiver import ReceivedSpan


class Group(NamedTuple):
    """The calls with the same value. usd: sum of the known costs; unpriced: number of calls without a price."""

    name: str
    calls: int
    unpriced: int
    tokens: int
    usd: float


def by(attribute: str, spans: Iterable[ReceivedSpan]) -> list[Group]:
    """Return the groups of the calls among *spans*, most expensive first."""
    found: dict[str, Group] = {}
    for span in filter(is_counted, spans):
        name = str(span.attributes.get(attribute, "(none)"))
        usd = span.attributes.get(semconv.LLM_REQUEST_COST_USD)
        so_far = found.get(name, Group(name, 0, 0, 0, 0.0))
        found[name] = Group(
            name,
            so_far.calls + 1,
            so_far.unpriced + (usd is None),
            so_far.tokens + span.attributes.get(semconv.LLM_TOTAL_TOKENS, 0),
            so_far.usd + (usd or 0.0),
        )
    return sorted(found.values(), key=lambda group: (-group.usd, group.name))
