# SPDX-License-Identifier: Apache-2.0
"""Processes and threads that share one budget never exceed it, and the store's sum is that of the calls."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spancost.control.budgets.script_client import ScriptClient
from spancost.control.budgets.shared import SharedStore
from spancost.control.budgets.store_url import store_of
from spancost.core.budget.ledger import Balance
from tests.control.budgets.servers import REDIS, Server
from tests.control.budgets.spender import parts_of
from tests.repository import ROOT

IS_SLOW_LANE = "SPANCOST_TEST_FLEET" in os.environ
KINDS = ["valkey", *(["redis"] if IS_SLOW_LANE and REDIS is not None else [])]
"""Redis is tested by `make test-budgets`, where it is installed."""


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    made = Server(request.param, tmp_path)
    yield made
    made.kill()


class Observer:
    """Looks at the small budget all the time; most: the highest sum of settled and reserved that it saw."""

    def __init__(self, address: str) -> None:
        self.store = store_of(address)
        if isinstance(self.store, SharedStore):
            self.store.client = self.store.remote.client = ScriptClient(address, 5.0)
        self.most = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def small(self) -> Balance:
        """Return the small budget, which every call falls under."""
        found = [each for each in self.store.balances() if each.key.startswith("small:")]
        return found[0] if found else Balance("small:lifetime:", 0, 0)

    def stop(self) -> None:
        """Stop looking."""
        self._is_over = True
        self._thread.join()
        self.store.close()

    def _watch(self) -> None:
        while not self._is_over:
            try:
                balance = self.small()
            except OSError:
                continue
            self.most = max(self.most, balance.settled + balance.reserved)
            time.sleep(0.002)


def spend(address: str, processes: int, threads: int, calls: int, limit: int) -> list[dict[str, Any]]:
    """Run spending processes beside each other; return what each says."""
    command = [sys.executable, "-m", "tests.control.budgets.spender", address, str(threads), str(calls), str(limit)]
    running = [subprocess.Popen([*command, str(seed)], stdout=subprocess.PIPE, cwd=ROOT) for seed in range(processes)]
    return [json.loads(process.communicate()[0]) for process in running]


def check(address: str, processes: int, threads: int, calls: int, limit: int) -> list[dict[str, Any]]:
    """Spend, and see that no limit was exceeded and that sums agree."""
    observer = Observer(address)
    try:
        said = spend(address, processes, threads, calls, limit)
        balance = observer.small()
        wide = next(each for each in observer.store.balances() if each.key.startswith("wide:"))
    finally:
        observer.stop()
    spent = sum(each["spent"] for each in said)
    assert observer.most <= limit
    assert (balance.settled, balance.reserved, balance.expired) == (spent, 0, 0)
    assert (wide.settled, wide.reserved) == (spent, 0)
    assert sum(each["granted"] + each["refused"] for each in said) == processes * threads * calls
    if not any(each["store_failures"] for each in said):  # of a machine that is too busy to answer in time
        assert all(each["late"] == 0 for each in said)
    return said


@pytest.mark.parametrize("mode", ["exact", "leased"])
def test_processes_never_exceed_a_limit_together(server: Server, mode: str) -> None:
    """Calls settle at less than they reserve; most are refused at last."""
    said = check(f"{server.address}?mode={mode}", 2, 2, 100, 60_000_000_000)
    assert sum(each["refused"] for each in said) > 0


@pytest.mark.skipif(not IS_SLOW_LANE, reason="make test-budgets runs it")
@pytest.mark.parametrize("mode", ["exact", "leased"])
def test_a_large_fleet_never_exceeds_a_limit(server: Server, mode: str) -> None:
    """Eight threads in each of four processes reserve 2,000 times each."""
    said = check(f"{server.address}?mode={mode}", 4, 8, 2_000, 20_000_000_000_000)
    print(server.kind, mode, said)


def test_a_killed_process_leaves_reservations_that_expire(server: Server) -> None:
    """They count as spent afterwards, and nothing else is left."""
    code = (
        "import sys, time; from tests.control.budgets.spender import parts_of;"
        "from spancost.control.budgets.store_url import store_of; store = store_of(sys.argv[1]);"
        "[store.reserve(parts_of(10**13, 10**11), 10**9) for _ in range(3)]; print('held', flush=True); time.sleep(60)"
    )
    observer = Observer(server.address)
    try:
        command = [sys.executable, "-c", code, f"{server.address}?mode=exact"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
            assert process.stdout is not None and process.stdout.readline() == b"held\n"
            process.kill()
        assert observer.small()[1:] == (0, 3 * 10**11, 0)
        time.sleep(1.1)
        store = store_of(f"{server.address}?mode=exact")
        store.reserve(parts_of(10**13, 10**9), 10**9)
        store.close()
        assert observer.small()[1:] == (3 * 10**11, 10**9, 3 * 10**11)
    finally:
        observer.stop()


def test_processes_of_a_host_never_exceed_a_limit_of_a_file(tmp_path: Path) -> None:
    """Without a server."""
    said = check(f"sqlite:{tmp_path / 'budgets.db'}", 2, 2, 100, 60_000_000_000)
    assert sum(each["refused"] for each in said) > 0


@pytest.mark.skipif(not IS_SLOW_LANE, reason="make test-budgets runs it")
def test_many_processes_of_a_host_never_exceed_a_limit_of_a_file(tmp_path: Path) -> None:
    """Eight threads in each of four processes."""
    print("sqlite", check(f"sqlite:{tmp_path / 'budgets.db'}", 4, 8, 2_000, 20_000_000_000_000))
