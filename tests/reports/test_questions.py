# SPDX-License-Identifier: Apache-2.0
"""`top`, `tree`, `outcomes` and `--compare-previous` over a small file, checked by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from spancost.reports import expressions
from spancost.reports.selection import PERIOD
from spancost.store.duckdb_engine import DuckEngine
from tests.reports.otlp import chat, request, span, written

DAY = 86_400


def ask(*arguments: object) -> Result:
    done = CliRunner().invoke(main, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done


def rows(*arguments: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ask(*arguments, "--format", "json").stdout.splitlines()]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return three traces: one with 60 small calls and a big one, one that failed, one a week later."""
    search = {"app__feature": "search", "app__user_id": "ann", "app__prompt_name": "answer"}
    many = [chat(1, 10 + n, parent=2, model="gpt-5-mini", tokens=100, at_s=n, **search) for n in range(60)]
    return written(
        tmp_path / "week.jsonl",
        request(
            span(1, 1, name="POST /ask", app__outcome="success"),
            span(1, 2, parent=1, name="research"),
            *many,
            chat(1, 90, parent=1, model="gpt-4o", tokens=20_000, at_s=70, app__feature="reply", app__user_id="bob"),
        ),
        request(
            span(2, 100, name="POST /ask", app__outcome="failure"),
            chat(2, 101, parent=100, tokens=1000, error__type="timeout", **search),
            span(3, 200, name="POST /ask", at_s=7 * DAY, app__outcome="success"),
            chat(3, 201, parent=200, tokens=2000, at_s=7 * DAY, **search),
        ),
    )


def test_top_calls_and_traces(source: Path) -> None:
    """The most expensive first, each with what drives its cost."""
    first, *_ = rows("top", "calls", source, "-n", 3)
    assert (first["span_id"], first["model"], first["cost_usd"]) == (f"{90:016x}", "gpt-4o", "0.07")
    assert "20,000 input tokens" in first["why"]
    trace, *others = rows("top", "traces", source)
    assert (trace["trace_id"], trace["name"], trace["outcome"], trace["calls"]) == (
        f"{1:032x}",
        "POST /ask",
        "success",
        61,
    )
    assert "61 calls" in trace["why"]
    assert "on gpt-4o" in trace["why"]
    assert [row["failed_calls"] for row in others] == [0, 1]


def test_top_users_prompts_and_sessions(source: Path) -> None:
    """Calls without a user or prompt are no entry of these."""
    assert [row["app.user_id"] for row in rows("top", "users", source)] == ["bob", "ann"]
    (prompt,) = rows("top", "prompts", source)
    assert (prompt["prompt_name"], prompt["prompt_version"], prompt["calls"]) == ("answer", None, 62)
    assert [row["calls"] for row in rows("top", "sessions", source)] == [61, 1, 1]


def test_an_empty_top_says_why(tmp_path: Path) -> None:
    """Calls that name no prompt."""
    path = written(tmp_path / "a.jsonl", request(chat(1, 1)))
    assert "no call names one of the prompts" in ask("top", "prompts", path).stdout


def test_tree_folds_repeated_calls(source: Path) -> None:
    """Sixty calls of one model in a row are one line; subtrees add up."""
    found = rows("tree", f"{1:032x}", source)
    assert [(row["depth"], row["name"]) for row in found] == [
        (0, "POST /ask"),
        (1, "research"),
        (2, "60 × chat gpt-5-mini"),
        (1, "chat gpt-4o"),
    ]
    root, research, folded, call = found
    assert (root["calls"], folded["folded"], folded["calls"]) == (61, 60, 60)
    assert Decimal(root["cost_usd"]) == Decimal(research["cost_usd"]) + Decimal(call["cost_usd"])
    assert research["cost_usd"] == folded["cost_usd"] == "0.0027"
    assert len(rows("tree", f"{1:032x}", source, "--all")) == 63
    assert "60 × chat gpt-5-mini" in ask("tree", f"{1:032x}", source).stdout


def test_tree_takes_the_first_digits_of_an_id(tmp_path: Path) -> None:
    """Eight digits or more that one trace begins with."""
    first, second = (int(f"abcdef{n}0" + "0" * 24, 16) for n in (1, 2))
    path = written(tmp_path / "a.jsonl", request(chat(first, 1), chat(second, 2)))
    assert len(rows("tree", "abcdef10", path)) == 1
    for wanted, said in (("abcd", "the first 8"), ("abcdef30", "found no trace"), ("xyzxyzxyz", "hexadecimal")):
        done = CliRunner().invoke(main, ["tree", wanted, str(path)])
        assert done.exit_code == 2
        assert said in done.stderr


def test_outcomes_count_traces(source: Path) -> None:
    """The cost of all calls over the successes; a trace counts once however many calls it has."""
    (whole,) = rows("outcomes", source)
    assert (whole["traces"], whole["outcomes"], whole["successes"]) == (3, 3, 2)
    assert Decimal(whole["cost_per_success_usd"]) * 2 == Decimal(whole["cost_usd"])
    by_feature = {row["feature"]: row for row in rows("outcomes", source, "--by", "feature", "--value", "0.05")}
    assert by_feature["search"]["successes"] == 2
    assert by_feature["reply"]["cost_per_success_usd"] == "0.07"
    assert by_feature["reply"]["margin_usd"] == "-0.02"
    (none,) = rows("outcomes", source, "--success", "never")
    assert none["cost_per_success_usd"] is None


def test_a_range_is_compared_with_the_time_before(source: Path) -> None:
    """The range before is as long; groups of either are shown; the changes add up."""
    bounds = ("--since", "2026-11-25", "--until", "2026-12-02")
    found = {row["feature"]: row for row in rows("report", source, "--by", "feature", "--compare-previous", *bounds)}
    assert (found["search"]["calls"], found["search"]["previous_calls"]) == (1, 61)
    assert (found["reply"]["calls"], found["reply"]["cost_usd"], found["reply"]["change_usd"]) == (0, "0", "-0.07")
    assert "-$0.0700" in ask("report", source, "--by", "feature", "--compare-previous", *bounds).stdout
    done = CliRunner().invoke(main, ["report", str(source), "--compare-previous"])
    assert (done.exit_code, "expected --since" in done.stderr) == (2, True)


def test_sql_that_is_compiled_ahead_is_what_ibis_makes() -> None:
    """So a report need not load ibis; a question by more columns than compiled ahead works as well."""
    for keys in ([], ["by_1"], [PERIOD, "by_1", "by_2"]):
        for dialect in expressions.DIALECTS:
            made = expressions.compiled(expressions.SPEND, keys, dialect)
            assert expressions.sql_of(expressions.SPEND, keys, dialect) == made


def test_a_report_by_many_columns(source: Path) -> None:
    """Six columns: ibis compiles this one when it is asked."""
    found = rows("report", source, "--by", "feature,model,provider,status,tier,app.user_id")
    assert sum(row["calls"] for row in found) == 63


def test_an_engine_draws_nothing_on_standard_output() -> None:
    """DuckDB would draw a progress bar into the answer of a long query."""
    engine = DuckEngine()
    assert engine.rows("SELECT current_setting('enable_progress_bar')") == [(False,)]
    engine.close()


def test_traces_are_counted_exactly_on_clickhouse() -> None:
    """`uniq` is an estimate there, which small tables do not show."""
    asked = expressions.sql_of(expressions.OUTCOMES, ("by_1",), "clickhouse")
    assert "uniqExact(" in asked
    assert " uniq(" not in asked
