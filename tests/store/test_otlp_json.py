# SPDX-License-Identifier: Apache-2.0
"""OTLP in its JSON form: what goes in comes out, with attributes added."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spancost.store.enrich import enrich
from spancost.store.otlp_fields import RequestError
from spancost.store.otlp_json import any_value, carried_spans, plain, put
from tests.core.ledgers import ledger

TRACE, SPAN, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "00f067aa0ba902b7"


def request(**span: Any) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
                "schemaUrl": "https://example.com/r",
                "scopeSpans": [
                    {
                        "scope": {"name": "acme.llm", "version": "1.2", "attributes": []},
                        "spans": [{"traceId": TRACE, "spanId": SPAN, "name": "chat", **span}],
                    }
                ],
            }
        ]
    }


def test_a_span_is_read_as_it_stands() -> None:
    sent = request(
        parentSpanId=PARENT,
        startTimeUnixNano="1700000000000000001",
        endTimeUnixNano=1700000000000000009,
        status={"code": "STATUS_CODE_ERROR"},
        attributes=[{"key": "big", "value": {"intValue": "9007199254740993"}}, {"key": "none", "value": {}}],
    )
    ((raw, span, _),) = carried_spans(sent)
    assert raw is sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert (span.trace_id, span.span_id, span.parent_id) == (int(TRACE, 16), int(SPAN, 16), int(PARENT, 16))
    assert (span.start_ns, span.end_ns, span.is_error) == (1700000000000000001, 1700000000000000009, True)
    assert (span.scope_name, span.scope_version, span.resource) == ("acme.llm", "1.2", {"service.name": "shop"})
    assert span.attributes == {"big": 9007199254740993}


@pytest.mark.parametrize("value", ["text", True, False, 5, -(2**62), 0.1, ("a", "b"), (1, 2), ()])
def test_values_keep_their_type(value: Any) -> None:
    found = plain(any_value(value))
    assert found == value and type(found) is type(value)


def test_key_value_lists_are_mappings() -> None:
    inner = {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}}]}}
    assert plain(inner) == {"a": (1,)}


def test_an_attribute_already_there_is_replaced_in_its_place() -> None:
    raw = {"attributes": [{"key": "llm.provider", "value": {"stringValue": "aws"}, "x": 1}, {"key": "b", "value": {}}]}
    put(raw, {"llm.provider": "aws.bedrock", "llm.total_tokens": 3})
    assert [entry["key"] for entry in raw["attributes"]] == ["llm.provider", "b", "llm.total_tokens"]
    assert raw["attributes"][0]["value"] == {"stringValue": "aws.bedrock"}
    assert raw["attributes"][2]["value"] == {"intValue": "3"}


def test_what_nobody_here_knows_is_kept() -> None:
    sent = request(
        flags=257,
        droppedAttributesCount=2,
        events=[{"name": "e", "attributes": [], "future": {}}],
        links=[],
        traceState="a=b",
        attributes=[
            {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}},
            {"key": "gen_ai.usage.input_tokens", "value": {"intValue": "3"}},
            {"key": "payload", "value": {"bytesValue": "AA=="}},
        ],
    )
    before = copy.deepcopy(sent)
    enrich(list(carried_spans(sent)), ledger({"input": 1, "output": 1, "unknown": []}))
    span, was = (one["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for one in (sent, before))
    assert span["attributes"][: len(was["attributes"])] == was["attributes"]
    assert len(span["attributes"]) > len(was["attributes"])
    span["attributes"] = was["attributes"]
    assert sent == before


def test_a_circle_of_parents_ends() -> None:
    spans = request()["resourceSpans"][0]["scopeSpans"][0]
    spans["spans"] = [
        {"traceId": TRACE, "spanId": SPAN, "parentSpanId": PARENT, "name": "a"},
        {"traceId": TRACE, "spanId": PARENT, "parentSpanId": SPAN, "name": "b"},
    ]
    enrich(
        list(carried_spans({"resourceSpans": [{"scopeSpans": [spans]}]})),
        ledger({"input": 1, "output": 1, "unknown": []}),
    )


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ([], "request: found a list, expected an object"),
        ({"resourceSpans": {}}, "request.resourceSpans: found an object, expected a list"),
        (request(spanId="xyz"), "spans[0].spanId: found 'xyz', expected hexadecimal digits"),
        (request(traceId=None), "spans[0].traceId: found None, expected hexadecimal digits"),
        (request(endTimeUnixNano="soon"), "endTimeUnixNano: found 'soon', expected nanoseconds"),
        (request(attributes=[1]), "attributes[0]: found a number, expected an object"),
    ],
)
def test_bad_input_is_named(broken: Any, said: str) -> None:
    with pytest.raises(RequestError) as raised:
        list(carried_spans(broken))
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"arrayValue": {"values": 5}}, ()),
        ({"arrayValue": 5}, ()),
        ({"kvlistValue": {"values": {"a": 1}}}, {}),
        ({"kvlistValue": {"values": [{"key": {"a": 1}, "value": {"intValue": 1}}, 5]}}, {}),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "9" * 5_000}}]}}, {"a": "9" * 5_000}),
    ],
)
def test_values_of_another_form_are_left_out(value: Any, expected: object) -> None:
    assert plain(value) == expected


def test_an_attribute_without_a_name_stays_where_it_is() -> None:
    odd = {"key": {"a": 1}, "value": {"intValue": 1}}
    raw: dict[str, Any] = {"attributes": [odd]}
    put(raw, {"llm.cost_status": "priced"})
    assert raw["attributes"] == [odd, {"key": "llm.cost_status", "value": {"stringValue": "priced"}}]
