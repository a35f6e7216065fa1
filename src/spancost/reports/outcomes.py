# SPDX-License-Identifier: Apache-2.0
"""Cost per successful outcome. An outcome is that of a trace: it counts once, however many calls the trace has."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple

from spancost.reports import expressions
from spancost.reports.ask import ask
from spancost.reports.selection import Selection
from spancost.reports.spend import SpendRow, spend
from spancost.store.calls import Engine

SUCCESS = "success"
_FEMTO = Decimal(1).scaleb(-15)
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)


class OutcomeRow(NamedTuple):
    """Spend of a group and its outcomes. traces: those with a call of the group; known: those with an outcome.

    A trace whose calls are in several groups (of models, say) counts in each of them.
    """

    spend: SpendRow
    traces: int
    known: int
    successes: int

    @property
    def cost_per_success(self) -> Decimal | None:
        """Return the cost per success, rounded to femto-dollars; None without a success or a cost."""
        cost = self.spend.cost_usd
        return None if cost is None or not self.successes else divided(cost, self.successes)

    def as_json(self, selection: Selection, value: Decimal | None) -> dict[str, Any]:
        """Return the row by the names of its columns; *value*: what a success is worth in USD, adds the margin."""
        row = self.spend.as_json(selection)
        row.update(traces=self.traces, outcomes=self.known, successes=self.successes)
        row["cost_per_success_usd"] = self.cost_per_success
        if value is not None:
            row["margin_usd"] = None if self.spend.cost_usd is None else self.margin(value)
        return row

    def margin(self, value: Decimal) -> Decimal:
        """Return what the successes are worth less what all calls of the group cost."""
        return value * self.successes - (self.spend.cost_usd or Decimal(0))


def outcomes(engine: Engine, selection: Selection, success: str = SUCCESS) -> list[OutcomeRow]:
    """Return a row for each group, in the order of `spend`."""
    everything = _traces(engine, selection, {})
    known = _traces(engine, selection, {"outcome": None})
    won = _traces(engine, selection, {"outcome": success})
    found = []
    for row in spend(engine, selection):
        key = (row.period, *row.keys) if selection.period else row.keys
        found.append(OutcomeRow(row, everything.get(key, 0), known.get(key, 0), won.get(key, 0)))
    return found


def _traces(engine: Engine, selection: Selection, where: dict[str, str | None]) -> dict[tuple[Any, ...], int]:
    """Return the number of traces of each group that have this outcome, or any for None."""
    if where:
        (outcome,) = where.values()
        selection = selection._replace(has_outcome=outcome or "*")
    rows = ask(engine, selection, expressions.OUTCOMES)
    first = int(selection.period is not None)
    return {(*map(int, row[:first]), *row[first:-1]): int(row[-1]) for row in rows}


def divided(amount: Decimal, by: int) -> Decimal:
    """Return *amount* / *by*, rounded half-even to femto-dollars."""
    return _EXACT.divide(amount, Decimal(by)).quantize(_FEMTO, context=_EXACT)
