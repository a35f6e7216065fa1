# SPDX-License-Identifier: Apache-2.0
"""In process and offline agree: the spans of every vector through the processor and through `enrich`.

In process the spans are the SDK's own, started as parents before children and ended in the order of their ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, StatusCode, TraceFlags, set_span_in_context

from spancost import LLMCostProcessor
from spancost.config import data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.ledger.reading_pricer import Prices
from spancost.store.enrich import enrich
from spancost.store.otlp_json import carried_spans
from tests.core.ledgers import FlatPricer, request_of, written
from tests.core.vectors import cases

KEYS = {"describes", "price", "spans", "expected"}
TRACES = [
    (f"{kind}/{name}", case)
    for kind in ("counting", "rollup")
    for name, case in cases(kind, KEYS)
    # Several services are several processes, and ids are random, so that no two traces share one. A call that ends
    # after what is above it is written late in process: `tests/vectors/ending`.
    if len({(span.get("service", "app"), span.get("instance")) for span in case["spans"]}) == 1
    and len({span["span"] for span in case["spans"]}) == len(case["spans"])
    and all(
        child["end"] <= parent["end"]
        for child in case["spans"]
        for parent in case["spans"]
        if (child["trace"], child["parent"]) == (parent["trace"], parent["span"])
    )
]
READINGS = cases("dialect", {"describes", "span", "reading"})


class Ids(IdGenerator):
    """Gives the ids of the span that is started next."""

    trace, span = 1, 1

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span


def in_process(spans: Sequence[Mapping[str, Any]], prices: Prices) -> dict[str, dict[str, Any]]:
    """Return "trace/span" -> what `LLMCostProcessor` puts on the SDK's spans."""
    ids = Ids()
    kept = InMemorySpanExporter()
    tracers = TracerProvider(
        id_generator=ids,
        span_limits=SpanLimits(max_span_attributes=1_000),
        resource=Resource.get_empty(),
        shutdown_on_exit=False,
    )
    options = LedgerOptions(one_process=any("instance" in span for span in spans))
    tracers.add_span_processor(LLMCostProcessor(ledger=Ledger(data.default_dialects(), prices, options)))
    tracers.add_span_processor(SimpleSpanProcessor(kept))
    open_spans: dict[str, tuple[int, Span]] = {}
    sources = {(span["trace"], span["span"]): span for span in spans}
    for depth, source in sorted(((_depth(span, sources), span) for span in sources.values()), key=lambda pair: pair[0]):
        ids.trace, ids.span = source["trace"], source["span"]
        context = None
        if source["parent"]:
            above = SpanContext(ids.trace, source["parent"], is_remote=not depth, trace_flags=TraceFlags(1))
            context = set_span_in_context(NonRecordingSpan(above))
        tracer = tracers.get_tracer(source["scope"], source.get("version"))
        span: Any = tracer.start_span(source.get("name", "span"), context, start_time=source["start"])
        span.set_attributes(source["attributes"])
        if source.get("error"):
            span.set_status(StatusCode.ERROR)
        if "raised" in source:
            span.add_event("exception", {"exception.type": source["raised"]})
        open_spans[f"{ids.trace}/{ids.span}"] = (depth, span)
    for _, span in sorted(
        open_spans.values(),
        key=lambda pair: (sources[pair[1].context[:2]]["end"], -pair[0], *reversed(pair[1].context[:2])),
    ):
        span.end(sources[span.context[:2]]["end"])
    return {
        f"{span.context.trace_id}/{span.context.span_id}": _ours(span.attributes or {})
        for span in kept.get_finished_spans()
        if span.context is not None
    }


def offline(spans: Sequence[Mapping[str, Any]], prices: Prices) -> dict[str, dict[str, Any]]:
    """Return the same of `enrich`."""
    request = request_of(spans)
    for resource in request["resourceSpans"]:  # what runs in process is Python's
        about = resource.setdefault("resource", {}).setdefault("attributes", [])
        about.append({"key": "telemetry.sdk.language", "value": {"stringValue": "python"}})
    enrich(list(carried_spans(request)), Ledger(data.default_dialects(), prices, LedgerOptions()))
    nothing: dict[str, Any] = {f"{span['trace']}/{span['span']}": {} for span in spans}
    return {name: _ours(has) for name, has in written(request, nothing).items()}


def _ours(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if key.startswith("llm.")}


def _depth(span: Mapping[str, Any], sources: Mapping[tuple[int, int], Mapping[str, Any]]) -> int:
    above = sources.get((span["trace"], span["parent"]))
    return 0 if above is None else 1 + _depth(above, sources)


@pytest.mark.parametrize(("name", "case"), TRACES, ids=[name for name, _ in TRACES])
def test_a_trace_gets_the_same_in_process_and_offline(name: str, case: dict[str, Any]) -> None:
    pricer = FlatPricer(case["price"])
    has = in_process(case["spans"], pricer)
    expected = offline(case["spans"], pricer)
    ended = {f"{span['trace']}/{span['span']}": span["end"] for span in case["spans"]}
    for name, attributes in has.items():  # a root that has left the process cannot say what is doubted later
        doubts = [other for other, some in expected.items() if some.get("llm.cost_reason") == "same_tokens_elsewhere"]
        if any(name.split("/")[0] != other.split("/")[0] and ended[name] <= ended[other] for other in doubts):
            attributes.update({key: False for key in attributes if key == "llm.trace_cost_complete"})
    assert {name: some for name, some in has.items() if some} == {name: some for name, some in expected.items() if some}
    assert any(expected.values()) or not case["expected"]


@pytest.mark.parametrize(("name", "case"), READINGS, ids=[name for name, _ in READINGS])
def test_a_span_of_every_dialect_gets_the_same_in_process_and_offline(name: str, case: dict[str, Any]) -> None:
    """Twice in each, below a root, with the real prices: the second time by what was learned of the first."""
    begun = 1_790_000_000_000_000_000
    root = {"trace": 1, "span": 1, "parent": None, "start": begun, "end": begun + 90, "scope": "app", "attributes": {}}
    alike = [
        {**root, **case["span"], "span": 1 + number, "parent": 1, "start": begun + number, "end": begun + number + 5}
        for number in (10, 20)
    ]
    pricer = data.default_pricer()
    has, expected = in_process([root, *alike], pricer), offline([root, *alike], pricer)
    assert {name: some for name, some in has.items() if some} == {name: some for name, some in expected.items() if some}
