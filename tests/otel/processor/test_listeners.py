# SPDX-License-Identifier: Apache-2.0
"""Listeners get the record of each counted call, in order, and can neither block the application nor raise into it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import StatusCode

from spancost import LLMCostProcessor, attribution, record_outcome
from spancost.core.record import CallEvent, CallRecord, Correction
from spancost.otel.processor.call_events import CallEvents
from spancost.otel.processor.diagnostics import ErrorCounter
from tests.otel.processor.simple import Set, processor

CHAT = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o-mini",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 10,
}


def costs(events: list[CallEvent]) -> list[int | None]:
    return [event.cost_femto for event in events if isinstance(event, CallRecord)]


@pytest.mark.parametrize("strategy", ["auto", "wrap", "on_end"])
def test_every_counted_call_is_heard_of_once(strategy: str) -> None:
    """The same number as on the span; a repeated call has none."""
    heard: list[CallEvent] = []
    made = Set(processor(strategy=strategy, on_call=[heard.append]))
    with made.tracer.start_as_current_span("root"):
        for number in range(5):
            made.call(tokens=10 + number, **{"gen_ai.response.id": "same-id-of-one-call" if number > 3 else ""})
    made.cost.force_flush()
    assert costs(heard) == [10**12 * (10 + number) for number in range(5)]
    assert made.cost.stats["records_dropped"] == 0


def test_the_plan_and_the_slow_path_hand_over_the_same() -> None:
    """Spans by a plan have tags, environment, session, error and outcome too."""
    heard: list[CallEvent] = []
    made = Set(LLMCostProcessor(on_call=[heard.append]), resource=Resource({"service.name": "shop"}))
    tracer = made.provider.get_tracer("opentelemetry.instrumentation.openai_v2")
    for number in range(6):
        with attribution(feature="search"):
            span = tracer.start_span("chat", attributes={**CHAT, "session.id": "s", "gen_ai.response.id": str(number)})
            with trace.use_span(span):
                record_outcome("success")
            span.set_status(StatusCode.ERROR)
            span.end()
    made.cost.force_flush()
    assert len(heard) == 6
    first, *others = (event._replace(trace_id=0, span_id=0, start_ns=0, duration_ns=0) for event in heard)  # type: ignore[union-attr,call-arg]
    assert all(other == first for other in others)
    assert isinstance(first, CallRecord)
    assert (first.tags, first.session_id, first.service) == ({"app.feature": "search"}, "s", "shop")
    assert (first.error, first.outcome, first.cost_femto) == ("_OTHER", "success", 156 * 10**9)


def test_corrections_come_after_the_record_they_correct() -> None:
    """The parent of a stream ended first, without usage."""
    heard: list[CallEvent] = []
    made = Set(LLMCostProcessor(on_call=[heard.append]))
    no_usage = {key: value for key, value in CHAT.items() if ".usage." not in key}
    with made.tracer.start_as_current_span("root"):
        parent = made.tracer.start_span("chat", attributes=no_usage)
        client = made.provider.get_tracer("client")
        child = client.start_span("chat", trace.set_span_in_context(parent), attributes=CHAT)
        parent.end()
        child.end()
    made.cost.force_flush()
    record, *rest = heard
    assert isinstance(record, CallRecord) and record.status == "unpriced"
    corrections = [event for event in rest if isinstance(event, Correction)]
    assert [correction.record for correction in corrections] == [record]
    assert made.kept.of("root")["llm.trace_requests"] == 1


def test_nothing_is_made_while_nobody_listens() -> None:
    """Until the first subscription, and after the last one ends."""
    made = Set()
    heard: list[CallEvent] = []
    made.call()
    end = made.cost.subscribe(heard.append)
    again = made.cost.subscribe(heard.append)
    made.call()
    made.cost.force_flush()
    assert len(heard) == 2
    end()
    end()
    made.call()
    made.cost.force_flush()
    assert len(heard) == 3
    again()
    made.call()
    made.cost.force_flush()
    assert len(heard) == 3
    assert made.cost._ledger.makes_records is False


def test_a_listener_that_raises_is_counted_and_the_next_still_hears() -> None:
    """Whatever it raises."""
    heard: list[CallEvent] = []

    def fails(_: CallEvent) -> None:
        raise SystemExit

    made = Set(processor(on_call=[fails, heard.append]))
    made.call()
    made.call()
    made.cost.force_flush()
    assert len(heard) == 2
    assert made.cost.stats["errors_listener"] == 2


def test_a_listener_that_blocks_holds_nobody_up() -> None:
    """What does not fit into the queue is dropped and counted."""
    gate = threading.Event()
    heard: list[CallEvent] = []

    def slow(event: CallEvent) -> None:
        gate.wait(20)
        heard.append(event)

    made = Set(processor(on_call=[slow]))
    made.cost._events._limit = 10
    began = time.perf_counter()
    for _ in range(50):
        made.call()
    assert time.perf_counter() - began < 5
    assert 38 <= made.cost.stats["records_dropped"] <= 40
    gate.set()
    assert made.cost._events.flush(20)
    assert len(heard) + made.cost.stats["records_dropped"] == 50


def test_shutdown_delivers_and_later_calls_still_come() -> None:
    """Spans may end after the shutdown of their provider."""
    heard: list[CallEvent] = []
    made = Set(processor(on_call=[heard.append]))
    made.call()
    made.cost.shutdown()
    assert len(heard) == 1
    made.call()
    made.cost.force_flush()
    assert len(heard) == 2


def test_a_listener_may_flush() -> None:
    """It does not wait for itself."""
    made = Set()
    done: list[bool] = []
    made.cost.subscribe(lambda _: done.append(made.cost.force_flush()))
    made.call()
    made.cost.force_flush()
    assert done == [True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_hears_of_its_own_calls() -> None:
    """The thread does not survive a fork; the listeners do. Records of the parent stay with the parent."""
    heard: list[CallEvent] = []
    made = Set(processor(on_call=[heard.append]))
    made.call(tokens=1)
    made.cost.force_flush()
    heard.clear()
    child = os.fork()
    if child == 0:
        made.call(tokens=3)
        made.cost.force_flush()
        os._exit(0 if costs(heard) == [3 * 10**12] else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert heard == []


def test_records_of_many_threads_all_arrive() -> None:
    """None is lost, none comes twice."""
    heard: list[CallEvent] = []
    made = Set(processor(on_call=[heard.append]))
    run_in_threads(8, lambda: [made.call() for _ in range(200)])
    made.cost.force_flush()
    assert len({event.span_id for event in heard if isinstance(event, CallRecord)}) == len(heard) == 1600


def run_in_threads(number: int, work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=work) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_events_without_a_thread_are_delivered_by_flush() -> None:
    """While the interpreter goes down no thread can be started."""
    heard: list[Any] = []
    events = CallEvents(ErrorCounter())
    events.subscribe(heard.append)
    events._may_start = []
    event: Any = "event"
    events.put(event)
    assert heard == []
    assert events.flush(1)
    assert heard == ["event"]
