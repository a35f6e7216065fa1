# SPDX-License-Identifier: Apache-2.0
"""`spancost forecast`: what is spent, the interval of the whole, budgets, known future prices, kept forecasts."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from spancost.core.analysis.price_change import MeanCall, price_change
from spancost.core.call import Call, Cost
from tests.reports.otlp import START, chat, request, written

DAY = 86_400
START_OF_DAY = START // 10**9 % DAY
"""The calls of the tests begin on 2026-11-18 at 11:06:40Z."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["forecast", *arguments])


def answered(*arguments: str) -> list[dict[str, Any]]:
    done = run(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def source(tmp_path: Path) -> str:
    """Forty days of one feature of a million tokens a day and one of half as many, until 2026-11-18."""
    calls = []
    for day in range(40):
        for feature, tokens in (("search", 1_000_000), ("chat", 500_000)):
            number = 2 * day + (feature == "chat") + 1
            calls.append(chat(number, number, tokens=tokens, at_s=-DAY * day, app__feature=feature))
    return str(written(tmp_path / "days.jsonl", request(*calls)))


def test_the_month_is_what_is_spent_and_a_forecast_of_the_rest(source: str) -> None:
    """18 of 30 days are spent: the total so far is exact, and a steady series goes on."""
    (row,) = answered(source)
    a_day = Decimal("0.15") * Decimal("1.5") + Decimal("0.6") * Decimal("0.15")
    assert row["since"] == "2026-11-01T00:00:00Z"
    assert row["until"] == "2026-12-01T00:00:00Z"
    assert Decimal(row["so_far_usd"]) == 18 * a_day
    assert float(row["expected_usd"]) == pytest.approx(float(30 * a_day), rel=0.02)
    assert Decimal(row["low95_usd"]) <= Decimal(row["low80_usd"]) <= Decimal(row["expected_usd"])
    assert Decimal(row["expected_usd"]) <= Decimal(row["high80_usd"]) <= Decimal(row["high95_usd"])
    assert row["input_tokens"] == pytest.approx(45_000_000, rel=0.02)


def test_groups_have_forecasts_of_their_own(source: str) -> None:
    rows = answered(source, "--by", "feature", "--until", "7d")
    assert [row["feature"] for row in rows] == ["search", "chat"]
    assert float(rows[0]["expected_usd"]) == pytest.approx(2 * float(rows[1]["expected_usd"]), rel=0.02)


def test_a_budget_runs_out_on_a_day(source: str) -> None:
    (row,) = answered(source, "--budget", "7")
    assert row["runs_out"] == "2026-11-23"  # 22 days of $0.315 are $6.93
    assert row["runs_out_earliest"] <= row["runs_out"]
    (spent,) = answered(source, "--budget", "1")
    assert spent["runs_out"] == "2026-11-18"
    assert "holds until the end" in run(source, "--budget", "1000").stdout


def test_kept_forecasts_are_scored_when_their_period_is_over(source: str, tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    answered(source, "--until", "7d", "--as-of", "2026-11-05", "--keep", str(kept))
    answered(source, "--until", "30d", "--as-of", "2026-11-05", "--keep", str(kept))
    (score,) = answered(source, "--score", str(kept))
    assert Decimal(score["actual_usd"]) == 7 * Decimal("0.315")
    assert score["inside95"] is True
    assert "1 of 1 intervals of 80 %" in run(source, "--score", str(kept)).stdout


def test_a_short_history_has_no_interval(tmp_path: Path) -> None:
    source = str(written(tmp_path / "short.jsonl", request(*(chat(n, n, at_s=-DAY * n) for n in range(1, 5)))))
    (row,) = answered(source)
    assert row["low80_usd"] is None
    assert "without an interval" in run(source).stdout


def test_prices_that_the_card_knows_to_change_change_the_forecast() -> None:
    """Half of four days is after the price halved."""

    change_at = 20_002 * DAY * 10**9

    def price(call: Call) -> Cost:
        return Cost("priced", None, 100 if call.at_ns < change_at else 50)

    begin = date(1970, 1, 1) + timedelta(days=20_000)
    mix = [MeanCall(10, "openai", "m", None, {"input_tokens": 100})]
    assert price_change(price, mix, begin, begin + timedelta(days=4)) == pytest.approx(0.75)
    assert price_change(price, [], begin, begin + timedelta(days=4)) == 1.0


@pytest.mark.parametrize(
    "wrong",
    [("--until", "soon"), ("--until", "2020-01-01"), ("--budget", "much"), ("--budget", "-1"), ("--as-of", "x")],
)
def test_a_wrong_option_exits_with_a_sentence(source: str, wrong: tuple[str, str]) -> None:
    done = run(source, *wrong)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"Error: {wrong[0]}: found")


def test_a_file_of_other_lines_is_no_kept_forecast(source: str, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"until": 5}\n', encoding="utf-8")
    done = run(source, "--score", str(other))
    assert done.exit_code == 2
    assert "line 1: expected a forecast" in done.stderr


def test_no_call_says_why(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    done = run(str(empty))
    assert (done.exit_code, done.stdout) == (0, "No answer: the source has no spans.\n")
