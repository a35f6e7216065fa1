# SPDX-License-Identifier: Apache-2.0
"""A process of a fleet: threads that reserve and settle against one store, then say what they spent."""

from __future__ import annotations

import json
import random
import sys
import threading
import time

from spancost.control.budgets.store_url import store_of
from spancost.control.budgets.stores import Refusal
from spancost.core.budget.periods import Part
from spancost.core.budget.windows import DAY, LIFETIME, Window

HOLD_NS = 60 * 10**9


def parts_of(limit: int, amount: int) -> list[Part]:
    """Return two budgets that every call falls under: one without an end, one of a day with room for all."""
    return [
        Part("small:lifetime:", Window(LIFETIME), amount, limit, on_failure="block"),
        Part("wide:day:ws%3A1", Window(DAY), amount, limit * 1_000, on_failure="block"),
    ]


def main(address: str, threads: int, calls: int, limit: int, seed: int) -> None:
    """Reserve *calls* times in each of *threads*, settle at a part of it, and print what came of it."""
    store = store_of(address)
    lock = threading.Lock()
    totals = {"spent": 0, "granted": 0, "refused": 0}

    def spend(number: int) -> None:
        chance = random.Random(seed * 1_000 + number)
        for _ in range(calls):
            amount = chance.randrange(1, 2_000_000_000)
            done = store.reserve(parts_of(limit, amount), HOLD_NS)
            if isinstance(done, Refusal):
                with lock:
                    totals["refused"] += 1
                continue
            cost = chance.randrange(0, amount + 1)
            store.settle(done, [cost, cost])
            with lock:
                totals["granted"] += 1
                totals["spent"] += cost

    workers = [threading.Thread(target=spend, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    until = time.monotonic() + 60
    while not store.flush(5) and time.monotonic() < until:
        pass
    store.close()
    print(json.dumps({**totals, **store.counters()}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
