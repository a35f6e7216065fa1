# SPDX-License-Identifier: Apache-2.0
"""Each guard: a word of a catalogue that does not go into the card by itself, and becomes a row to decide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.repository import ROOT
from tests.tools.pricing.world import OneModel
from tools.pricing.guards import REASONS

GENAI, LITELLM, ENTRY = OneModel.GENAI, OneModel.LITELLM, OneModel.ENTRY
STEPPED = ENTRY.replace(
    "        source:", "        steps:\n          - {above: 200000, rates: {input_tokens: 4}}\n        source:"
)
BATCHED = ENTRY.replace(
    "        source:",
    "        variants:\n          - when: {processing: batch}\n            rates: {input_tokens: 1, output_tokens: 4}\n"
    "        source:",
).replace("models:\n", "facts: {processing: {default: standard, source: s1, checked: 2026-11-20}}\nmodels:\n")
FACTORED = ENTRY.replace(
    "models:\n",
    "facts:\n"
    "  processing: {default: standard, source: s1, checked: 2026-11-20}\n"
    "  data_residency: {default: global, source: s1, checked: 2026-11-20}\n"
    "modifiers:\n  - {id: us, when: {data_residency: us}, x: 1.1, source: s1, checked: 2026-11-20}\nmodels:\n",
)
HOURLY = ENTRY.replace(
    "        source:", '        windows:\n          - {id: peak, utc: ["01:00-04:00"], x: 2}\n        source:'
)
PAGE = ENTRY.replace("two_catalogues", "page")
WITHOUT_CACHE = {key: value for key, value in LITELLM.items() if "cache" not in key}
CURATED = ENTRY.replace("input_tokens: 2,", "input_tokens: 2.2,")


def both(**changed: float) -> tuple[dict[str, str], dict[str, Any]]:
    """Return what both catalogues say when they agree on new prices for a million: input, cached, output."""
    genai = {**GENAI, **{_GENAI[key]: str(value) for key, value in changed.items()}}
    litellm = {**LITELLM, **{_LITELLM[key]: value / 1e6 for key, value in changed.items()}}
    return genai, {"m": litellm}


_GENAI = {"input": "input_mtok", "cached": "cache_read_mtok", "output": "output_mtok"}
_LITELLM = {
    "input": "input_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "output": "output_cost_per_token",
}
FUTURE = [{"prices": GENAI}, {"constraint": {"start_date": "2027-01-01"}, "prices": {**GENAI, "input_mtok": "3"}}]
STEP_DOWN = {**GENAI, "input_mtok": {"base": "2", "tiers": [{"start": 200_000, "price": "1.9"}]}}
STEP = {**GENAI, "input_mtok": {"base": "2", "tiers": [{"start": 200_000, "price": "4"}]}}
BATCH = {
    "models": [
        OneModel.model("m", GENAI, price_variants=[{"when": {"processing": "batch"}, "prices": {"input_mtok": "1"}}])
    ]
}
AT_HOURS = [{"prices": GENAI}, {"constraint": {"start_time": "01:00:00", "end_time": "02:00:00"}, "prices": GENAI}]

CASES: dict[str, tuple[str, tuple[Any, Any]]] = {
    "more_than_3x": (ENTRY, both(output=25)),
    "more_than_3x, down": (ENTRY, both(cached=0.1)),
    "zero": (ENTRY, both(output=0)),
    "future": (ENTRY, (FUTURE, None)),
    "cached_above_input": (ENTRY, both(input=1, cached=1.2)),
    "output_below_input": (ENTRY, both(output=4, input=5)),
    "step_below_base": (ENTRY, (STEP_DOWN, None)),
    "removed": (ENTRY, ({"models": []}, {})),
    "fact_removed": (ENTRY, ({"input_mtok": "2", "output_mtok": "8"}, {"m": WITHOUT_CACHE})),
    "disagree": (ENTRY, ({**GENAI, "input_mtok": "1.5"}, None)),
    "disagree, both moved": (ENTRY, ({**GENAI, "input_mtok": "1.5"}, both(input=1.6)[1])),
    "curated": (CURATED, both(input=1.5)),
    "unread": (ENTRY, (AT_HOURS, None)),
    "by_hour": (HOURLY, both(input=1.5)),
    "unread, below 0": (ENTRY, ({**GENAI, "input_mtok": "-1"}, None)),
    "unread, no number": (ENTRY, ({**GENAI, "input_mtok": "NaN"}, None)),
    "unread, of a new model": (ENTRY, (None, {"m": LITELLM, "n": {**LITELLM, "input_cost_per_token": -1}})),
    "page": (PAGE, ({**GENAI, "cache_write_mtok": "2.5"}, None)),
    "factor": (FACTORED, both(input=2.2)),
    "left_behind": (BATCHED, both(input=1.5)),
    "half_table": (ENTRY, (BATCH, None)),
    "no_rate": (ENTRY, ({"models": [OneModel.model("m", GENAI), OneModel.model("video", {})]}, None)),
    "zero, of a new model": (
        ENTRY,
        (None, {"m": LITELLM, "n": {"input_cost_per_token": 0, "output_cost_per_token": 0}}),
    ),
    "disagree, about a new model": (
        ENTRY,
        (
            {"models": [OneModel.model("m", GENAI), OneModel.model("n", GENAI)]},
            {"m": LITELLM, "n": {**LITELLM, "input_cost_per_token": 3e-6}},
        ),
    ),
    "cached_above_input, of a new model": (
        ENTRY,
        (None, {"m": LITELLM, "n": {**LITELLM, "input_cost_per_token": 1e-7}}),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_guard_holds(tmp_path: Path, case: str) -> None:
    """No edit, a row with the reason, exit status 3; and the lock does not forget the question."""
    entry, (genai, litellm) = CASES[case]
    world = OneModel(tmp_path, entry)
    result = world.say(genai, litellm, extra=("--write",))
    assert case.partition(",")[0] in result.reasons, result.text
    assert result.code == 3
    later = world.say(genai, litellm)
    assert later.reasons == result.reasons
    assert "## Proposed" not in later.text


@pytest.mark.parametrize("case", [case for case in CASES if case != "fact_removed"])
def test_the_file_is_left_alone(tmp_path: Path, case: str) -> None:
    """Where a guard holds back all that changed, the provider's file keeps every byte."""
    entry, (genai, litellm) = CASES[case]
    world = OneModel(tmp_path, entry)
    result = world.say(genai, litellm, extra=("--write",))
    assert ("## Proposed" in result.text) == (world.provider("openai") != entry)


