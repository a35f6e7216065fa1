# SPDX-License-Identifier: Apache-2.0
"""How often each engine is right on `cases.json`: our own cases, worked by hand from the providers' list prices."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.peers import Answer, Case

CASES = Path(__file__).with_name("cases.json")
TOLERANCE_USD = 1e-9

RIGHT, WRONG, UNPRICED, ZERO, INVENTED = "right", "wrong", "no price", "said $0", "invented a price"


def classification(answer: Answer, expected: str | None) -> str:
    """Return how *answer* stands to the *expected* price; None means that no public price exists."""
    if expected is None:
        if answer is None:
            return RIGHT
        return ZERO if answer == 0 else INVENTED
    if answer is None:
        return UNPRICED
    if abs(answer - float(expected)) <= TOLERANCE_USD:
        return RIGHT
    return ZERO if answer == 0 else WRONG


def score(engines: Mapping[str, Callable[[Case], Answer]]) -> dict[str, Any]:
    """Return the verdicts by engine, in all and by kind of case, and which cases each engine misses."""
    cases: list[dict[str, Any]] = json.loads(CASES.read_text(encoding="utf-8"))
    kinds = list(dict.fromkeys(case["kind"] for case in cases))
    result: dict[str, Any] = {
        "cases": len(cases),
        "kinds": {kind: _count(cases, kind) for kind in kinds},
        "engines": {},
    }
    for name, answer in engines.items():
        verdicts = [(case, classification(answer(case), case["expected_usd"])) for case in cases]
        result["engines"][name] = {
            "verdicts": Counter(said for _, said in verdicts),
            "right_by_kind": Counter(case["kind"] for case, said in verdicts if said == RIGHT),
            "missed": {case["id"]: said for case, said in verdicts if said != RIGHT},
        }
    return result


def _count(cases: list[dict[str, Any]], kind: str) -> int:
    return sum(case["kind"] == kind for case in cases)
