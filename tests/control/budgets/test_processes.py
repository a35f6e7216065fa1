# SPDX-License-Identifier: Apache-2.0
"""Forks, tasks that are cancelled, leases that last, settings: budgets in the life of a process."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import NoOpTracerProvider

from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.cli import main
from spancost.config import data
from spancost.config.settings import Settings
from spancost.control.budgets import setup
from spancost.control.budgets.admission import BudgetAdmission
from spancost.control.budgets.budgets import Budgets
from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.control.budgets.leased import LeasedStore
from spancost.control.budgets.script_client import ScriptClient
from spancost.control.budgets.store_url import store_of
from spancost.control.budgets.stores import MemoryStore, Reservation
from spancost.control.guards import Guards
from spancost.core.budget.limit import Limit
from spancost.core.budget.periods import Part
from spancost.core.budget.windows import LIFETIME, Window
from tests.capture.world import ANSWER, ASK, URL
from tests.control.budgets.servers import Server
from tests.control.budgets.test_budgets import Clock

HOLD_NS = 60 * 10**9


def part(amount: int, limit: int = 10**15) -> Part:
    return Part("b:lifetime:", Window(LIFETIME), amount, limit)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server("valkey", tmp_path)
    yield made
    made.kill()


def _child(store: Any, queue: Any) -> None:
    store.after_fork()
    before = [tuple(balance)[1:3] for balance in store.balances()]
    done = store.reserve([part(10**9)], HOLD_NS)
    store.settle(done, [10**9])
    store.flush()
    store.close()
    queue.put(before)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["memory", "sqlite", "leased", "exact"])
def test_a_forked_child_goes_on(kind: str, server: Server, tmp_path: Path) -> None:
    """Shared stores count both sides; what the parent has reserved the parent settles."""
    address = {"memory": "memory", "sqlite": f"sqlite:{tmp_path / 'b.db'}"}.get(kind) or f"{server.address}?mode={kind}"
    store = store_of(address)
    open_call = store.reserve([part(5 * 10**9)], HOLD_NS)
    assert isinstance(open_call, Reservation)
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=_child, args=(store, queue))
    child.start()
    before = queue.get(timeout=20)
    child.join()
    store.settle(open_call, [2 * 10**9])
    store.flush()
    (balance,) = store.balances()
    if kind == "memory":
        assert before == [(0, 0)] and balance.settled == 2 * 10**9
    else:
        assert balance.settled == 3 * 10**9
    store.close()


@pytest.mark.slow
def test_a_lease_lasts_as_long_as_its_process(server: Server) -> None:
    """It is renewed while a call is open, and settles exactly."""
    store = store_of(f"{server.address}?mode=leased&lease=1")
    open_call = store.reserve([part(10**12)], HOLD_NS)
    assert isinstance(open_call, Reservation)
    time.sleep(2.5)
    store.settle(open_call, [123_456_789])
    assert store.flush()
    (balance,) = store.balances()
    assert (balance.settled, balance.expired) == (123_456_789, 0)
    store.close()
    other = store_of(f"{server.address}?mode=exact")
    assert [tuple(each)[1:] for each in other.balances()] == [(123_456_789, 0, 0)]
    other.close()


def test_an_idle_slice_is_given_back(server: Server) -> None:
    """So that other processes can spend it."""
    store = LeasedStore(ScriptClient(server.address), "spancost", lease_ns=10**9, idle_seconds=0.1)
    other = store_of(f"{server.address}?mode=exact")
    done = store.reserve([part(10**12)], HOLD_NS)
    assert isinstance(done, Reservation)
    store.settle(done, [5 * 10**11])
    assert other.balances()[0].reserved > 10**12
    until = time.monotonic() + 10
    while other.balances()[0].reserved and time.monotonic() < until:
        time.sleep(0.05)
    assert [tuple(each)[1:] for each in other.balances()] == [(5 * 10**11, 0, 0)]
    again = store.reserve([part(10**12)], HOLD_NS)
    assert isinstance(again, Reservation)
    store.close()
    other.close()


def test_a_task_that_is_cancelled_while_it_reserves_is_charged_nothing(tmp_path: Path) -> None:
    """A store of other processes is asked in a thread; the task may be gone when it answers."""
    guards, sent = Guards(), []
    store = store_of(f"sqlite:{tmp_path / 'b.db'}")
    reserve = store.reserve

    class Slow:
        waits = True

        def __getattr__(self, name: str) -> Any:
            return getattr(store, name)

        def reserve(self, *asked: Any) -> Any:
            time.sleep(0.2)
            return reserve(*asked)

    made = setup.admission([Limit("b", 10**15, Window(LIFETIME))], store=Slow())  # type: ignore[arg-type]
    setup.put_in_force(made, guards)
    capture = CaptureInstrumentor()
    capture.instrument(guards=guards)

    def answer(request: Any) -> Any:
        sent.append(request)
        return httpx2.Response(200, json=ANSWER)

    async def ask() -> None:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as http:
            task = asyncio.ensure_future(http.post(URL, json=ASK))
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.sleep(0.4)

    try:
        asyncio.run(ask())
    finally:
        capture.uninstrument()
    assert sent == [] and [tuple(each)[1:] for each in store.balances()] == [(0, 0, 0)]
    store.close()


def test_the_next_window_lets_a_captured_call_pass() -> None:
    """In an hour."""
    clock, guards = Clock(), Guards()
    limits = [Limit("b", 10**12, Window("hour"))]
    pricer = data.default_pricer()
    made = Budgets(limits, pricer.price, lambda provider, model: (0, 0), store=MemoryStore(clock), clock=clock)
    guards.admission = BudgetAdmission(made)
    capture = CaptureInstrumentor()
    capture.instrument(guards=guards)
    asked = {**ASK, "max_tokens": 1500}
    try:
        with httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json=ANSWER))) as http:
            assert http.post(URL, json=asked).status_code == 200
            with pytest.raises(BudgetExceeded):
                http.post(URL, json=asked)
            clock.now_ns += 3600 * 10**9
            assert http.post(URL, json=asked).status_code == 200
    finally:
        capture.uninstrument()


def test_settings_put_budgets_in_force_and_take_them_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file and lines together; a wrong file is logged, and the host goes on."""
    path = tmp_path / "budgets.yaml"
    path.write_text("budgets: 1\nlimits: [{id: file, limit_usd: 1, window: day}]\n", encoding="utf-8")
    capture = CaptureInstrumentor()
    guards = Guards()
    capture.instrument(guards=guards, settings=Settings(budgets=str(path), budget=("trace:5",)))
    made = guards.admission
    assert isinstance(made, BudgetAdmission) and [limit.id for limit in made.budgets.limits] == ["file", "trace"]
    capture.uninstrument()
    assert guards.admission is None
    path.write_text("budgets: 1\nlimits: [{id: file, limit_usd: x, window: day}]\n", encoding="utf-8")
    capture.instrument(guards=guards, settings=Settings(budgets=str(path)))
    capture.uninstrument()
    assert guards.admission is None and "limit_usd: found 'x'" in caplog.text


