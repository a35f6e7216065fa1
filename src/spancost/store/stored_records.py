# SPDX-License-Identifier: Apache-2.0
"""Records of stored calls."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from spancost.core.record import CallRecord
from spancost.store import sql
from spancost.store.columns import CALLS
from spancost.store.rows import record_of

if TYPE_CHECKING:
    from spancost.store.calls import Engine

_NAMES = [column.name for column in CALLS]


def stored_records(engine: Engine) -> Iterator[CallRecord]:
    """Yield the record of each row of `calls`."""
    columns = [
        f"{sql.nanoseconds(column.name, engine.dialect)} AS {column.name}"
        if column.type == "timestamp"
        else column.name
        for column in CALLS
    ]
    for values in engine.each(f"SELECT {', '.join(columns)} FROM calls"):
        yield record_of(dict(zip(_NAMES, values, strict=True)))
