# SPDX-License-Identifier: Apache-2.0
"""Kept forecasts, and how often their intervals held what was spent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

from spancost.reports.selection import QuestionError

_MONEY = ("so_far_usd", "expected_usd", "low80_usd", "high80_usd", "low95_usd", "high95_usd")
_NO_KEYS = {
    *_MONEY,
    "since",
    "until",
    "made_at",
    "history_days",
    "errors",
    "price_change",
    "unpriced_calls",
    "budget_usd",
}
_NO_KEYS |= {"input_tokens", "cached_input_tokens", "output_tokens", "runs_out", "runs_out_earliest"}


class Score(NamedTuple):
    """A kept forecast and what was spent. inside80, inside95: None for a forecast without intervals."""

    keys: Mapping[str, str | None]
    since: str
    until: str
    made_at: str
    expected_usd: Decimal
    actual_usd: Decimal
    inside80: bool | None
    inside95: bool | None


def keep(path: Path, rows: Iterable[Mapping[str, Any]], made_at: str) -> None:
    """Append *rows* to a file of JSON Lines."""
    with path.open("a", encoding="utf-8") as file:
        for row in rows:
            values = {name: str(value) if isinstance(value, Decimal) else value for name, value in row.items()}
            file.write(json.dumps({"made_at": made_at, **values}) + "\n")


def kept(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file that `keep` wrote; QuestionError names a line that is none."""
    found = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line, parse_float=Decimal)
            found.append({**row, **{name: None if row[name] is None else Decimal(row[name]) for name in _MONEY}})
            datetime.fromisoformat(row["until"].replace("Z", "+00:00"))
        except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
            raise QuestionError(f"{path}, line {number}: expected a forecast that `forecast --keep` wrote") from None
    return found


def scores(
    forecasts: Sequence[Mapping[str, Any]],
    actual: Callable[[Mapping[str, str | None], str, str], Decimal],
    now: str,
) -> list[Score]:
    """Return the score of each forecast whose period is over at *now*; *actual* gives what a group spent."""
    found = []
    for row in forecasts:
        if row["until"] > now:
            continue
        keys = {name: value for name, value in row.items() if name not in _NO_KEYS}
        spent = actual(keys, row["since"], row["until"])
        found.append(
            Score(
                keys, row["since"], row["until"], row["made_at"], row["expected_usd"], spent,
                _inside(row, "80", spent), _inside(row, "95", spent),
            )
        )  # fmt: skip
    return found


def _inside(row: Mapping[str, Any], level: str, spent: Decimal) -> bool | None:
    low, high = row[f"low{level}_usd"], row[f"high{level}_usd"]
    return None if low is None or high is None else bool(low <= spent <= high)
