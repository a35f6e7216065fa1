# SPDX-License-Identifier: Apache-2.0
"""Threads, tasks and forks."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from typing import Any

import pytest
from opentelemetry.context import attach, detach, get_current

from spancost.core.call import Call, Cost
from tests.otel.processor.simple import INPUT, MODEL, OnePrice, Set, processor, simple_ledger


@pytest.mark.parametrize("strategy", ["auto", "wrap"])
def test_calls_in_many_threads_add_up(strategy: str) -> None:
    """No update is lost, whichever thread is switched to."""
    made = Set(processor(strategy=strategy))
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with made.tracer.start_as_current_span("root"):
            context = get_current()

            def work() -> None:
                token = attach(context)
                for _ in range(200):
                    made.call(tokens=1)
                detach(token)

            threads = [threading.Thread(target=work) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(interval)
    root = made.kept.of("root")
    assert root["llm.trace_requests"] == 800
    assert root["llm.trace_cost_usd"] == 0.8


def test_calls_in_many_tasks_add_up() -> None:
    """Tasks that interleave at every step keep their own parents."""
    made = Set()

    async def step(number: int) -> None:
        with made.tracer.start_as_current_span(f"step {number}"):
            for _ in range(3):
                await asyncio.sleep(0)
                made.call(f"call of {number}", tokens=number)

    async def main() -> None:
        with made.tracer.start_as_current_span("root"):
            await asyncio.gather(*(step(number) for number in range(1, 11)))

    asyncio.run(main())
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.165
    assert made.kept.of("step 7")["llm.subtree_cost_usd"] == 0.021


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_neither_hangs_nor_inherits_totals() -> None:
    """The lock may be held by another thread at the fork; the subtotals belong to the parent's spans."""
    made = Set()
    stop = threading.Event()

    def busy() -> None:
        while not stop.is_set():
            made.call("busy", tokens=1)

    threads = [threading.Thread(target=busy, daemon=True) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    made.kept.spans.clear()
                    with made.tracer.start_as_current_span("child root"):
                        made.call("child call", tokens=3)
                    code = 0 if made.kept.of("child root")["llm.trace_cost_usd"] == 0.003 else 2
                finally:
                    os._exit(code)
            watch = threading.Timer(20, os.kill, (child, 9))
            watch.start()
            _, status = os.waitpid(child, 0)
            watch.cancel()
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_fork_while_the_lock_is_held_leaves_the_child_a_free_one() -> None:
    """Without a new lock this child would wait for a thread that it does not have."""
    made = Set()
    with made.cost._finisher.reentrancy.lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if made.cost._finisher.reentrancy.lock.acquire(timeout=1) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


class Finalizes(OnePrice):
    """Ends an abandoned span while it prices another one, as the garbage collector or a signal's handler may."""

    def __init__(self) -> None:
        self.abandoned: list[Any] = []

    def price(self, call: Call) -> Cost:
        if self.abandoned:
            self.abandoned.pop().end()
        return super().price(call)


@pytest.mark.parametrize("strategy", ["auto", "wrap", "on_end"])
def test_a_span_that_ends_inside_our_own_work_waits_for_it(strategy: str) -> None:
    """The thread does not wait for itself, and no call is lost."""
    prices = Finalizes()
    made = Set(processor(simple_ledger(prices), strategy=strategy), exporter_first=False)

    def work() -> None:
        with made.tracer.start_as_current_span("root"):
            for number in range(3):
                abandoned = made.tracer.start_span(f"abandoned {number}", attributes={MODEL: "m", INPUT: 1})
                prices.abandoned.append(abandoned)
            made.call(tokens=10)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert made.kept.of("root")["llm.trace_cost_usd"] == 0.013
    assert made.cost.stats["deferred"] == 3 - len(prices.abandoned) == 3
    assert not [key for key in made.cost.stats if key.startswith("errors_")]
