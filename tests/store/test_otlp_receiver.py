# SPDX-License-Identifier: Apache-2.0
"""The OTLP receiver keeps what a real exporter sends, as spans and as OTLP JSON."""

from __future__ import annotations

import gzip
import json
import urllib.error
import urllib.request
from http.client import HTTPConnection

import pytest
from opentelemetry.trace import StatusCode

from spancost.testing import OtlpReceiver
from spancost.testing.tracing import traced

JSON = {"content-type": "application/json"}


def send_two_spans(receiver: OtlpReceiver, *, batch: bool) -> None:
    provider = traced(receiver, batch=batch, resource={"service.name": "shop"})
    tracer = provider.get_tracer("shop.orders")
    with tracer.start_as_current_span("above"), tracer.start_as_current_span("below") as span:
        span.set_attributes({"text": "a", "whole": 3, "half": 0.5, "yes": True, "many": ["a", "b"]})
        span.set_status(StatusCode.ERROR)
    provider.shutdown()


@pytest.mark.parametrize("batch", [True, False])
def test_spans_arrive_whole(batch: bool) -> None:
    """Ids, parents, scope, status, resource and every type of attribute."""
    with OtlpReceiver() as receiver:
        send_two_spans(receiver, batch=batch)
        below, above = sorted(receiver.spans, key=lambda span: span.name, reverse=True)
    assert below.parent_id == above.span_id and above.parent_id == ""
    assert below.attributes == {"text": "a", "whole": 3, "half": 0.5, "yes": True, "many": ["a", "b"]}
    assert (below.scope, below.is_error, below.resource["service.name"]) == ("shop.orders", True, "shop")
    assert above.start_ns <= below.start_ns <= below.end_ns <= above.end_ns


def test_what_it_writes_as_json_it_reads_as_json() -> None:
    """One request a line, ids in hex, as the Collector's file exporter writes them."""
    with OtlpReceiver() as first, OtlpReceiver() as second:
        send_two_spans(first, batch=True)
        for line in first.json_lines().splitlines():
            request = urllib.request.Request(second.endpoint, line.encode(), JSON)
            with urllib.request.urlopen(request) as answer:
                assert answer.read() == b"{}"
        assert second.spans == first.spans
        assert second.json_lines() == first.json_lines()
        span = json.loads(first.json_lines())["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        assert bytes.fromhex(span["traceId"]).hex() == first.spans[0].trace_id
        assert span["kind"] == 1


def test_a_body_in_chunks_is_read_whole() -> None:
    """As the exporters of Node send it; the connection serves the next request too."""
    with OtlpReceiver() as first, OtlpReceiver() as second:
        send_two_spans(first, batch=True)
        line = first.json_lines().splitlines()[0].encode()
        connection = HTTPConnection("127.0.0.1", int(second.url.rpartition(":")[2]))
        for _ in range(2):
            connection.request("POST", "/v1/traces", iter([line[:7], line[7:]]), JSON, encode_chunked=True)
            with connection.getresponse() as answer:
                assert (answer.status, answer.read()) == (200, b"{}")
        connection.close()
        assert second.spans == first.spans * 2


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"no json", JSON),
        (b'{"resourceSpans": 3}', JSON),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "no hex"}]}]}]}', JSON),
        (b"\xff\xff\xff", {"content-type": "application/x-protobuf"}),
        (b"no gzip", {**JSON, "content-encoding": "gzip"}),
    ],
)
def test_a_body_it_cannot_read_is_refused_and_counted(body: bytes, headers: dict[str, str]) -> None:
    """400, as OTLP has it, and the sender may go on."""
    with OtlpReceiver() as receiver:
        with pytest.raises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(urllib.request.Request(receiver.endpoint, body, headers))
        refusal.value.close()
        assert (refusal.value.code, receiver.refused, receiver.spans) == (400, 1, [])
        empty = gzip.compress(b"{}")
        with urllib.request.urlopen(
            urllib.request.Request(receiver.endpoint, empty, {**JSON, "content-encoding": "gzip"})
        ) as answer:
            assert answer.status == 200
