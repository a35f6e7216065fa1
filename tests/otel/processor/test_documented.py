# SPDX-License-Identifier: Apache-2.0
"""What the processor counts is on its page."""

from __future__ import annotations

import re
from pathlib import Path

from tests.otel.processor.simple import Set

PAGE = Path(__file__).parents[3] / "docs" / "processor.md"


def test_every_count_is_documented() -> None:
    """Each key of `stats`, faults by their pattern."""
    made = Set()
    made.call()
    documented = set(re.findall(r"`(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert not {key for key in made.cost.stats if not key.startswith("errors_")} - documented
