# SPDX-License-Identifier: Apache-2.0
"""What known future prices do to the recent mix of the selected calls."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from spancost.core.analysis.price_change import MeanCall, price_change
from spancost.reports import expressions
from spancost.reports.ask import ask
from spancost.reports.selection import Selection
from spancost.store.calls import Engine

_RECENT_DAYS = 28
_DAY_NS = 24 * 3_600 * 10**9
_BY = ("provider", "model", "tier")
_METERS = ("input_tokens", "cache_read_tokens", "output_tokens")


def known_changes(engine: Engine, price: Callable[..., Any]) -> Callable[[Selection, date, date], float]:
    """Return a function of a selection and two days: the factor that known prices put on its calls between them."""

    def change(selection: Selection, begin: date, end: date) -> float:
        since_ns = ((begin - date(1970, 1, 1)).days - _RECENT_DAYS) * _DAY_NS
        recent = selection._replace(by=_BY, names=_BY, since_ns=since_ns)
        mix = [_mean(values) for values in ask(engine, recent, expressions.SPEND) if values[len(_BY)]]
        return price_change(price, mix, begin, end)

    return change


def _mean(values: tuple[Any, ...]) -> MeanCall:
    provider, model, tier, calls, _, _, _, *tokens = values[: len(_BY) + 7]
    usage = {meter: int(total or 0) // int(calls) for meter, total in zip(_METERS, tokens, strict=True)}
    return MeanCall(int(calls), provider or "", model or "", tier, usage)
