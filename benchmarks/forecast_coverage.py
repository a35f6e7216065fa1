# SPDX-License-Identifier: Apache-2.0
"""How often the intervals of forecasts hold the total, over synthetic series of six kinds.

Run as `python -m benchmarks.forecast_coverage [--organisations 20]`. Prints the table of docs/forecast.md, and
the same by kind. The errors of an organisation, which has ten series of every kind, are pooled.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import defaultdict

from spancost.core.analysis.forecast import Pool, forecast, past_of
from spancost.testing.daily_spend import KINDS, series

SERIES = 10
SIZES = ((14, 7), (28, 7), (28, 14), (56, 14), (56, 28), (120, 28))
Held = dict[str, list[tuple[bool, bool]]]


def coverage(history: int, horizon: int, organisations: int, seed: int) -> tuple[Held, Held]:
    """Return whether the 80 % and 95 % intervals held the total, by kind: with pooled errors, and of a series alone."""
    draw = random.Random(f"{seed} {history} {horizon}")
    pooled: Held = defaultdict(list)
    alone: Held = defaultdict(list)
    for _ in range(organisations):
        made = [(kind, series(kind, history + horizon, draw)) for kind in KINDS for _ in range(SERIES)]
        pool = Pool([past_of(values[:history], horizon) for _, values in made], horizon)
        for kind, values in made:
            actual = math.fsum(values[history:])
            for held, shared in ((pooled, pool), (alone, None)):
                found = forecast(values[:history], horizon, shared)
                assert found.low80 is not None and found.high80 is not None
                assert found.low95 is not None and found.high95 is not None
                held[kind].append((found.low80 <= actual <= found.high80, found.low95 <= actual <= found.high95))
    return pooled, alone


def shares(held: list[tuple[bool, bool]]) -> str:
    """Return the share of both intervals that held."""
    return ", ".join(f"{100 * sum(column) / len(held):.0f} %" for column in zip(*held, strict=True))


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows = {size: coverage(*size, options.organisations, options.seed) for size in SIZES}
    print("| history, days | horizon, days | pooled | one series alone |\n|---:|---:|---|---|")
    for (history, horizon), both in rows.items():
        cells = " | ".join(shares([each for kind in held.values() for each in kind]) for held in both)
        print(f"| {history} | {horizon} | {cells} |")
    print("\n| pooled, by kind | " + " | ".join(f"{size[0]}, {size[1]}" for size in SIZES))
    for kind in KINDS:
        print(f"| {kind} | " + " | ".join(shares(rows[size][0][kind]) for size in SIZES) + " |")


if __name__ == "__main__":
    main()
