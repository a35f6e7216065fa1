# SPDX-License-Identifier: Apache-2.0
"""Processes and threads that share one budget never exceed it, and the store's sum is that of the calls."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spancost.control.budgets.store_url import store_of
from spancost.core.budget.ledger import Balance
from tests.control.budgets.servers import REDIS, Server
from tests.repository import ROOT

KINDS = ["valkey", pytest.param("redis", marks=pytest.mark.skipif(REDIS is None, reason="no redis-server"))]


@pytest.fixture(params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    made = Server(request.param, tmp_path)
    yield made
    made.kill()


class Observer:
    """Looks at the small budget all the time; most: the highest sum of settled and reserved that it saw."""

    def __init__(self, address: str) -> None:
        self.store = store_of(address)
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
            balance = self.small()
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
    assert all(each["late"] == 0 and each["store_failures"] == 0 for each in said)
    return said


@pytest.mark.parametrize("mode", ["exact", "leased"])
def test_processes_never_exceed_a_limit_together(server: Server, mode: str) -> None:
    """Calls settle at less than they reserve; most are refused at last."""
    said = check(f"{server.address}?mode={mode}", 2, 2, 150, 100_000_000_000)
    assert sum(each["refused"] for each in said) > 0
