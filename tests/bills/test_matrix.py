# SPDX-License-Identifier: Apache-2.0
"""Every form of bill with every fourth injected difference; `make test-bills` runs all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from spancost.bills.described import forms
from tests.bills.layouts import LAYOUTS, Layout
from tests.bills.matrix import Inject, check, name_of, pairs

EVERY = 4
SOME = [(layout, inject) for number, (layout, inject) in enumerate(pairs()) if number % EVERY == 0]


def test_every_form_has_a_layout_and_a_difference_here() -> None:
    assert {layout.form for layout in LAYOUTS} == {form.id for form in forms().forms}
    assert {layout.form for layout, _ in SOME} == {layout.form for layout in LAYOUTS}
    assert {inject for _, inject in SOME} == {inject for _, inject in pairs()}


@pytest.mark.parametrize(("layout", "inject"), SOME, ids=name_of)
def test_each_dollar_lands_in_its_class(layout: Layout, inject: Inject, tmp_path: Path) -> None:
    check(layout, inject, tmp_path)
