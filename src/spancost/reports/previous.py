# SPDX-License-Identifier: Apache-2.0
"""The same question for the time before: as long as the range asked for, and ending where it begins."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from spancost.reports.selection import QuestionError, Selection
from spancost.reports.spend import SpendRow, spend
from spancost.store.calls import Engine

_ZERO = Decimal(0)


class Compared(NamedTuple):
    """A group now and before; None where it has no call."""

    now: SpendRow | None
    before: SpendRow | None

    @property
    def change(self) -> Decimal | None:
        """Return the difference of the costs, None when one of them is unknown; a group without calls costs 0."""
        costs = [_ZERO if row is None else row.cost_usd for row in self]
        return None if costs[0] is None or costs[1] is None else costs[0] - costs[1]

    def as_json(self, selection: Selection) -> dict[str, Any]:
        """Return the row of now, with `previous_calls`, `previous_cost_usd` and `change_usd`."""
        row = self.now if self.now is not None else empty(self.before)
        return {
            **row.as_json(selection),
            "previous_calls": 0 if self.before is None else self.before.calls,
            "previous_cost_usd": None if self.before is None else self.before.cost_usd,
            "change_usd": self.change,
        }


def empty(row: SpendRow | None) -> SpendRow:
    """Return the row of a group without calls, with the keys of *row*."""
    return SpendRow(None, row.keys if row else (), 0, 0, _ZERO, _ZERO, 0, 0, 0, 0, 0)


def compared(engine: Engine, selection: Selection, until_ns: int) -> list[Compared]:
    """Return every group of now or before; *until_ns* is the end of the range when the selection names none.

    QuestionError without a begin, or with a period.
    """
    if selection.since_ns is None or selection.period is not None:
        raise QuestionError("--compare-previous: expected --since TIME, and no --per")
    end = until_ns if selection.until_ns is None else selection.until_ns
    begin = selection.since_ns - (end - selection.since_ns)
    before = {row.keys: row for row in spend(engine, selection._replace(since_ns=begin, until_ns=selection.since_ns))}
    rows = [Compared(row, before.pop(row.keys, None)) for row in spend(engine, selection._replace(until_ns=end))]
    return rows + [Compared(None, row) for row in before.values()]
