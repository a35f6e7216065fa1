# SPDX-License-Identifier: Apache-2.0
"""`CallRecord` as a line of JSON for the calls table: money as exact decimal text, missing values left out."""

from __future__ import annotations

from operator import attrgetter
from typing import Any

from spancost.core.money import FEMTO_PER_USD, usd_text
from spancost.core.record import CallRecord
from spancost.store.row_text import MOST_NS, encoded, within_range
from spancost.store.rows import METERS, SHARED, TAGS

_SHARED_KEPT = 4096
_shared = attrgetter(*SHARED)


class CallLines:
    """Makes lines of JSON, one a call, without its missing values; `started_at` is nanoseconds since the epoch.

    What calls share is encoded once; the cache of it is bounded.
    """

    def __init__(self) -> None:
        self._encoded: dict[tuple[Any, ...], bytes] = {}

    def line(self, record: CallRecord, trace_spans: int) -> bytes:
        """Return the line of *record*; trace_spans: how many spans of its trace were in hand."""
        # This runs for every call of a load: `%` takes half the time of an f-string with a format.
        values = _shared(record)
        shared = self._encoded.get(values) or self._encode(values)
        start, duration = record.start_ns, record.duration_ns
        row: dict[str, Any] = {
            "trace_spans": trace_spans,
            "started_at": start if -MOST_NS < start < MOST_NS else max(-MOST_NS, min(start, MOST_NS)),
            "duration_ns": duration if -MOST_NS < duration < MOST_NS else max(-MOST_NS, min(duration, MOST_NS)),
            "session_id": record.session_id,
        }
        if record.parent_id is not None:
            row["parent_id"] = "%016x" % record.parent_id  # noqa: UP031
        if record.time_to_first_token_ns is not None:
            row["time_to_first_token_ns"] = within_range(record.time_to_first_token_ns)
        meters: dict[str, str] = {}
        for meter, amount in record.usage.items():
            name = METERS.get(meter)
            if name is not None and amount.__class__ is int and amount < MOST_NS:
                row[name] = amount
            else:
                meters[meter] = str(amount)
        row["meters"] = meters
        cost, list_cost = record.cost_femto, record.list_cost_femto
        if cost is not None:
            row["cost_usd"] = _usd(cost)
        if list_cost is not None:
            row["list_cost_usd"] = row["cost_usd"] if list_cost == cost else _usd(list_cost)
        tags: dict[str, str] = {}
        for tag, value in record.tags.items():
            name = TAGS.get(tag)
            if value and name is not None:
                row[name] = value
            elif value:
                tags[tag] = value
        row["tags"] = tags
        ids = b'{"trace_id":"%032x","span_id":"%016x",' % (record.trace_id, record.span_id)
        return ids + shared + encoded(row)[1:] + b"\n"

    def _encode(self, values: tuple[Any, ...]) -> bytes:
        if len(self._encoded) >= _SHARED_KEPT:
            self._encoded.clear()
        row = {name: value for name, value in zip(SHARED, values, strict=True) if value is not None}
        found = self._encoded[values] = encoded(row)[1:-1] + b","  # never empty: each call has a status
        return found


def _usd(femto: int) -> str:
    """Return what `usd_text` does, with trailing zeros: half the time."""
    return "%d.%015d" % divmod(femto, FEMTO_PER_USD) if femto >= 0 else usd_text(femto)  # noqa: UP031
