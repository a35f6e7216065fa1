# SPDX-License-Identifier: Apache-2.0
"""Puts a question to an engine: the selected calls as the table `asked`, and the SQL of the question over it.

An engine with a table of sums answers from it where the question is about whole hours or days and its columns.
"""

from __future__ import annotations

from typing import Any

from spancost.reports.expressions import Question, sql_of
from spancost.reports.periods import shortest_ns
from spancost.reports.selection import Selection
from spancost.store.calls import Engine


def ask(engine: Engine, selection: Selection, question: Question) -> list[tuple[Any, ...]]:
    """Return the rows of *question* over the selected calls: its keys, then its totals."""
    table = "calls"
    if question.of_sums is not None and is_of_sums(engine, selection):
        table, question = "sums", question.of_sums
    asked = selection.asked(question.measures, engine.dialect, table)
    answer = sql_of(question, selection.keys, engine.dialect)
    return engine.rows(f"WITH asked AS ({asked}) SELECT * FROM ({answer}) AS answer")


def is_of_sums(engine: Engine, selection: Selection) -> bool:
    """Return whether the sums of *engine* hold what is asked for."""
    sums, period = engine.sums, selection.period
    if sums is None or selection.has_outcome is not None or not {*selection.by, *selection.where} <= sums.columns:
        return False
    if any(bound is not None and bound % sums.unit_ns for bound in (selection.since_ns, selection.until_ns)):
        return False
    return period is None or (
        not any(offset for _, offset in period.offsets) and sums.unit_ns <= shortest_ns(period.unit)
    )