def test_names_of_one_entry_that_part_are_split(tmp_path: Path) -> None:
    """m becomes cheaper and m-also does not: the entry cannot hold both."""
    world = OneModel(tmp_path)
    world.lock(litellm={"m": LITELLM, "m-also": LITELLM})
    cheaper = {**LITELLM, "input_cost_per_token": 1.5e-6}
    result = world.say({**GENAI, "input_mtok": "1.5"}, {"m": cheaper, "m-also": LITELLM})
    assert "split" in result.reasons


def test_a_price_of_the_past_is_not_rewritten(tmp_path: Path) -> None:
    """Calls of then were priced by it."""
    world = OneModel(tmp_path)
    periods = [{"prices": {**GENAI, "input_mtok": "3"}}, {"constraint": {"start_date": "2026-06-01"}, "prices": GENAI}]
    world.lock(genai=periods)
    periods[0] = {"prices": {**GENAI, "input_mtok": "2.5"}}
    assert world.say(periods).reasons == {"history"}


def test_a_withdrawn_announcement_is_reported(tmp_path: Path) -> None:
    """The card may hold the scheduled price already."""
    world = OneModel(tmp_path)
    world.lock(genai=FUTURE)
    assert world.say(GENAI).reasons == {"withdrawn"}


def test_a_card_factor_that_gives_another_price_is_reported(tmp_path: Path) -> None:
    """Batch is half by a modifier; a catalogue has 0.8."""
    world = OneModel(tmp_path, FACTORED.replace("{data_residency: us}, x: 1.1", "{processing: batch}, x: 1/2"))
    assert world.say(litellm={"m": {**LITELLM, "input_cost_per_token_batches": 1.6e-6}}).reasons == {"modifier"}
    assert world.say(litellm={"m": {**LITELLM, "input_cost_per_token_batches": 1e-6}}).reasons == set()


def test_a_step_without_a_table_for_its_conditions_is_reported(tmp_path: Path) -> None:
    """A long batch call has a price there, and a short one has none."""
    world = OneModel(tmp_path)
    row = {**LITELLM, "input_cost_per_token_above_200k_tokens_batches": 3e-6}
    assert world.say(litellm={"m": row}).reasons <= {"place"}


def test_a_provider_without_a_file_is_reported(tmp_path: Path) -> None:
    """A file of its own is a person's decision."""
    world = OneModel(tmp_path)
    result = world.say(litellm={"m": LITELLM, "acme/x": {**LITELLM, "litellm_provider": "acme"}})
    assert result.reasons == {"unknown_provider"}


def test_every_reason_is_tried_here() -> None:
    """A guard without a case could be broken unseen."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [reason for reason in REASONS if f'"{reason}' not in text] == []


def test_the_page_explains_every_reason() -> None:
    """In the words of the table."""
    page = (ROOT / "docs" / "prices-upkeep.md").read_text(encoding="utf-8")
    assert [reason for reason, meaning in REASONS.items() if f"| `{reason}` | {meaning} |" not in page] == []
