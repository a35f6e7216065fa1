# SPDX-License-Identifier: Apache-2.0
"""Meters of groups are added up by the engine as they are by plain integers over the calls."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from spancost.store.calls import call_records, open_calls
from spancost.store.meter_totals import meter_totals
from spancost.store.pricing_choice import PricingChoice
from tests.reports.otlp import chat, request, written

WRITES = ("cache_write_5m_tokens", "cache_write_1h_tokens")


def source(folder: Path) -> Path:
    """Calls that tell the lifetimes of what they write, with other numbers each."""
    calls = [
        chat(
            n, n, model=("claude-haiku-4-5", "claude-sonnet-4-5")[n % 2], tokens=5_000 + n,
            gen_ai__provider__name="anthropic", gen_ai__usage__cache_creation__input_tokens=11 * n,
            anthropic__usage__cache_creation__ephemeral_5m_input_tokens=8 * n,
            anthropic__usage__cache_creation__ephemeral_1h_input_tokens=3 * n,
        )
        for n in range(1, 40)
    ]  # fmt: skip
    return written(folder / "s.jsonl", request(*calls))


def test_meters_of_the_map_add_up(tmp_path: Path) -> None:
    path = source(tmp_path)
    records = list(call_records([str(path)]))
    assert all(set(WRITES) <= set(record.usage) for record in records)
    with open_calls([str(path)]) as calls:
        groups = list(meter_totals(calls.engine, {}, "", PricingChoice()))
    for meter in WRITES:
        found = sum((item.quantity for group in groups for item in group.items if item.meter == meter), Fraction(0))
        assert found == sum(record.usage[meter] for record in records) > 0
    assert all(item.femto is not None and item.price for group in groups for item in group.items)
    assert sum(group.femto or 0 for group in groups) == sum(record.cost_femto or 0 for record in records)
    assert all(sum(item.femto or 0 for item in group.items) == group.femto for group in groups)


def test_quantities_that_are_no_integers_stay_exact(tmp_path: Path) -> None:
    """Thirds of a second, and an integer of more digits than 64 bits have."""
    with open_calls([str(source(tmp_path))]) as calls:
        calls.engine.execute(  # type: ignore[attr-defined]
            "CREATE TABLE changed AS SELECT * REPLACE (MAP {'audio_seconds': '1/3', 'images': '99999999999999999999', "
            "'pages': '999999999999999999'} AS meters) FROM calls"
        )
        calls.engine.execute("CREATE OR REPLACE VIEW calls AS SELECT * FROM changed")  # type: ignore[attr-defined]
        groups = list(meter_totals(calls.engine, {}, "", PricingChoice()))
    count = sum(group.calls for group in groups)
    for meter, each in (("audio_seconds", Fraction(1, 3)), ("images", 10**20 - 1), ("pages", 10**18 - 1)):
        found = sum((item.quantity for group in groups for item in group.items if item.meter == meter), Fraction(0))
        assert found == each * count
