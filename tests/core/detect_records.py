# SPDX-License-Identifier: Apache-2.0
"""Records of calls for tests of the detectors, from the columns of a vector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spancost.core.money import femto_from_text
from spancost.core.record import CallRecord

BEGIN_NS = 1_793_880_000_000_000_000
METERS = ("input_tokens", "cache_read_tokens", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens")


def record(number: int, call: Mapping[str, Any]) -> CallRecord:
    """Return the record of a call of a vector; its span id is *number* + 1.

    at: seconds since `BEGIN_NS`; seconds: how long it took. trace: a small number; parent: a span id.
    """
    trace_id = call.get("trace", 1)
    cost = call.get("cost_usd", "0.01")
    return CallRecord(
        trace_id=trace_id, span_id=number + 1, parent_id=call.get("parent"),
        start_ns=BEGIN_NS + round(call["at"] * 10**9), duration_ns=round(call.get("seconds", 1) * 10**9),
        service=call.get("service", "agent"), session_id=call.get("session") or f"{trace_id:032x}",
        provider="anthropic", model=call.get("model", "claude-sonnet-4-5"), operation="chat", tier=None,
        usage={meter: call[meter] for meter in METERS if call.get(meter) is not None},
        cost_femto=None if cost is None else femto_from_text(cost), list_cost_femto=None,
        status=call.get("status", "unpriced" if cost is None else "priced"), reason=None, source="rate_card",
        pricing_version="2026.01.01-000000000000", rate_id=None,
        tags={"app.feature": call["feature"]} if call.get("feature") else {}, error=call.get("error"),
        finish_reason=call.get("finish_reason"), prompt_name=None, prompt_version=None, outcome=None,
        time_to_first_token_ns=None,
    )  # fmt: skip
