# SPDX-License-Identifier: Apache-2.0
"""`spancost compare`: arms, outcomes, scores, pairs, unpriced calls, and questions that cannot be answered."""

from __future__ import annotations

import json
import math
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from tests.reports.otlp import chat, request, span, written


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["compare", *arguments])


def answered(*arguments: str) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    done = run(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return {row["arm"]: row for row in rows if "arm" in row}, [row for row in rows if "treatment" in row]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> str:
    """120 traces an arm in 30 workspaces: B costs half and succeeds as often; one call of B is unpriced."""
    draw = random.Random(1)
    spans = []
    for number in range(1, 241):
        arm, workspace = ("A", "B")[number % 2], f"w{number % 60}"
        size = round(1000 * math.exp(draw.gauss(0, 0.4))) * (2 if arm == "A" else 1)
        outcome = "success" if draw.random() < 0.7 else "failure"
        tags = {"app__experiment": arm, "app__workspace_id": workspace, "app__item": f"i{number // 2}"}
        spans += [
            span(number, number, name="work", app__outcome=outcome, app__score__quality=draw.gauss(0.5, 0.1)),
            chat(number, number + 1000, parent=number, tokens=size, **tags),
        ]
    spans.append(chat(241, 5000, model="unknown-model", app__experiment="B", app__workspace_id="w1"))
    return str(written(tmp_path_factory.mktemp("compare") / "arms.jsonl", request(*spans)))


def test_the_cheaper_arm_is_found_and_quality_is_beside_it(source: str) -> None:
    arms, (row,) = answered(source, "--control", "A", "--fixed")
    assert (arms["A"]["traces"], arms["B"]["traces"], arms["B"]["unpriced_calls"]) == (120, 121, 1)
    assert arms["A"]["clusters"] == 30
    assert row["cost_verdict"] == "cheaper"
    assert row["quality_verdict"] == "unknown"
    assert Decimal(row["difference_high_usd"]) < 0
    assert float(row["ratio"]) == pytest.approx(0.5, rel=0.25)
    assert Decimal(row["ratio_low"]) < Decimal(row["ratio"]) < Decimal(row["ratio_high"])
    assert 0.5 < float(arms["A"]["success_rate"]) < 0.9
    assert Decimal(arms["A"]["cost_per_success_usd"]) > Decimal(arms["A"]["mean_usd"])
    assert float(arms["A"]["score_mean"]) == pytest.approx(0.5, abs=0.05)


def test_unpriced_calls_are_bounded_not_dropped(source: str) -> None:
    arms, _ = answered(source, "--control", "A")
    assert arms["A"]["highest_cost_usd"] == arms["A"]["cost_usd"]
    assert Decimal(arms["B"]["highest_cost_usd"]) > Decimal(arms["B"]["cost_usd"])
    assert "Unpriced calls count as 0" in run(source, "--control", "A").stdout


def test_always_valid_intervals_are_wider_than_fixed_ones(source: str) -> None:
    widths = []
    for options in ((), ("--fixed",)):
        _, (row,) = answered(source, "--control", "A", *options)
        widths.append(Decimal(row["difference_high_usd"]) - Decimal(row["difference_low_usd"]))
    assert widths[0] > widths[1]


def test_pairs_and_traces_as_clusters(source: str) -> None:
    _, (paired,) = answered(source, "--control", "A", "--pair-by", "app.item", "--cluster", "trace")
    assert paired["method"] == "paired"
    assert paired["pairs"] == 119  # item 0 has one trace, and so has item 120


def test_the_table_says_the_verdict_in_words(source: str) -> None:
    shown = run(source, "--control", "A", "--fixed").stdout
    assert "A (control)" in shown
    assert "B against A: cheaper; no difference in quality shown." in shown


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--control", "Z"), "--control: found no arm 'Z'; expected one of A, B"),
        (("--control", "A", "--by", "nope"), "--by: found column 'nope'"),
        (("--control", "A", "--score", "taste"), "--score: found no score 'taste'; expected one of quality"),
        (("--control", "A", "--where", "experiment=A"), "--by: found only the arm 'A'"),
    ],
)
def test_a_question_that_cannot_be_answered_exits_with_a_sentence(
    source: str, options: tuple[str, ...], expected: str
) -> None:
    done = run(source, *options)
    assert done.exit_code == 2
    assert expected in done.stderr


def test_no_arm_says_why(tmp_path: Path) -> None:
    source = str(written(tmp_path / "plain.jsonl", request(chat(1, 1))))
    done = run(source, "--control", "A")
    assert (done.exit_code, done.stdout) == (0, "No answer: no call has a value in experiment.\n")
