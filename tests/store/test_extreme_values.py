# SPDX-License-Identifier: Apache-2.0
"""A load stores what spans hold, however odd: one span must not stop the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spancost.store.calls import call_records
from spancost.store.load import load
from spancost.store.pricing_choice import PricingChoice
from tests.reports.otlp import chat, request, span, written

FAR = str(2**64 - 1)


@pytest.mark.parametrize(
    ("call", "above"),
    [
        ({}, {"name": "half \ud800"}),
        ({}, {"startTimeUnixNano": FAR, "endTimeUnixNano": FAR}),
        ({}, {"endTimeUnixNano": FAR}),
        ({"startTimeUnixNano": FAR, "endTimeUnixNano": FAR}, {}),
        ({"startTimeUnixNano": str(-(2**63))}, {"startTimeUnixNano": str(-(2**63))}),
    ],
    ids=["half a character", "far future", "long", "call in the far future", "far past"],
)
def test_a_span_with_extreme_values_is_stored(call: dict[str, Any], above: dict[str, Any], tmp_path: Path) -> None:
    """With the nearest value that a table holds."""
    spans = [
        {**span(1, 1), **above},
        {**chat(1, 2, parent=1, app__feature="\ud800", gen_ai__response__time_to_first_chunk=1e12), **call},
        chat(2, 3),
    ]
    load([str(written(tmp_path / "spans.jsonl", request(*spans)))], tmp_path / "stored", PricingChoice())
    assert len(list(call_records([str(tmp_path / "stored")]))) == 2
