# SPDX-License-Identifier: Apache-2.0
"""Ledgers for tests: vectors' spans through the real dialects with a price that is plain to see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from spancost.config import data
from spancost.core.call import Call, Cost
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.store.enrich import enrich, joined
from spancost.store.otlp_json import any_value, carried_spans, plain

VERSION = "2026.01.01-000000000000"


class FlatPricer:
    """Every model costs the same per token, but for the unknown ones: `price` of a vector.

    `extra`: femto-dollars for one unit of further meters, on top of what the tokens cost.
    """

    version = VERSION

    def __init__(self, price: Mapping[str, Any]) -> None:
        self.price_of = price

    def price(self, call: Call) -> Cost:
        if call.model in self.price_of["unknown"]:
            return Cost("unpriced", "unknown_model", None)
        usage = call.usage
        femto = (
            usage.get("input_tokens", 0) * self.price_of["input"]
            + usage.get("output_tokens", 0) * self.price_of["output"]
            + sum(usage.get(meter, 0) * extra for meter, extra in self.price_of.get("extra", {}).items())
        )
        return Cost("priced", None, int(femto), f"{call.provider}/{call.model}", "rate_card")


def ledger(price: Mapping[str, Any]) -> Ledger:
    return Ledger(data.default_dialects(), FlatPricer(price), LedgerOptions(join_services=True))


def request_of(spans: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a vector's spans as one `ExportTraceServiceRequest`, each under a resource and scope of its own."""
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": _resource(span)},
                "scopeSpans": [
                    {"scope": {"name": span["scope"], "version": span.get("version", "")}, "spans": [_span(span)]}
                ],
            }
            for span in spans
        ]
    }


def _resource(span: Mapping[str, Any]) -> list[dict[str, Any]]:
    about = {"service.name": span.get("service", "app")}
    if "instance" in span:
        about["service.instance.id"] = span["instance"]
    return [_attribute(key, value) for key, value in about.items()]


def _span(span: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "traceId": f"{span['trace']:032x}",
        "spanId": f"{span['span']:016x}",
        "parentSpanId": f"{span['parent']:016x}" if span["parent"] else "",
        "name": span.get("name", "span"),
        "startTimeUnixNano": str(span["start"]),
        "endTimeUnixNano": str(span["end"]),
        "attributes": [_attribute(key, value) for key, value in span["attributes"].items()],
        "status": {"code": 2} if span.get("error") else {},
        **({"events": [_exception(span["raised"])]} if "raised" in span else {}),
    }


def _exception(kind: str) -> dict[str, Any]:
    return {"name": "exception", "attributes": [_attribute("exception.type", kind)]}


def _attribute(key: str, value: Any) -> dict[str, Any]:
    return {"key": key, "value": any_value(value)}


def written(request: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return "trace/span" -> the attributes that *request* has and the vector's spans had not."""
    found: dict[str, dict[str, Any]] = {}
    for resource in request["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                name = f"{int(span['traceId'], 16)}/{int(span['spanId'], 16)}"
                has = {entry["key"]: plain(entry["value"]) for entry in span["attributes"]}
                new = {key: value for key, value in has.items() if before[name].get(key) != value}
                if new:
                    found[name] = dict(sorted(new.items()))
    return found


def run_as_they_end(case: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a ledger writes on the spans of a vector that end in the order in which they stand there."""
    book = Ledger(data.default_dialects(), FlatPricer(case["price"]), LedgerOptions())
    carried = {(one.span.trace_id, one.span.span_id): [one] for one in carried_spans(request_of(case["spans"]))}
    found = {f"{key[0]}/{key[1]}": dict(book.end(span).writes) for key, span in joined(carried).items()}
    return {name: dict(sorted(new.items())) for name, new in sorted(found.items()) if new}


def run(case: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a ledger writes on the spans of a vector: "trace/span" -> attributes."""
    before = {f"{span['trace']}/{span['span']}": span["attributes"] for span in case["spans"]}
    request = request_of(case["spans"])
    enrich(list(carried_spans(request)), ledger(case["price"]))
    return dict(sorted(written(request, before).items()))
