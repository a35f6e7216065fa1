# SPDX-License-Identifier: Apache-2.0
"""The counting rule and the roll-up, by the vectors that every implementation reads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.core.ledgers import run, run_as_they_end
from tests.core.vectors import cases

KEYS = {"describes", "price", "spans", "expected"}
CASES = [(f"{kind}/{name}", case) for kind in ("counting", "rollup") for name, case in cases(kind, KEYS)]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_spans_get_exactly_what_their_vector_expects(name: str, case: dict[str, Any]) -> None:
    assert run(case) == case["expected"]


@pytest.mark.parametrize(("name", "case"), cases("ending", KEYS))
def test_spans_that_end_in_this_order_get_what_their_vector_expects(name: str, case: dict[str, Any]) -> None:
    assert run_as_they_end(case) == case["expected"]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_order_and_copies_change_nothing(name: str, case: dict[str, Any]) -> None:
    backwards = {**case, "spans": [*reversed(case["spans"]), *case["spans"]]}
    assert run(backwards) == case["expected"]