def test_the_command_shows_what_a_store_holds(tmp_path: Path) -> None:
    address = f"sqlite:{tmp_path / 'b.db'}"
    store = store_of(address)
    done = store.reserve([Part("day-budget:day:ws%3A1", Window("day"), 10**12, 10**15)], HOLD_NS)
    assert isinstance(done, Reservation)
    store.settle(done, [25 * 10**10])
    store.reserve([Part("day-budget:day:ws%3A1", Window("day"), 10**12, 10**15)], HOLD_NS)
    store.close()
    shown = CliRunner().invoke(main, ["budget", "status", "--store", address, "--format", "json"])
    (row,) = [json.loads(line) for line in shown.stdout.splitlines()]
    assert (row["budget"], row["key"], row["settled_usd"], row["reserved_usd"]) == (
        "day-budget",
        "ws:1",
        "0.00025",
        "0.001",
    )
    assert "ws:1" in CliRunner().invoke(main, ["budget", "status", "--store", address]).stdout
    wrong = CliRunner().invoke(main, ["budget", "status", "--store", "ftp://x"])
    assert wrong.exit_code == 2 and "found 'ftp'" in wrong.stderr


def test_a_response_that_is_fetched_is_charged_without_a_reservation() -> None:
    """Work in the background reports its usage when it is polled; the budget counts it, and never refuses a poll."""
    guards = Guards()
    made = setup.admission([Limit("b", 10**9, Window(LIFETIME))])
    setup.put_in_force(made, guards)
    capture = CaptureInstrumentor()
    capture.instrument(guards=guards, tracer_provider=TracerProvider(shutdown_on_exit=False))
    body = {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": "gpt-4o-mini-2024-07-18",
        "output": [],
        "usage": {"input_tokens": 1000, "output_tokens": 100, "total_tokens": 1100},
    }
    try:
        with httpx2.Client(transport=httpx2.MockTransport(lambda _: httpx2.Response(200, json=body))) as http:
            for _ in range(2):
                http.get("https://api.openai.com/v1/responses/resp_1")
    finally:
        capture.uninstrument()
    (balance,) = made.budgets.store.balances()
    assert (balance.settled, balance.reserved) == (210_000_000_000, 0)


@pytest.mark.parametrize(
    ("failure", "charged"),
    [
        (429, False),
        (httpx2.ConnectError("refused"), False),
        (httpx2.ConnectTimeout("late"), False),
        (httpx2.ReadTimeout("silent"), True),
        (asyncio.CancelledError(), True),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("is_recorded", [True, False])
def test_a_captured_call_that_fails_is_settled_by_rule(failure: Any, charged: bool, is_recorded: bool) -> None:
    """Nothing when it was refused or not sent, its input when nobody answered; with and without spans."""
    guards = Guards()
    made = setup.admission([Limit("b", 10**15, Window(LIFETIME))])
    setup.put_in_force(made, guards)
    capture = CaptureInstrumentor()
    provider = TracerProvider(shutdown_on_exit=False) if is_recorded else NoOpTracerProvider()
    capture.instrument(guards=guards, tracer_provider=provider)

    def answer(request: Any) -> Any:
        if isinstance(failure, int):
            return httpx2.Response(failure)
        raise failure

    try:
        with httpx2.Client(transport=httpx2.MockTransport(answer)) as http, suppress(BaseException):
            http.post(URL, json=ASK)
    finally:
        capture.uninstrument()
    (balance,) = made.budgets.store.balances()
    tokens = -(-len(json.dumps(ASK, separators=(",", ":"))) // 3)
    assert (balance.settled, balance.reserved) == (tokens * 150_000_000 if charged else 0, 0)
