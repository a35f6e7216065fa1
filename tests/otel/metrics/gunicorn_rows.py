# SPDX-License-Identifier: Apache-2.0
"""Reads what the processes of `gunicorn_app` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

AT_IMPORT = 3


def rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def costs(folder: Path) -> list[int]:
    """The cost of each span of all processes, in nano-dollars."""
    return [cost for path in folder.glob("spans.*") for cost in rows(path)]


def last(folder: Path, metric: str) -> float:
    """The sum over all processes of what each reported last, cumulatively."""
    return sum(([0, *(row[metric] for row in rows(path) if metric in row)])[-1] for path in folder.glob("total.*"))


def summed(folder: Path, metric: str) -> float:
    """The sum of all differences that all processes reported."""
    return sum(row.get(metric, 0) for path in folder.glob("delta.*") for row in rows(path))
