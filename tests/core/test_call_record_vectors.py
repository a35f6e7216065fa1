# SPDX-License-Identifier: Apache-2.0
"""The record of a call, by the vectors that every implementation reads."""

from __future__ import annotations

from typing import Any

import pytest

from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.record import CallRecord
from spancost.core.span import Span
from tests.core.ledgers import FlatPricer
from tests.core.vectors import cases


def as_json(record: CallRecord | None) -> dict[str, Any] | None:
    """Return a record as the vectors hold it: ids in hexadecimal digits, without what is unknown."""
    if record is None:
        return None
    found = record._asdict()
    found["trace_id"], found["span_id"] = f"{record.trace_id:032x}", f"{record.span_id:016x}"
    if record.parent_id is not None:
        found["parent_id"] = f"{record.parent_id:016x}"
    found["usage"] = dict(record.usage)
    return {key: value for key, value in found.items() if value is not None}


@pytest.mark.parametrize(("name", "case"), cases("call_record", {"describes", "price", "span", "record"}))
def test_the_record_of_a_span_is_that_of_its_vector(name: str, case: dict[str, Any]) -> None:
    described = case["span"]
    span = Span(
        trace_id=int(described["trace_id"], 16),
        span_id=int(described["span_id"], 16),
        parent_id=int(described["parent_id"], 16) if "parent_id" in described else None,
        is_local_root="parent_id" not in described,
        start_ns=described["start_ns"],
        end_ns=described["end_ns"],
        scope_name=described["scope"],
        scope_version=described.get("version", ""),
        name=described.get("name", ""),
        attributes=described["attributes"],
        resource=described["resource"],
        is_error=described.get("is_error", False),
        raised=described.get("raised", ""),
    )
    ledger = Ledger(data.default_dialects(), FlatPricer(case["price"]), LedgerOptions(records=True))
    assert as_json(ledger.end(span).record) == case["record"]
