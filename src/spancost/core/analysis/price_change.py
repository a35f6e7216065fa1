# SPDX-License-Identifier: Apache-2.0
"""What known future prices do to a mix of calls: their price on coming days over their price on the first one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from spancost.core.call import BATCH, Call, Cost

_DAY_NS = 24 * 3_600 * 10**9


class MeanCall(NamedTuple):
    """A number of calls of one provider, model and tier, and the usage of their mean call."""

    calls: int
    provider: str
    model: str
    tier: str | None
    usage: Mapping[str, int]


def price_change(price: Callable[[Call], Cost], mix: Sequence[MeanCall], begin: date, end: date) -> float:
    """Return the mean price of *mix* from one day to before another over its price on the first day.

    1.0 when no price changes, or none is known. Calls are priced at noon, UTC, by their mean size: a sum of tokens
    would reach other steps of context.
    """
    days = (end - begin).days
    before = _femto(price, mix, begin)
    if not before or days < 1:
        return 1.0
    return sum(_femto(price, mix, begin + timedelta(days=day)) for day in range(days)) / (before * days)


def _femto(price: Callable[[Call], Cost], mix: Sequence[MeanCall], day: date) -> int:
    at_ns = (day - date(1970, 1, 1)).days * _DAY_NS + _DAY_NS // 2
    return sum(each.calls * (price(_call(each, at_ns)).femto or 0) for each in mix)


def _call(each: MeanCall, at_ns: int) -> Call:
    tier, processing = (None, BATCH) if each.tier == BATCH else (each.tier, None)
    return Call(each.provider, each.model, each.usage, at_ns, None, None, tier, processing)
