# SPDX-License-Identifier: Apache-2.0
"""Vectors of spans and log records in hand together, through the real dialects with a price that is plain to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spancost.config import data
from spancost.core.semconv import LLM_COST_STATUS
from spancost.store.enrich import enrich
from spancost.store.log_records import carried_records
from spancost.store.otlp_json import carried_spans, plain
from tests.core.ledgers import ledger

KEYS = {"describes", "price", "requests", "expected"}


def run(case: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the `llm.*` on every span and record of the vector's requests, in their order."""
    dialects, requests = data.default_dialects(), case["requests"]
    markers = dialects.markers | {LLM_COST_STATUS}
    spans = [span for request in requests for span in carried_spans(request)]
    records = [record for request in requests for record in carried_records(request, markers)]
    enrich(spans, ledger(case["price"]), records, dialects)
    return [
        {entry["key"]: plain(entry["value"]) for entry in raw["attributes"] if entry["key"].startswith("llm.")}
        for request in requests
        for raw in raws(request)
    ]


def raws(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in (*request.get("resourceSpans", ()), *request.get("resourceLogs", ())):
        for scope in (*resource.get("scopeSpans", ()), *resource.get("scopeLogs", ())):
            yield from scope.get("spans", ())
            yield from scope.get("logRecords", ())
