# SPDX-License-Identifier: Apache-2.0
"""The quick reader of OTLP JSON gives what the careful one gives, or leaves the request to it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from spancost.store.decoding import Decoder, Job
from spancost.store.json_spans import quick_facts, request_in
from spancost.store.messages import document_in
from spancost.store.otlp_fields import RequestError
from spancost.store.span_facts import EVALUATION, KIND, VALUES, Batch, Keys, careful_facts

KEYS = Keys(["gen_ai.request.model"], {"dialects": ["gen_ai.request.model", "gen_ai.usage.input_tokens"]})
MODEL = {"key": "gen_ai.request.model", "value": {"stringValue": "gpt-5-mini"}}
SPAN: dict[str, Any] = {
    "traceId": "1f",
    "spanId": "2",
    "name": "chat",
    "startTimeUnixNano": "5",
    "endTimeUnixNano": "9",
    "attributes": [MODEL],
}
SCORE = [
    {"key": "gen_ai.evaluation.name", "value": {"stringValue": "tone"}},
    {"key": "gen_ai.evaluation.score.value", "value": {"doubleValue": 0.5}},
]


def text(**members: Any) -> str:
    """Return a request with one span; members of which the value is ... are left out."""
    span = {name: value for name, value in {**SPAN, **members}.items() if value is not ...}
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]})


def attribute(value: str) -> str:
    """Return a request with the text of a value of an attribute."""
    return text(attributes=[MODEL, {"key": "gen_ai.usage.input_tokens", "value": "HERE"}]).replace('"HERE"', value)


def contents(batch: Batch) -> list[Any]:
    """Return what a batch says of each span, with the types of its values, whatever its kinds are numbered."""
    found = []
    for fact in batch.facts:
        names, *shared = batch.kinds[fact[KIND]]
        attributes = sorted(zip(names, map(repr, fact[VALUES]), strict=True))
        found.append((*fact[:VALUES], attributes, *fact[VALUES + 1 : KIND], shared[:3], batch.resources[shared[3]]))
    return found


ODD = {
    "two values": attribute('{"boolValue": true, "doubleValue": 1.5}'),
    "no value": attribute("{}"),
    "value null": attribute("null"),
    "text null": attribute('{"stringValue": null}'),
    "text a number": attribute('{"stringValue": 5}'),
    "number a word": attribute('{"intValue": "many"}'),
    "number of 80 bits": attribute('{"intValue": 1180591620717411303424}'),
    "double of 80 bits": attribute('{"doubleValue": 1180591620717411303424}'),
    "number true": attribute('{"intValue": true}'),
    "number a half": attribute('{"intValue": 1.5}'),
    "number with an exponent": attribute('{"intValue": 1e3}'),
    "unknown kind": attribute('{"stringValueStrindex": 7}'),
    "bytes": attribute('{"bytesValue": "aGk="}'),
    "list": attribute('{"arrayValue": {"values": [{"stringValue": "a"}, {"intValue": "1"}, {}]}}'),
    "list null": attribute('{"arrayValue": null}'),
    "member twice": attribute('{"intValue": "1", "intValue": "2"}'),
    "escapes": attribute('{"stringValue": "\\u00e9\\n\\ud83d\\ude00"}'),
    "no trace": text(traceId=...),
    "trace no text": text(traceId=5),
    "trace no number": text(traceId="xyz"),
    "no attributes": text(attributes=...),
    "attributes null": text(attributes=None),
    "attributes a text": text(attributes="none"),
    "attribute a number": text(attributes=[1]),
    "key a number": text(attributes=[{"key": 5, "value": {"stringValue": "x"}}]),
    "attribute without a value": text(attributes=[MODEL, {"key": "gen_ai.usage.input_tokens"}]),
    "attribute with more": text(attributes=[{**MODEL, "keyStrindex": 4}]),
    "parent null": text(parentSpanId=None),
    "time a number": text(startTimeUnixNano=5),
    "time a word": text(startTimeUnixNano="soon"),
    "time missing": text(startTimeUnixNano=...),
    "name null": text(name=None),
    "name a number": text(name=7),
    "status a word": text(status="bad"),
    "error by name": text(status={"code": "STATUS_CODE_ERROR"}),
    "exception": text(status={"code": 2}, events=[{"name": "exception", "attributes": "none"}]),
    "score": text(events=[{"name": EVALUATION, "attributes": SCORE}]),
    "score beside an odd status": text(status="bad", events=[{"name": EVALUATION, "attributes": SCORE}, 5]),
    "unknown member": text(custom={"a": [1, {"b": None}]}),
    "no list": '{"resourceSpans": {"a": 1}}',
    "no object": "[1]",
    "nothing": "{}",
}


@pytest.mark.parametrize("line", ODD.values(), ids=ODD)
def test_both_ways_read_the_same(line: str) -> None:
    """Or the quick one refuses."""
    request = request_in(line.encode())
    quick = None if request is None else quick_facts(request, KEYS)
    if quick is not None:
        assert contents(quick) == contents(careful_facts(document_in(line.encode()), KEYS))


def test_some_are_quick() -> None:
    """The plain ones: otherwise the test above says nothing."""
    for name in ("escapes", "list", "no attributes", "parent null", "score", "unknown member"):
        request = request_in(ODD[name].encode())
        assert request is not None and quick_facts(request, KEYS) is not None, name


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        (text().encode(), True),
        (b"\xef\xbb\xbf" + text().encode(), True),
        (text(custom="é").encode(), True),
        (text(custom="HERE").replace("HERE", "\\ud800").encode(), True),
        (text(custom=float("nan")).encode(), True),
        (text(attributes={}).encode(), True),
        (text().replace('"scope": {}', '"scope": []').encode(), True),
        (text(custom="HERE").encode().replace(b"HERE", b"\xff"), False),
        (text(custom="HERE").encode().replace(b"HERE", b"\x01"), False),
        (text(custom="HERE").encode().replace(b"HERE", b"\\x"), False),
        (text(custom=1).encode().replace(b"1}", b"01}"), False),
        (text().encode() + b"x", False),
    ],
)
def test_what_is_json(line: bytes, is_read: bool, tmp_path: Any) -> None:
    """Also within members that are not read."""
    path = tmp_path / "spans.jsonl"
    path.write_bytes(text(spanId="77").encode() + b"\n" + line + b"\n")
    done = Decoder(None, 1).decode(Job(str(path)))
    assert (done.spans, done.faulty) == ((2, 0) if is_read else (1, 1))


@pytest.mark.parametrize("place", ["resourceSpans", "scopeSpans", "spans"])
def test_an_empty_list_may_be_written_as_an_object(place: str, tmp_path: Any) -> None:
    """At each level: the other spans of the request are read."""
    empty: dict[str, Any] = {place: {}}
    path = tmp_path / "spans.jsonl"
    held = {"scopeSpans": [empty]} if place == "spans" else empty
    given = held if place == "resourceSpans" else {"resourceSpans": [held, *json.loads(text())["resourceSpans"]]}
    path.write_text(json.dumps(given) + "\n", encoding="utf-8")
    done = Decoder(None, 1).decode(Job(str(path)))
    assert (done.spans, done.faulty) == (0 if place == "resourceSpans" else 1, 0)


def test_a_request_that_is_none_is_named() -> None:
    """By the careful way, which says where."""
    with pytest.raises(RequestError, match="traceId: found None"):
        careful_facts(json.loads(ODD["no trace"]), KEYS)
