# SPDX-License-Identifier: Apache-2.0
"""The selected calls as records, for questions that look at calls one by one."""

from __future__ import annotations

from collections.abc import Iterator

from spancost.core.record import CallRecord
from spancost.reports.selection import Selection
from spancost.store import sql
from spancost.store.calls import Engine
from spancost.store.columns import CALLS
from spancost.store.rows import row_reader

_NAMES = tuple(column.name for column in CALLS)


def selected_records(engine: Engine, selection: Selection) -> Iterator[CallRecord]:
    """Yield the records of the selected calls, those of one session together and in the order of their start."""
    columns = ", ".join(
        f"{sql.nanoseconds(column.name, engine.dialect)} AS {sql.identifier(column.name)}"
        if column.type == "timestamp"
        else sql.identifier(column.name)
        for column in CALLS
    )
    read = row_reader(_NAMES)
    where = selection.condition(engine.dialect)
    for row in engine.each(f'SELECT {columns} FROM calls{where} ORDER BY "session_id", "started_at", "span_id"'):
        yield read(row)
