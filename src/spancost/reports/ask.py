# SPDX-License-Identifier: Apache-2.0
"""Puts a question to an engine: the selected calls as the table `asked`, and the SQL of the question over it."""

from __future__ import annotations

from typing import Any

from spancost.reports.expressions import Question, sql_of
from spancost.reports.selection import Selection
from spancost.store.calls import Engine


def ask(engine: Engine, selection: Selection, question: Question) -> list[tuple[Any, ...]]:
    """Return the rows of *question* over the selected calls: its keys, then its totals."""
    asked = selection.asked(question.measures, engine.dialect)
    answer = sql_of(question, selection.keys, engine.dialect)
    return engine.rows(f"WITH asked AS ({asked}) SELECT * FROM ({answer}) AS answer")
