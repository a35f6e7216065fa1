# SPDX-License-Identifier: Apache-2.0
"""`CallRecord` as a row of the calls table and back. A row holds JSON values only: money as exact decimal text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from spancost.core.call import Quantity
from spancost.core.money import femto_from_text, usd_text
from spancost.core.record import CallRecord
from spancost.store.columns import CALLS

_METERS = {column.meter: column.name for column in CALLS if column.meter is not None}
_TAGS = {column.tag: column.name for column in CALLS if column.tag is not None}
_MOST = 2**63 - 1

Row = dict[str, Any]


def row_of(record: CallRecord) -> Row:
    """Return *record* as a row; `started_at` is nanoseconds since the epoch."""
    usage = record.usage
    row: Row = {
        "trace_id": f"{record.trace_id:032x}",
        "span_id": f"{record.span_id:016x}",
        "parent_id": None if record.parent_id is None else f"{record.parent_id:016x}",
        "started_at": _bounded(record.start_ns),
        "duration_ns": _bounded(record.duration_ns),
        "service": record.service,
        "session_id": record.session_id,
        "provider": record.provider,
        "model": record.model,
        "operation": record.operation,
        "tier": record.tier,
    }
    meters: dict[str, str] = {}
    for meter, amount in usage.items():
        name = _METERS.get(meter)
        if name is not None and amount.__class__ is int:
            row[name] = amount
        else:
            meters[meter] = str(amount)
    row["meters"] = meters
    row["cost_usd"] = None if record.cost_femto is None else usd_text(record.cost_femto)
    row["list_cost_usd"] = None if record.list_cost_femto is None else usd_text(record.list_cost_femto)
    row["status"] = record.status
    row["reason"] = record.reason
    row["source"] = record.source
    row["pricing_version"] = record.pricing_version
    row["rate_id"] = record.rate_id
    tags: dict[str, str] = {}
    for tag, value in record.tags.items():
        name = _TAGS.get(tag)
        if value and name is not None:
            row[name] = value
        elif value:
            tags[tag] = value
    row["tags"] = tags
    row["error"] = record.error
    row["finish_reason"] = record.finish_reason
    row["prompt_name"] = record.prompt_name
    row["prompt_version"] = record.prompt_version
    row["outcome"] = record.outcome
    row["time_to_first_token_ns"] = record.time_to_first_token_ns
    return row


def _bounded(number: int) -> int:
    return max(-_MOST, min(number, _MOST))


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


_SAME = (
    *("service", "session_id", "provider", "model", "operation", "tier", "status", "reason", "source"),
    *("pricing_version", "rate_id", "error", "finish_reason", "prompt_name", "prompt_version", "outcome"),
    "time_to_first_token_ns",
)
"""Columns that hold a field of the record as it is."""


def _femto(usd: Decimal | str | None) -> int | None:
    return None if usd is None else femto_from_text(str(usd))


def row_reader(names: Sequence[str]) -> Callable[[Sequence[Any]], CallRecord]:
    """Return a function that turns a tuple with columns *names* into its record."""

    def read(values: Sequence[Any]) -> CallRecord:
        return record_of(dict(zip(names, values, strict=True)))

    return read
