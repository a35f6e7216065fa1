# SPDX-License-Identifier: Apache-2.0
"""Series of daily spend of six kinds, to measure forecasts with: the same for the same seed."""

from __future__ import annotations

import math
import random

KINDS = ("weekly", "growth", "shift", "spikes", "walk", "sparse")


def series(kind: str, days: int, draw: random.Random) -> list[float]:
    """Return daily spend: a weekly pattern with noise, and what *kind* adds to it."""
    level, noise = draw.gauss(3, 1), draw.uniform(0.1, 0.35)
    weekday = [draw.gauss(0, 0.3) - (0.8 if day >= 5 else 0.0) for day in range(7)]
    growth, shift, jump, walk = draw.uniform(0.002, 0.015), draw.randrange(days // 4, days), draw.gauss(0, 0.7), 0.0
    found = []
    for day in range(days):
        value = level + draw.gauss(0, noise)
        if kind not in ("walk", "sparse"):
            value += weekday[day % 7]
        if kind == "growth":
            value += growth * day
        if kind == "shift" and day >= shift:
            value += jump
        if kind == "walk":
            walk += draw.gauss(0, 0.12)
            value += walk
        spent = math.exp(value)
        if kind == "spikes" and draw.random() < 0.04:
            spent *= draw.uniform(3, 10)
        found.append(0.0 if kind == "sparse" and draw.random() < 0.5 else spent)
    return found
