# SPDX-License-Identifier: Apache-2.0
"""The columns of the calls table as fields of a `CallRecord`, and the record of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from spancost.core.call import Quantity
from spancost.core.money import femto_from_text
from spancost.core.record import CallRecord
from spancost.store.columns import CALLS

METERS = {column.meter: column.name for column in CALLS if column.meter is not None}
TAGS = {column.tag: column.name for column in CALLS if column.tag is not None}
Row = dict[str, Any]
SHARED = (
    *("service", "provider", "model", "operation", "tier", "status", "reason", "source", "pricing_version", "rate_id"),
    *("error", "finish_reason", "prompt_name", "prompt_version", "outcome"),
)
"""Columns that hold a field of the record as it is, with values that many calls share."""
_SAME = (*SHARED, "session_id", "time_to_first_token_ns")


def record_of(row: Mapping[str, Any]) -> CallRecord:
    """Return the record of a row; money may be a `Decimal` or decimal text, `started_at` is nanoseconds."""
    usage: dict[str, Quantity] = {meter: row[name] for meter, name in METERS.items() if row.get(name) is not None}
    for meter, text in row["meters"].items():
        usage[meter] = Fraction(text) if "/" in text else int(text)
    tags = {tag: row[name] for tag, name in TAGS.items() if row.get(name) is not None}
    return CallRecord(
        trace_id=int(row["trace_id"], 16),
        span_id=int(row["span_id"], 16),
        parent_id=None if row["parent_id"] is None else int(row["parent_id"], 16),
        start_ns=row["started_at"],
        duration_ns=row["duration_ns"],
        usage=usage,
        cost_femto=_femto(row["cost_usd"]),
        list_cost_femto=_femto(row["list_cost_usd"]),
        tags={**tags, **row["tags"]},
        **dict[str, Any]((name, row.get(name)) for name in _SAME),
    )


def _femto(usd: Decimal | str | None) -> int | None:
    return None if usd is None else femto_from_text(str(usd))


def row_reader(names: Sequence[str]) -> Callable[[Sequence[Any]], CallRecord]:
    """Return a function that turns a tuple with columns *names* into its record."""

    def read(values: Sequence[Any]) -> CallRecord:
        return record_of(dict(zip(names, values, strict=True)))

    return read
