# SPDX-License-Identifier: Apache-2.0
"""Whatever happens on the way, money is neither lost nor doubled, and a total that lacks something says so.

Each case is asked of the bytes that arrive at a backend, and of what a real Jaeger shows.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from spancost.store.otlp_receiver import OtlpReceiver, ReceivedSpan
from tests.collector.collector import (
    CONFIGURATIONS,
    SERVER,
    call,
    collector,
    free_port,
    send,
    send_until_taken,
    span,
    until,
)
from tests.collector.jaeger import Jaeger

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector-disturbed")]
MINIMAL = CONFIGURATIONS / "minimal.yaml"
NANO = "llm.request_cost_nanousd"
TRACE_NANO = "llm.trace_cost_nanousd"
SPANS = 6
CALLS = (60_000 + 150_000, 60_000 + 300_000, 60_000 + 450_000)
EXPECTED = sum(CALLS)


def fresh() -> int:
    """Return the id of a trace that nobody has."""
    return random.getrandbits(120)


def tree(trace: int) -> list[dict[str, Any]]:
    """Return a trace of a root, a server span below it, and a call below each and below a span of the latter."""
    return [
        span(trace, 1, 0, SERVER),
        call(trace, 2, 1, 1000),
        span(trace, 3, 1, SERVER),
        call(trace, 4, 3, 2000),
        span(trace, 5, 3),
        call(trace, 6, 5, 3000),
    ]


def of(trace: int, spans: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
    return [found for found in spans if int(found.trace_id, 16) == trace]


def own(spans: Iterable[ReceivedSpan]) -> int:
    """Return the cost of all calls in nano-dollars, each span once."""
    once = {(found.trace_id, found.span_id): found for found in spans}
    return sum(found.attributes.get(NANO, 0) for found in once.values())


def roots(spans: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
    return [found for found in spans if not found.parent_id]


def test_shuffled_split_and_delivered_twice_changes_nothing(tmp_path: Path, shown_by: Jaeger) -> None:
    order = random.Random(7)
    traces = [fresh() for _ in range(8)]
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "2s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(MINIMAL, tmp_path, env, also=shown_by.also) as running:
            spans = [found for n, trace in enumerate(traces) for found in tree(trace) * (1 + n % 2)]
            order.shuffle(spans)
            while spans:
                count = order.randint(1, 7)
                send(running.http, *spans[:count])
                spans = spans[count:]
            until(lambda: sum(TRACE_NANO in found.attributes for found in backend.spans) >= 16)
        for trace in traces:
            found = of(trace, backend.spans)
            assert own(found) == EXPECTED
            assert {s.attributes[TRACE_NANO] for s in roots(found)} == {EXPECTED}
            assert {s.attributes["llm.trace_cost_complete"] for s in roots(found)} == {True}
    for trace in traces:
        assert shown_by.shown(trace, SPANS) == (SPANS, EXPECTED, EXPECTED, True)


@pytest.mark.xdist_group("collector-late")
def test_a_child_8_s_late_is_in_the_total(tmp_path: Path, shown_by: Jaeger) -> None:
    trace = fresh()
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "10s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(MINIMAL, tmp_path, env, also=shown_by.also) as running:
            spans = tree(trace)
            send(running.http, *spans[:5])
            time.sleep(8)
            send(running.http, spans[5])
            until(lambda: roots(backend.spans))
        (root,) = roots(backend.spans)
        assert root.attributes[TRACE_NANO] == EXPECTED == own(backend.spans)
        assert root.attributes["llm.trace_cost_complete"] is True
    assert shown_by.shown(trace, SPANS) == (SPANS, EXPECTED, EXPECTED, True)


def test_a_collector_restarted_in_mid_trace(tmp_path: Path, shown_by: Jaeger) -> None:
    """What it holds when it is told to stop goes out, with a total that is not complete; what comes later is late."""
    trace = fresh()
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "2s", "BACKEND_OTLP_HTTP": backend.url}
        spans = tree(trace)
        with collector(MINIMAL, tmp_path, env, also=shown_by.also) as running:
            send(running.http, *spans[:4])
        with collector(MINIMAL, tmp_path, env, also=shown_by.also) as running:
            send(running.http, *spans[4:])
        found = backend.spans
    assert len(found) == SPANS
    assert own(found) == EXPECTED
    (root,) = roots(found)
    assert root.attributes[TRACE_NANO] == CALLS[0] + CALLS[1]
    assert root.attributes["llm.trace_cost_complete"] is False
    assert shown_by.shown(trace, SPANS) == (SPANS, EXPECTED, CALLS[0] + CALLS[1], False)


def test_a_gateway_restarted_in_mid_trace_while_its_agent_goes_on(tmp_path: Path, shown_by: Jaeger) -> None:
    """What agents send while no gateway is there waits at the agents."""
    trace = fresh()
    with OtlpReceiver() as backend:
        grpc = f"127.0.0.1:{free_port()}"
        env = {"ROLLUP_MAX_WAIT": "2s", "BACKEND_OTLP_HTTP": backend.url, "OTLP_GRPC_LISTEN": grpc}
        spans = tree(trace)
        gateway = CONFIGURATIONS / "gateway.yaml"
        to = {"GATEWAY_1": grpc, "GATEWAY_2": grpc}
        retry = "exporters::load_balancing::protocol::otlp::retry_on_failure"
        soon = {f"{retry}::initial_interval": "100ms", f"{retry}::max_interval": "500ms"}
        with collector(CONFIGURATIONS / "agent.yaml", tmp_path, to, also=soon) as agent:
            with collector(gateway, tmp_path, env, also=shown_by.also):
                send(agent.http, *spans[:4])
                until(lambda: own(backend.spans) == CALLS[0] + CALLS[1])
            send(agent.http, *spans[4:])
            with collector(gateway, tmp_path, env, also=shown_by.also):
                until(lambda: own(backend.spans) == EXPECTED)
        found = backend.spans
    assert len(found) == SPANS
    (root,) = roots(found)
    assert root.attributes[TRACE_NANO] == CALLS[0] + CALLS[1]
    assert root.attributes["llm.trace_cost_complete"] is False
    assert shown_by.shown(trace, SPANS) == (SPANS, EXPECTED, CALLS[0] + CALLS[1], False)


def test_over_its_limits_it_releases_early_and_says_so(tmp_path: Path, shown_by: Jaeger) -> None:
    traces = [fresh() for _ in range(20)]
    limits = {"shards": "1", "max_traces": "3", "max_held_bytes": "65536"}
    narrow = {**shown_by.also, **{f"processors::llm_cost_rollup::{key}": value for key, value in limits.items()}}
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "60s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(MINIMAL, tmp_path, env, also=narrow) as running:
            for trace in traces:
                send(running.http, *tree(trace))
            until(lambda: len(backend.spans) >= (20 - 3) * SPANS)
        found = backend.spans
    assert len(found) == 20 * SPANS, "spans were lost"
    assert own(found) == 20 * EXPECTED
    assert [s.attributes[TRACE_NANO] for s in roots(found)] == [EXPECTED] * 20
    assert {s.attributes["llm.trace_cost_complete"] for s in roots(found)} == {False}
    for trace in traces:
        assert shown_by.shown(trace, SPANS) == (SPANS, EXPECTED, EXPECTED, False)


def test_over_the_memory_limit_it_refuses_what_comes_and_keeps_what_it_has(tmp_path: Path, shown_by: Jaeger) -> None:
    """Clients are told to try again; what they were told is taken is not lost, and what they repeat counts once."""
    traces = [fresh() for _ in range(80)]
    limit = {"check_interval": "50ms", "limit_mib": "90", "spike_limit_mib": "10"}
    narrow = {**shown_by.also, **{f"processors::memory_limiter::{key}": value for key, value in limit.items()}}
    refusals = 0
    with OtlpReceiver() as backend:
        env = {"ROLLUP_MAX_WAIT": "1s", "BACKEND_OTLP_HTTP": backend.url}
        with collector(MINIMAL, tmp_path, env, also=narrow) as running:
            for trace in traces:
                spans = tree(trace)
                spans[0]["attributes"].append({"key": "ballast", "value": {"stringValue": "x" * 900_000}})
                refusals += send_until_taken(running.http, *spans[3:])
                refusals += send_until_taken(running.http, *spans[:3])
            until(lambda: len(roots(backend.spans)) == len(traces))
        found = backend.spans
    assert refusals > 0, "the limit was never reached"
    assert len(found) == len(traces) * SPANS, "spans were lost"
    assert own(found) == len(traces) * EXPECTED
    for root in roots(found):
        told = root.attributes
        assert told[TRACE_NANO] == EXPECTED or told["llm.trace_cost_complete"] is False
    for trace in traces:
        spans_shown, calls, total, is_complete = shown_by.shown(trace, SPANS)
        assert (spans_shown, calls) == (SPANS, EXPECTED)
        assert total == EXPECTED or is_complete is False
