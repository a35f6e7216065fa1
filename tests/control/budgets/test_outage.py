# SPDX-License-Identifier: Apache-2.0
"""A store that is refused, silent, killed or restarted costs a call 60 ms once, and each budget's policy decides."""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spancost.control.budgets.script_client import ScriptClient
from spancost.control.budgets.shared import SharedStore
from spancost.control.budgets.store_url import store_of
from spancost.control.budgets.stores import Outcome, Refusal, Reservation
from spancost.core.budget.periods import Part
from spancost.core.budget.windows import LIFETIME, Window
from tests.control.budgets.servers import Server, free_port

HOLD_NS = 60 * 10**9
LIMIT = 10 * 10**12
MODES = ["exact", "leased"]
RUNS = 50 if "SPANCOST_TEST_FLEET" in os.environ else 4
"""Outages of each form; `make test-budgets` tries more."""


def part(policy: str = "local", amount: int = 10**12) -> Part:
    return Part("b:lifetime:", Window(LIFETIME), amount, LIMIT, on_failure=policy)


def shared(address: str, mode: str) -> SharedStore:
    store = store_of(f"{address}?mode={mode}")
    assert isinstance(store, SharedStore)
    return store


def timed(store: SharedStore, asked: Part) -> tuple[float, Outcome]:
    began = time.perf_counter()
    done = store.reserve([asked], HOLD_NS)
    return (time.perf_counter() - began) * 1e3, done


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server("valkey", tmp_path)
    yield made
    made.kill()


@pytest.fixture
def silent() -> Iterator[str]:
    """A server that accepts and never answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                held.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"valkey://127.0.0.1:{listener.getsockname()[1]}/0"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for each in held:
        each.close()


def longest(delays: list[float]) -> float:
    """Return the longest delay without those of a busy machine: of many a tenth, of few all but one."""
    return sorted(delays)[len(delays) * 9 // 10 - 1 if len(delays) >= 10 else 0]


@pytest.fixture
def dropped() -> Iterator[str]:
    """An address that answers no attempt to connect: the queue of the listener is full."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = [socket.socket() for _ in range(4)]
    for each in waiting:
        each.setblocking(False)
        each.connect_ex(listener.getsockname())
    time.sleep(0.05)
    yield f"valkey://127.0.0.1:{listener.getsockname()[1]}/0"
    for each in (*waiting, listener):
        each.close()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("how", ["refused", "silent", "dropped"])
def test_an_outage_delays_one_call_and_no_other(silent: str, dropped: str, how: str, mode: str) -> None:
    """At most 60 ms at once, and 0.1 ms while the breaker is open."""
    address = {"silent": silent, "dropped": dropped}.get(how) or f"valkey://127.0.0.1:{free_port()}/0"
    delays: list[float] = []
    for _ in range(RUNS):
        store = shared(address, mode)
        try:
            first, done = timed(store, part(amount=10**9))
            delays.append(first)
            assert isinstance(done, Reservation)
            later = [timed(store, part(amount=10**9))[0] for _ in range(50)]
            assert statistics.median(later) <= 0.1
            assert store.counters()["without_store_local"] == 51
        finally:
            store.worker.close(0)
            store.client.close()
    assert longest(delays) <= 60


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_stops_answering_delays_one_call(server: Server, mode: str) -> None:
    delays: list[float] = []
    for number in range(RUNS):  # each with a budget of its own: the slice of a store that is closed now stays taken
        store, account = shared(server.address, mode), f"b{number}:lifetime:"
        try:
            assert isinstance(store.reserve([part(amount=10**6)._replace(account=account)], HOLD_NS), Reservation)
            server.pause()
            more_than_a_slice = part(amount=LIMIT // 50)._replace(account=account)  # it asks the server
            delays.append(timed(store, more_than_a_slice)[0])
            assert store.client.failures
        finally:
            server.resume()
            store.worker.close(0)
            store.client.close()
    assert longest(delays) <= 60


def test_an_exact_call_asks_once_before_it_is_sent_and_settles_behind_it(server: Server) -> None:
    """The server tells what it is sent: one command for each call in three budgets. Settling waits for no answer."""
    store = shared(server.address, "exact")
    parts = [part(amount=10**6)._replace(account=f"{name}:lifetime:") for name in "abc"]
    watcher = ScriptClient(server.address, 5.0)._connected(5.0)
    try:
        store.settle(reserved(store, parts), [10**6] * 3)  # the scripts are sent to the server here
        assert store.flush()
        with watcher.monitor() as monitor:
            held = [reserved(store, parts) for _ in range(100)]
            assert sent(monitor, store) == ["EVALSHA"] * 100
        server.pause()
        began = time.perf_counter()
        for each in held:
            store.settle(each, [10**6] * 3)
        assert (time.perf_counter() - began) * 1e3 / len(held) <= 1
        server.resume()
        assert store.flush()
        assert {each.settled for each in store.balances()} == {101 * 10**6}
    finally:
        server.resume()
        store.worker.close(0)
        store.client.close()
        watcher.close()


def reserved(store: SharedStore, parts: list[Part]) -> Reservation:
    done = store.reserve(parts, HOLD_NS)
    assert isinstance(done, Reservation)
    return done


def sent(monitor: Any, store: SharedStore) -> list[str]:
    """Return the commands that clients sent since *monitor* began, without what scripts do on the server."""
    store.client.probe()  # the last one
    names: list[str] = []
    for each in monitor.listen():
        name = each["command"].split()[0].upper()
        if name == "PING":
            return names
        if each["client_type"] != "lua":
            names.append(name)
    return names


@pytest.mark.parametrize("mode", MODES)
def test_each_policy_decides(server: Server, mode: str) -> None:
    """Local goes on from what was seen, allow lets all pass, block refuses and says why."""
    store = shared(server.address, mode)
    try:
        for _ in range(4):
            done = store.reserve([part()], HOLD_NS)
            assert isinstance(done, Reservation)
        assert store.flush()
        server.kill()
        assert isinstance(store.reserve([part("allow", LIMIT * 2)], HOLD_NS), Reservation)
        blocked = store.reserve([part("block", LIMIT)], HOLD_NS)
        assert isinstance(blocked, Refusal) and blocked.is_unreachable
        local = [store.reserve([part()], HOLD_NS) for _ in range(10)]
        assert (
            sum(isinstance(each, Reservation) for each in local) == {"exact": 6, "leased": 5}[mode]
        )  # less the slice in hand
    finally:
        store.worker.close(0)
        store.client.close()


@pytest.mark.parametrize("mode", MODES)
def test_spend_of_an_outage_is_told_when_the_store_answers_again(server: Server, mode: str) -> None:
    """The server lost what it held; it gets what was settled since, and calls reserve there again."""
    store = shared(server.address, mode)
    try:
        open_call = store.reserve([part()], HOLD_NS)
        assert isinstance(open_call, Reservation)
        server.kill()
        during = store.reserve([part()], HOLD_NS)
        assert isinstance(during, Reservation)
        store.settle(during, [7 * 10**11])
        time.sleep(0.05)
        server.start()
        until = time.monotonic() + 10
        while store.client.is_open and time.monotonic() < until:
            time.sleep(0.02)
        assert not store.client.is_open
        again = store.reserve([part()], HOLD_NS)
        assert isinstance(again, Reservation)
        store.settle(again, [10**11])
        assert store.flush(5)
        (balance,) = store.balances()
        assert balance.settled >= 10**11
        if mode == "exact":
            assert (balance.settled, balance.reserved) == (8 * 10**11, 0)
    finally:
        store.worker.close(0)
        store.client.close()
