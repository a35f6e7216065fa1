# SPDX-License-Identifier: Apache-2.0
"""Log records beside spans, by the vectors that every implementation reads."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from spancost.core.ledger.sources import COUNTED_ON
from spancost.core.reasons import SENTENCES
from tests.core.vectors import cases
from tests.otlp.records import KEYS, run

CASES = cases("records", KEYS)


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_spans_and_records_get_exactly_what_their_vector_expects(name: str, case: dict[str, Any]) -> None:
    assert run(copy.deepcopy(case)) == case["expected"]


@pytest.mark.parametrize(("name", "case"), CASES, ids=[name for name, _ in CASES])
def test_order_of_requests_and_running_twice_change_nothing(name: str, case: dict[str, Any]) -> None:
    """The second run reads what the first wrote."""
    backwards = copy.deepcopy({**case, "requests": list(reversed(case["requests"]))})
    once = run(backwards)
    assert sorted(map(repr, once)) == sorted(map(repr, case["expected"]))
    assert run(backwards) == once


def test_the_reasons_are_of_the_closed_list() -> None:
    assert set(COUNTED_ON.values()) <= set(SENTENCES)
