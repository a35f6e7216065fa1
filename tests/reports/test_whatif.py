# SPDX-License-Identifier: Apache-2.0
"""`spancost whatif`: exact repricing, ranges of other models, cache rules, what cannot be answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from spancost.config import data
from spancost.core.analysis.whatif.changes import ChangeError, parse
from spancost.core.analysis.whatif.knowledge import CacheRule
from spancost.core.analysis.whatif.prompt_cache import SessionCache
from spancost.core.call import Call
from tests.reports.otlp import START, chat, request, written

MINUTE = 60.0


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["whatif", *arguments])


def answered(*arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    done = run(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    first, *rest = [json.loads(line) for line in done.stdout.splitlines()]
    return first, rest


def priced(model: str, **usage: int) -> float:
    femto = data.default_pricer().price(Call("openai", model, usage, START)).femto
    assert femto is not None
    return femto / 1e15


@pytest.fixture
def week(tmp_path: Path) -> str:
    calls = [chat(trace, trace, tokens=1000 * trace) for trace in range(1, 6)]
    return str(written(tmp_path / "week.jsonl", request(*calls)))


def test_a_released_card_gives_exactly_what_enrich_gives(week: str) -> None:
    """The same calls priced by that card: to the last femto-dollar, and said to be exact."""
    version = data.versions()[0]
    pricer = data.pricer(data.card(version))
    expected = sum(
        pricer.price(Call("openai", "gpt-4o-mini", {"input_tokens": 1000 * n, "output_tokens": 100 * n}, START)).femto
        or 0
        for n in range(1, 6)
    )
    row, _ = answered(week, f"card={version}")
    assert row["exact"] is True
    assert row["low_usd"] == row["expected_usd"] == row["high_usd"]
    assert float(row["expected_usd"]) == pytest.approx(expected / 1e15, rel=1e-15)


def test_another_model_of_the_same_tokenizer_keeps_the_tokens(week: str) -> None:
    row, steps = answered(week, "model=gpt-4o-mini:gpt-4o")
    total = sum(priced("gpt-4o", input_tokens=1000 * n, output_tokens=100 * n) for n in range(1, 6))
    assert float(row["low_usd"]) == pytest.approx(total)
    assert row["exact"] is False
    assert row["repriced_calls"] == 5
    assert {step["assumption"] for step in steps} == {"model"}
    assert sum(float(step["change_usd"]) for step in steps) == pytest.approx(float(row["change_usd"]))


def test_another_tokenizer_is_a_range(week: str) -> None:
    row, steps = answered(week, "model=gpt-4o-mini:anthropic/claude-haiku-4-5")
    assert float(row["low_usd"]) < float(row["expected_usd"]) < float(row["high_usd"])
    assert {step["assumption"] for step in steps} >= {"model", "tokenizer"}
    assert sum(float(step["share"]) for step in steps) == pytest.approx(1, abs=1e-4)


def test_a_share_of_the_calls_moves(week: str) -> None:
    whole, _ = answered(week, "model=gpt-4o-mini:gpt-4o")
    part, _ = answered(week, "model=gpt-4o-mini:gpt-4o", "route=25%")
    assert float(part["change_usd"]) == pytest.approx(float(whole["change_usd"]) / 4)


def test_the_batch_tier_halves_what_has_a_batch_rate(week: str) -> None:
    row, _ = answered(week, "batch")
    assert row["exact"] is True
    assert float(row["expected_usd"]) == pytest.approx(float(row["current_usd"]) / 2)


def test_a_prompt_that_does_not_fit_stays_and_is_counted(tmp_path: Path) -> None:
    source = str(
        written(tmp_path / "long.jsonl", request(chat(1, 1, model="gpt-4.1-mini", tokens=900_000), chat(2, 2)))
    )
    row, _ = answered(source, "model=*:gpt-4o")
    assert (row["infeasible_calls"], row["repriced_calls"]) == (1, 1)


def test_an_unknown_target_is_counted_not_priced(week: str) -> None:
    row, _ = answered(week, "model=gpt-4o-mini:gpt-nonexistent")
    assert row["unknown_calls"] == 5
    assert row["expected_usd"] == row["current_usd"]


def test_calls_of_other_models_are_left_alone(tmp_path: Path) -> None:
    """They keep their cost, known or not, and are in no count but the first."""
    spans = request(chat(1, 1), chat(2, 2, model="gpt-4o"), chat(3, 3, model="house-model"))
    row, _ = answered(str(written(tmp_path / "mixed.jsonl", spans)), "model=gpt-4o:gpt-4o-mini")
    assert (row["calls"], row["repriced_calls"], row["unknown_calls"], row["infeasible_calls"]) == (3, 1, 0, 0)


def test_shorter_prompts_cost_less(week: str) -> None:
    row, steps = answered(week, "truncate=2000")
    expected = sum(priced("gpt-4o-mini", input_tokens=min(1000 * n, 2000), output_tokens=100 * n) for n in range(1, 6))
    assert float(row["expected_usd"]) == pytest.approx(expected)
    assert [step["assumption"] for step in steps] == ["truncate"]


def test_the_cache_follows_the_rhythm_of_a_session(tmp_path: Path) -> None:
    """Ten growing prompts. One a minute: each finds the one before. One in twenty minutes: nothing lives so long."""

    def session(gap_s: float) -> str:
        calls = [chat(1, n, tokens=4096 + 1024 * n, at_s=gap_s * n, gen_ai__conversation__id="s") for n in range(1, 11)]
        return str(written(tmp_path / f"gap{gap_s}.jsonl", request(*calls)))

    fast, _ = answered(session(MINUTE), "cache=rules")
    slow, _ = answered(session(20 * MINUTE), "cache=rules")
    prompts = [4096 + 1024 * n for n in range(1, 11)]
    expected = sum(
        priced("gpt-4o-mini", input_tokens=size, cache_read_tokens=size - 1024 if n else 0, output_tokens=size // 10)
        for n, size in enumerate(prompts)
    )
    assert float(fast["expected_usd"]) == pytest.approx(expected)
    assert slow["expected_usd"] == slow["current_usd"]


def test_a_cache_below_its_minimum_is_off() -> None:
    cache = SessionCache(CacheRule(1024, 300, "5m", 1))
    assert cache.next(1000, 0) == (0, 0)
    assert cache.next(1500, 10**9) == (0, 1500)
    assert cache.next(1600, 2 * 10**9) == (1500, 100)
    assert cache.next(200, 3 * 10**9) == (0, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("speed=fast", "expected one of model="),
        ("model=gpt-5", "found no target"),
        ("cache=warm", "expected one of as_recorded"),
        ("truncate=many", "expected a number of tokens"),
        ("route=2", "above 0 and at most 1"),
    ],
)
def test_a_change_that_cannot_be_read_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ChangeError, match=expected):
        parse([text], ("openai",))


def test_names_with_colons_take_an_arrow() -> None:
    change = parse(["model=anthropic.claude-v2:1->claude-haiku-4-5"], ()).models[0]
    assert (change.source, change.target) == ("anthropic.claude-v2:1", "claude-haiku-4-5")


def test_no_change_and_a_wrong_one_exit_with_a_sentence(week: str) -> None:
    for arguments in ((week,), (week, "cache=warm"), (week, "card=1999.01.01-000000000000")):
        done = run(*arguments)
        assert done.exit_code == 2
        assert done.stderr.count("\n") == 1


def test_the_table_says_what_is_assumed(week: str) -> None:
    done = run(week, "model=gpt-4o-mini:anthropic/claude-haiku-4-5")
    assert "tokenizer" in done.stdout
    assert "5 calls: 5 repriced" in done.stdout
