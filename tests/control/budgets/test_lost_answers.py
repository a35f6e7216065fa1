# SPDX-License-Identifier: Apache-2.0
"""A server that does what it is asked while its answer is lost: nothing is counted twice, and nothing is left out."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from spancost.control.budgets.shared import SharedStore
from spancost.control.budgets.store_url import store_of
from spancost.control.budgets.stores import Refusal, Reservation
from spancost.core.budget.periods import Part
from spancost.core.budget.windows import LIFETIME, Window
from tests.control.budgets.servers import Server

HOLD_NS = 60 * 10**9
LIMIT = 10 * 10**12


class Relay:
    """Passes bytes on to a server. While `drops` is set, answers are lost."""

    def __init__(self, port: int) -> None:
        self.drops = threading.Event()
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Accept nothing more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client = self._listener.accept()[0]
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            threading.Thread(target=self._pass, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, True), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, is_answer: bool) -> None:
        try:
            while data := source.recv(65_536):
                if not (is_answer and self.drops.is_set()):
                    target.sendall(data)
        except OSError:
            pass
        target.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server("valkey", tmp_path)
    yield made
    made.kill()


def part(amount: int) -> Part:
    return Part("b:lifetime:", Window(LIFETIME), amount, LIMIT, on_failure="block")


@pytest.mark.parametrize("how", ["refill", "renewal"])
@pytest.mark.parametrize("mode", ["exact", "leased"])
def test_spend_is_counted_once_where_an_answer_was_lost(server: Server, mode: str, how: str) -> None:
    relay = Relay(server.port)
    store = store_of(f"valkey://127.0.0.1:{relay.port}/0?mode={mode}")
    assert isinstance(store, SharedStore)
    try:
        first, second = (store.reserve([part(10**10)], HOLD_NS) for _ in range(2))
        assert isinstance(first, Reservation) and isinstance(second, Reservation)
        store.settle(first, [7 * 10**9])
        assert store.flush()
        relay.drops.set()
        if how == "refill":  # more than is in hand
            refused = store.reserve([part(3 * 10**12)], HOLD_NS)
            assert isinstance(refused, Refusal) and refused.is_unreachable
        store.settle(second, [4 * 10**9])
        store.flush(0.2)
        relay.drops.clear()
        until = time.monotonic() + 10
        while store.client.is_open and time.monotonic() < until:
            time.sleep(0.02)
        assert store.flush(10)
        third = store.reserve([part(10**10)], HOLD_NS)
        assert isinstance(third, Reservation)
        store.settle(third, [10**9])
        store.close()
        observer = store_of(f"{server.address}?mode=exact")
        (balance,) = observer.balances()
        observer.close()
        assert (balance.settled, balance.reserved) == (12 * 10**9, 0)
    finally:
        store.worker.close(0)
        store.client.close()
        relay.close()
