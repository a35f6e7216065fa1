# SPDX-License-Identifier: Apache-2.0
"""The quick way to read the spans of a request gives what the careful way gives."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from spancost.store import span_facts
from spancost.store.json_spans import facts_of
from spancost.store.otlp_json import carried_spans
from spancost.store.span_facts import ERROR, KIND, LONGEST_KEPT, VALUES, Batch, Keys

KEYS = Keys(["gen_ai.request.model"], {"dialects": ["gen_ai.request.model", "gen_ai.usage.input_tokens"]})
NAMES = st.sampled_from(
    ["gen_ai.request.model", "gen_ai.usage.input_tokens", "app.outcome", "app.score.x", "http.route", "prompt"]
)
VALUES_OF = st.one_of(
    st.sampled_from(["", "gpt-5-mini", "x" * (LONGEST_KEPT + 1)]).map(lambda text: {"stringValue": text}),
    st.integers(-5, 2**62).map(lambda number: {"intValue": str(number)}),
    st.floats(allow_nan=False).map(lambda number: {"doubleValue": number}),
    st.booleans().map(lambda value: {"boolValue": value}),
    st.just({"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}]}}),
    st.just({}),
    st.just({"stringValue": None}),
)
ATTRIBUTES = st.lists(st.builds(lambda key, value: {"key": key, "value": value}, NAMES, VALUES_OF), max_size=5)
EXCEPTION = {"name": "exception", "attributes": [{"key": "exception.type", "value": {"stringValue": "Timeout"}}]}
SPANS = st.builds(
    lambda number, parent, attributes, status, events: {
        "traceId": f"{number:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": parent,
        "name": "chat",
        "startTimeUnixNano": "5",
        "endTimeUnixNano": "9",
        "attributes": attributes,
        "status": status,
        "events": events,
    },
    st.integers(1, 99),
    st.sampled_from(["", "00000000000000aa"]),
    ATTRIBUTES,
    st.sampled_from([{}, {"code": 2}, {"code": 1}]),
    st.sampled_from([[], [EXCEPTION]]),
)


def contents(batch: Batch) -> list[tuple[Any, ...]]:
    """Return what a batch says of each span, whatever its kinds are numbered."""
    found = []
    for fact in batch.facts:
        keys, *shared, resource = batch.kinds[fact[KIND]]
        attributes = sorted(zip(keys, fact[VALUES], strict=True), key=str)
        found.append((fact[:VALUES], attributes, fact[ERROR], shared, batch.resources[resource]))
    return found


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.lists(SPANS, max_size=4)), max_size=3))
def test_both_ways_read_the_same(scopes: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """Texts that are kept and dropped, numbers, lists, values that are missing, errors."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "api"}}]}
    of_scopes = [{"scope": {"name": name, "version": "1"}, "spans": spans} for name, spans in scopes]
    request = {"resourceSpans": [{"resource": resource, "scopeSpans": of_scopes}]}
    careful = Batch()
    for carried in carried_spans(request):
        careful.resources.append(dict(carried.span.resource or {}))
        careful.add(carried.span, KEYS)
    assert [repr(each) for each in contents(facts_of(request, KEYS))] == [repr(each) for each in contents(careful)]


def test_spans_of_one_kind_share_it() -> None:
    """That is what makes a load fast."""
    spans = [{"traceId": "1", "spanId": f"{n:x}", "attributes": [{"key": "http.route", "value": {}}]} for n in range(9)]
    batch = facts_of({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}, KEYS)
    assert len(batch.facts) == 9
    assert batch.kinds == [((), False, "", "", 0)]


def test_a_score_in_an_event_is_kept() -> None:
    """Evaluations are events of the span above the calls."""
    held = {span_facts.SCORE_NAME: {"stringValue": "tone"}, span_facts.SCORE_VALUE: {"doubleValue": 0.5}}
    event = {"name": span_facts.EVALUATION, "attributes": [{"key": k, "value": v} for k, v in held.items()]}
    span = {"traceId": "1", "spanId": "2", "events": [event]}
    batch = facts_of({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}, KEYS)
    assert contents(batch)[0][1] == [("app.score.tone", 0.5)]
