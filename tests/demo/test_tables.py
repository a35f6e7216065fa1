# SPDX-License-Identifier: Apache-2.0
"""The table of who spent what, at any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from spancost.demo.groups import Group
from spancost.demo.tables import UNICODE, group_table


@pytest.mark.parametrize("width", [60, 70, 80, 120])
def test_no_number_is_cut(width: int) -> None:
    """Where there is no room, the bar goes first and then the end of a name."""
    found = [Group("a model with a long name", 1_200, 3, 1_000_000_005, 2_500.00005), Group("other", 1, 0, 5, 0.0)]
    console = Console(file=io.StringIO(), width=width, legacy_windows=False)
    console.print(group_table("Cost by model", found, width, UNICODE))
    assert isinstance(console.file, io.StringIO)
    head, first, _ = console.file.getvalue().splitlines()
    assert all(word in head for word in ("calls", "no price", "tokens", "cost"))
    assert all(number in first for number in ("1200", "1,000,000,005", "$2,500.000050"))
    assert len(first) <= width
