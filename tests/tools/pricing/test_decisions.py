# SPDX-License-Identifier: Apache-2.0
"""What people decided holds, for the value that they decided about."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.pricing.world import OneModel, Result

NOTHING = Result(0, "0 proposed, 0 to decide\n")


def alone(world: OneModel, price: str, write: bool = False) -> Result:
    """Let genai-prices alone say another input price: the catalogues disagree."""
    return world.say({**world.GENAI, "input_mtok": price}, extra=("--write",) if write else ())


def test_a_rejected_value_is_silent_until_the_catalogue_changes_again(tmp_path: Path) -> None:
    """Silence is about a value, not about a model."""
    world = OneModel(tmp_path)
    world.decide("model: m, fact: input_tokens, value: 1.5, decision: reject")
    assert alone(world, "1.5", write=True) == NOTHING
    assert alone(world, "1.5") == NOTHING
    assert alone(world, "1.4").reasons == {"disagree"}


def test_a_rejected_value_is_silent_for_good_once_it_is_in_the_lock(tmp_path: Path) -> None:
    """Without the decision it would be no news either."""
    world = OneModel(tmp_path)
    world.decide("model: m, fact: input_tokens, value: 1.50, decision: reject")
    alone(world, "1.5", write=True)
    world.decide()
    assert alone(world, "1.5") == NOTHING


def test_an_accepted_value_goes_in_although_a_guard_holds(tmp_path: Path) -> None:
    """A change begins on the day it was seen; what was before stays."""
    world = OneModel(tmp_path)
    world.decide("model: m, fact: input_tokens, value: 1.5, decision: accept")
    assert alone(world, "1.5", write=True).code == 0
    assert "rates: {input_tokens: 2, " in world.provider("openai")
    assert "- from: 2026-12-15\n        rates: {input_tokens: 1.5, " in world.provider("openai")


def test_a_correction_is_written_where_the_price_stands(tmp_path: Path) -> None:
    """A price that was wrong never held."""
    world = OneModel(tmp_path)
    world.decide("model: m*, fact: input_tokens, value: 1.5, decision: accept, as: correction")
    result = alone(world, "1.5", write=True)
    assert "| corrected" in result.text
    assert world.provider("openai") == world.ENTRY.replace("input_tokens: 2,", "input_tokens: 1.5,")


def test_a_scheduled_price_can_be_accepted(tmp_path: Path) -> None:
    """It begins on its own day."""
    world = OneModel(tmp_path)
    periods = [
        {"prices": world.GENAI},
        {"constraint": {"start_date": "2027-01-01"}, "prices": {**world.GENAI, "input_mtok": "3"}},
    ]
    world.decide("model: m, value: 3, decision: accept")
    assert "| scheduled" in world.say(periods, extra=("--write",)).text
    assert "- from: 2027-01-01\n        rates: {input_tokens: 3, " in world.provider("openai")
    assert world.say(periods) == NOTHING


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_a_removal_can_be_noted(tmp_path: Path, decision: str) -> None:
    """The entry stays: calls of its time keep their price."""
    world = OneModel(tmp_path)
    world.decide(f"model: m, fact: removed, value: gone, decision: {decision}")
    assert world.say({"models": []}, {}) == NOTHING
    assert world.provider("openai") == world.ENTRY


def test_a_new_model_can_be_rejected(tmp_path: Path) -> None:
    """By its input price, as everything else by its value."""
    world = OneModel(tmp_path)
    world.decide("model: n, value: 2, decision: reject")
    assert world.say(litellm={"m": world.LITELLM, "n": world.LITELLM}) == NOTHING


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("model: m, value: 1.5, decision: maybe", "decisions.0.decision: found 'maybe'"),
        ("model: m, value: cheap, decision: reject", "decisions.0.value: found 'cheap'"),
        ("model: m, value: 1, decision: reject, until: 2027-01-01", "decisions.0.until"),
        ("value: 1, decision: reject", "decisions.0.model"),
    ],
)
def test_a_decision_that_cannot_be_read_is_refused(tmp_path: Path, written: str, message: str) -> None:
    """The message names the file, the place and what was found; exit status 2."""
    world = OneModel(tmp_path)
    world.decide(written)
    result = world.say()
    assert result.code == 2
    assert "decisions.yaml, " in result.text and message in result.text


def test_an_answer_to_an_open_question_needs_no_newer_release(tmp_path: Path) -> None:
    """The lock kept the question, so the same files propose once it is decided."""
    world = OneModel(tmp_path)
    assert alone(world, "1.5", write=True).code == 3
    world.decide("model: m, fact: input_tokens, value: 1.5, decision: accept")
    assert alone(world, "1.5", write=True).code == 0
    assert "note: at the latest\n" in world.provider("openai")
    assert alone(world, "1.5") == NOTHING
