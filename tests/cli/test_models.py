# SPDX-License-Identifier: Apache-2.0
"""`spancost models`, and the similar names that `price` and `explain` give: what the card knows, never a price."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from spancost.cli.model_rows import model_rows
from spancost.config import data
from spancost.core.call import Call
from tests.core.test_price_vectors import SMALL

AT = "2026-11-18T15:04:05Z"


def run(*arguments: str, lines: str = "") -> Result:
    """Run the command."""
    return CliRunner().invoke(main, list(arguments), input=lines)


def rows(*arguments: str) -> list[dict[str, Any]]:
    """Return what `models` says of the small card as JSON."""
    result = run("models", "--card", str(SMALL), "--format", "json", "--at", AT, *arguments)
    assert result.exit_code == 0
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_row_holds_rates_in_the_published_unit_and_where_they_stand() -> None:
    """A script reads them as exact decimals."""
    row = next(row for row in rows("gpt-a", "--provider", "openai") if row["model"] == "gpt-a")
    assert row["provider"] == "openai"
    assert row["rates"]["input_tokens"] == {"price": "2.5", "per": 1_000_000}
    assert row["rates"]["output_tokens"] == {"price": "15", "per": 1_000_000}
    assert row["source"].startswith("https://")
    assert row["basis"] in ("page", "two_catalogues", "one_catalogue")
    assert row["pricing_version"].startswith("20")


def test_every_model_of_every_card_has_a_row_with_the_same_keys() -> None:
    """Nothing on the card is left out, whatever its entry holds, also before its first price."""
    card = data.default_card()
    for at in (0, 1_795_000_000):
        found = list(model_rows(card, None, None, at))
        assert len(found) == sum(len((card.provider(name) or {})["models"]) for name in card.providers)
        assert len({tuple(row) for row in found}) == 1


def test_a_price_of_the_list_is_the_price_that_is_charged() -> None:
    """For each model: one unit of its input at the listed rate is what `price` says, where nothing else is in play."""
    card, at = data.default_card(), 1_795_000_000
    pricer = data.pricer(card)
    checked = 0
    for row in model_rows(card, None, None, at):
        rate = row["rates"].get("input_tokens")
        if rate is None or row["windows"] or row["assumes"] or "requests" in row["rates"]:
            continue
        answer = pricer.price(Call(row["provider"], row["model"], {"input_tokens": 1}, at * 1_000_000_000))
        if answer.status == "priced" and answer.rate_id is not None and ";" not in answer.rate_id:
            assert answer.femto == round(Decimal(rate["price"]) * 1_000_000_000), row
            checked += 1
    assert checked > 3_000


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [("GPT-A", True), ("pt-", True), ("gpt-?", True), ("gpt", True), ("?pt", False), ("*-a", True), ("nothing", False)],
)
def test_a_pattern_is_a_part_of_a_name_or_a_whole_one_with_wildcards(pattern: str, fits: bool) -> None:
    """Letters' case does not matter."""
    assert ("gpt-a" in {row["model"] for row in rows(pattern, "--provider", "openai")}) == fits


def test_a_table_ends_with_how_many_there_are() -> None:
    """Nothing found is an answer, with exit status 0."""
    result = run("models", "gpt-a", "--card", str(SMALL), "--provider", "openai", "--at", AT)
    assert result.exit_code == 0
    header, *_, last = result.stdout.splitlines()
    assert header.split()[:2] == ["provider", "model"]
    assert "rate card 20" in last
    none = run("models", "no-such-model", "--card", str(SMALL))
    assert none.exit_code == 0
    assert none.stdout.startswith("0 models like 'no-such-model'")


def test_steps_tiers_and_hours_are_noted() -> None:
    """A reader sees that the price is not the only one."""
    found = run("models", "claude-haiku-5-5", "--provider", "anthropic").stdout
    assert ">100,000" in found
    assert "batch" in found
    assert "peak" in run("models", "deepseek-v4-pro", "--provider", "deepseek").stdout


def test_a_provider_that_is_not_there_is_a_question_that_cannot_be_read() -> None:
    """Exit status 2 and one sentence, with the names like it; spellings of a known one are taken."""
    result = run("models", "--provider", "opnai")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "found 'opnai', which the rate card does not have (near: openai)" in result.stderr
    assert run("models", "haiku", "--provider", "claude", "--format", "json").stdout.startswith(
        '{"provider":"anthropic"'
    )
    assert run("models", "--at", "yesterday").exit_code == 2


def test_price_names_near_names_of_an_unknown_model_and_prices_by_none() -> None:
    """The key is there only for an unknown model."""
    unknown = {"id": 1, "provider": "openai", "model": "gpt-4oo", "timestamp": AT, "usage": {"input_tokens": 1}}
    known = {**unknown, "model": "gpt-4o"}
    elsewhere = {**unknown, "provider": "deepseek", "model": "openai/gpt-4o"}
    strange = {**unknown, "model": "zzzzzzzzzzzz"}
    lines = "\n".join(json.dumps(row) for row in (unknown, known, elsewhere, strange))
    first, second, third, fourth = (json.loads(line) for line in run("price", lines=lines).stdout.splitlines())
    assert (first["status"], first["reason"], first["cost_usd"]) == ("unpriced", "unknown_model", None)
    assert {"provider": "openai", "model": "gpt-4o"} in first["near"]
    assert {"provider": "openai", "model": "gpt-4o"} in third["near"]
    assert "near" not in second
    assert "near" not in fourth


def test_explain_names_near_names_too() -> None:
    """For people, also where the provider is the unknown word."""
    said = run("explain", "--provider", "deepseek", "--model", "deepseek-v4-flsh", "--usage", "input_tokens=1").stdout
    assert "similar      deepseek-v4-flash (deepseek)" in said
    assert "Their prices are not used." in said
    assert "gpt-4o (openai)" in run("explain", "--provider", "me", "--model", "gpt-4o").stdout
