# SPDX-License-Identifier: Apache-2.0
"""Real clients under real instrumentations: what a trace costs is what the provider billed."""

from __future__ import annotations

import pytest

from tests.live import matrix


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every row of the matrix with --live, else those for which development installs what they need."""
    if "run" in metafunc.fixturenames:
        chosen = [run for run in matrix.runs() if run.fast or metafunc.config.getoption("--live", default=False)]
        metafunc.parametrize("run", chosen, ids=lambda run: run.name)


def test_the_cost_of_a_trace_is_what_was_billed(run: matrix.Run) -> None:
    """Each call of the run, to the last digit. A limit of matrix.json says which calls cannot be, and why.

    A call that does better than its limit is good, and printed (`pytest -rP`): the limit is then to be taken out.
    """
    results = matrix.execute(run)
    assert list(results) == matrix.document()["clients"][run.client]["calls"]
    differing = []
    for result in results.values():
        limit = matrix.allowed(run, result.call)
        bound = limit.outcome if limit else "billed"
        worse = matrix.RANK.index(result.outcome) - matrix.RANK.index(bound)
        if worse < 0:
            print(f"{result.call}: {result.outcome}, better than {bound}")
        if worse > 0:
            amounts = f"billed {result.billed_usd}, traced {result.usd}"
            differing.append(f"{result.call}: {result.outcome}, expected {bound}; {amounts}\n{result.detail}")
    assert not differing, "\n".join(differing)


def test_every_limit_is_of_a_call_that_is_made() -> None:
    """A limit that matches nothing is a leftover."""
    cells = [(run, call) for run in matrix.runs() for call in matrix.document()["clients"][run.client]["calls"]]
    met = {matrix.allowed(run, call) for run, call in cells}
    assert [limit for limit in matrix.limits() if limit not in met] == []
    assert all(limit.outcome in matrix.RANK and limit.because for limit in matrix.limits())


def test_a_different_amount_is_told_from_a_said_caveat() -> None:
    """The judge itself: equal and complete, doubted, not seen, and wrong."""
    judged = [
        matrix._outcome({"llm.trace_requests": 1, "llm.trace_cost_complete": True}, 0.5, 0.5),
        matrix._outcome({"llm.trace_requests": 1, "llm.trace_cost_complete": False}, None, 0.5),
        matrix._outcome({}, None, 0.5),
        matrix._outcome({"llm.trace_requests": 1, "llm.trace_cost_complete": True}, 0.4, 0.5),
        matrix._outcome({"llm.trace_requests": 1, "llm.trace_cost_complete": True}, 0.4, None),
        matrix._outcome({}, None, 0),
    ]
    assert judged == ["billed", "said", "unseen", "wrong", "wrong", "billed"]


def test_a_call_apart_from_its_request_is_judged_by_the_totals_that_have_it() -> None:
    """The judge of traces apart: they cost what was billed, another amount, or an unknown one."""
    whole = {"llm.trace_requests": 1, "llm.trace_cost_complete": True, "llm.trace_cost_usd": 0.25}
    judged = [
        matrix._outcome_apart([whole, whole], 0.5),
        matrix._outcome_apart([whole], 0.5),
        matrix._outcome_apart([whole, {**whole, "llm.trace_cost_complete": False}], 0.5),
    ]
    assert judged == ["apart", "wrong", "said"]
