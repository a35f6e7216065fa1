# SPDX-License-Identifier: Apache-2.0
"""`spancost demo --loop`: the budget stops the loop, the anomaly is named, and the bill of both runs is shown."""

from __future__ import annotations

import re

import pytest

from tests.demo.test_demo import demo


@pytest.mark.slow
def test_the_loop_is_stopped_and_what_it_would_have_cost_is_shown() -> None:
    done = demo("--loop", "--width", "120")
    assert (done.stderr, done.returncode) == ("", 0)
    page = " ".join(done.stdout.split())
    sent, billed = re.search(r"trace: ([0-9]+) calls sent, \$([0-9.]+) billed", page).groups()  # type: ignore[union-attr]
    calls, dollars, kept = re.search(  # type: ignore[union-attr]
        r"Without it: ([0-9]+) calls, \$([0-9.]+) for one question. The budget kept \$([0-9.]+)\.", page
    ).groups()
    assert 3 < int(sent) < int(calls) and 0 < float(billed) <= 0.05
    assert float(kept) == pytest.approx(float(dollars) - float(billed), abs=2e-6)
    assert "BudgetExceeded: budget trace of" in page and "Anomaly: tool_loop" in page
