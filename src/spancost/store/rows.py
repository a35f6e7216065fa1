# SPDX-License-Identifier: Apache-2.0
"""`CallRecord` as a row of the calls table and back. A row holds JSON values only: money as exact decimal text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from operator import attrgetter
from typing import Any

from spancost.core.call import Quantity
from spancost.core.money import femto_from_text, usd_text
from spancost.core.record import CallRecord
from spancost.store.columns import CALLS

_METERS = {column.meter: column.name for column in CALLS if column.meter is not None}
_TAGS = {column.tag: column.name for column in CALLS if column.tag is not None}
_MOST = 2**63 - 1

Row = dict[str, Any]
_SAME = (
    *("service", "session_id", "provider", "model", "operation", "tier", "status", "reason", "source"),
    *("pricing_version", "rate_id", "error", "finish_reason", "prompt_name", "prompt_version", "outcome"),
    "time_to_first_token_ns",
)
"""Columns that hold a field of the record as it is."""
_same = attrgetter(*_SAME)


def row_of(record: CallRecord) -> Row:
    """Return *record* as a row without its missing values; `started_at` is nanoseconds since the epoch."""
    # This runs for every call of a load: `%` takes half the time of an f-string with a format.
    row: Row = {name: value for name, value in zip(_SAME, _same(record), strict=True) if value is not None}
    row["trace_id"] = "%032x" % record.trace_id  # noqa: UP031
    row["span_id"] = "%016x" % record.span_id  # noqa: UP031
    if record.parent_id is not None:
        row["parent_id"] = "%016x" % record.parent_id  # noqa: UP031
    start, duration = record.start_ns, record.duration_ns
    row["started_at"] = start if -_MOST < start < _MOST else max(-_MOST, min(start, _MOST))
    row["duration_ns"] = duration if -_MOST < duration < _MOST else max(-_MOST, min(duration, _MOST))
    meters: dict[str, str] = {}
    for meter, amount in record.usage.items():
        name = _METERS.get(meter)
        if name is not None and amount.__class__ is int:
            row[name] = amount
        else:
            meters[meter] = str(amount)
    row["meters"] = meters
    cost, list_cost = record.cost_femto, record.list_cost_femto
    if cost is not None:
        row["cost_usd"] = usd_text(cost)
    if list_cost is not None:
        row["list_cost_usd"] = row["cost_usd"] if list_cost == cost else usd_text(list_cost)
    tags: dict[str, str] = {}
    for tag, value in record.tags.items():
        name = _TAGS.get(tag)
        if value and name is not None:
            row[name] = value
        elif value:
            tags[tag] = value
    row["tags"] = tags
    return row


def record_of(row: Mapping[str, Any]) -> CallRecord:
    """Return the record of a row; money may be a `Decimal` or decimal text, `started_at` is nanoseconds."""
    usage: dict[str, Quantity] = {meter: row[name] for meter, name in _METERS.items() if row.get(name) is not None}
    for meter, text in row["meters"].items():
        usage[meter] = Fraction(text) if "/" in text else int(text)
    tags = {tag: row[name] for tag, name in _TAGS.items() if row.get(name) is not None}
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
