# SPDX-License-Identifier: Apache-2.0
"""`spancost report`: exact rows that add up, in every form; clear errors; a reason for an empty answer."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from tests.reports.otlp import chat, request, span, written

TOTALS = [
    *("calls", "unpriced_calls", "cost_usd", "list_cost_usd", "input_tokens", "cached_input_tokens", "output_tokens"),
    *("partial_calls", "estimated_calls"),
]


def report(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["report", *map(str, arguments)], catch_exceptions=False)


def rows(*arguments: object) -> list[dict[str, Any]]:
    done = report(*arguments, "--format", "json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def week(tmp_path: Path) -> Path:
    """Return two days of calls: two features, one call of an unknown model, one without any tag."""
    return written(
        tmp_path / "week.jsonl",
        request(
            span(1, 1, name="POST /ask"),
            chat(1, 2, parent=1, app__feature="search", app__customer="ann"),
            chat(1, 3, parent=1, app__feature="search", tokens=3000, at_s=1),
        ),
        request(chat(2, 4, app__feature="reply", app__customer="bob", at_s=90_000), chat(3, 5, at_s=90_001)),
        request(chat(4, 6, model="acme-tone-2", app__feature="tone", at_s=90_002)),
    )


def test_rows_have_the_columns_asked_for_and_the_totals(week: Path) -> None:
    """Keys come in the order of the contract; a missing group value is null; money is exact text."""
    found = rows(week, "--by", "feature,model")
    assert [list(row) for row in found] == [["feature", "model", *TOTALS]] * 4
    by_feature = {row["feature"]: row for row in found}
    assert by_feature["search"]["cost_usd"] == "0.00084"
    assert by_feature["search"]["list_cost_usd"] == "0.00084"
    assert by_feature["search"]["input_tokens"] == 4000
    assert by_feature[None]["calls"] == 1
    assert by_feature["tone"]["cost_usd"] is None
    assert by_feature["tone"]["unpriced_calls"] == 1


@pytest.mark.parametrize("by", ["feature", "model,feature", "app.customer", "status,reason", "session_id"])
def test_rows_add_up(week: Path, by: str) -> None:
    """Whatever the grouping, the sums are those of the whole."""
    (whole,) = rows(week)
    found = rows(week, "--by", by)
    assert sum(Decimal(row["cost_usd"] or 0) for row in found) == Decimal(whole["cost_usd"]) == Decimal("0.00126")
    assert sum(row["calls"] for row in found) == whole["calls"] == 5


def test_a_period_is_the_instant_at_which_it_begins(week: Path) -> None:
    """A day of a zone begins at its own midnight."""
    assert [row["period"] for row in rows(week, "--per", "day")] == ["2026-11-18T00:00:00Z", "2026-11-19T00:00:00Z"]
    found = rows(week, "--per", "day", "--timezone", "America/New_York", "--by", "feature")
    assert {row["period"] for row in found} == {"2026-11-18T05:00:00Z", "2026-11-19T05:00:00Z"}
    assert [row["period"] for row in rows(week, "--per", "week")] == ["2026-11-16T00:00:00Z"]
    assert [row["period"] for row in rows(week, "--per", "month")] == ["2026-11-01T00:00:00Z"]


def test_conditions_select(week: Path) -> None:
    """Values of one column are alternatives, columns are all required, an empty value is a missing one."""
    assert rows(week, "--where", "feature=search", "--where", "feature=reply")[0]["calls"] == 3
    assert rows(week, "--where", "app.feature=search", "--where", "app.customer=ann")[0]["calls"] == 1
    assert rows(week, "--where", "feature=")[0]["calls"] == 1
    assert rows(week, "--since", "2026-11-19")[0]["calls"] == 3
    assert rows(week, "--until", "2026-11-19")[0]["calls"] == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--by", "featur"], "near: feature"),
        (["--where", "feature"], "expected column=value"),
        (["--where", "feature!=a"], "only equality"),
        (["--per", "day", "--timezone", "Mars"], "expected a name such as Europe/Berlin"),
        (["--since", "yesterday"], "--since: found 'yesterday'"),
        (["--by", "model,llm.model"], "twice"),
    ],
)
def test_a_question_that_cannot_be_read_is_refused(week: Path, arguments: list[str], said: str) -> None:
    """One sentence on standard error, status 2, nothing on standard output."""
    done = report(week, *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_source_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A missing file and a file of something else."""
    assert report(tmp_path / "none.jsonl").exit_code == 2
    other = tmp_path / "other.txt"
    other.write_text("hello", encoding="utf-8")
    done = report(other)
    assert done.exit_code == 2
    assert "found no JSON" in done.stderr


def test_an_empty_answer_says_why(week: Path, tmp_path: Path) -> None:
    """No spans, no model call, or a filter that is too narrow: a sentence and status 0."""
    empty = written(tmp_path / "empty.jsonl")
    plain = written(tmp_path / "plain.jsonl", request(span(1, 1, name="GET /")))
    for arguments, said in (
        ([empty], "no spans"),
        ([plain], "no model call among 1 spans"),
        ([week, "--where", "team=care"], "no call passes --where team=care; the calls are from 2026-11-18T11:06:40Z"),
    ):
        done = report(*arguments, "--by", "feature")
        assert done.exit_code == 0
        assert said in done.stdout
        assert report(*arguments, "--format", "json").stdout == ""


def test_the_table_shows_what_is_not_known(week: Path) -> None:
    """The share that is unpriced, partial, estimated and untagged follows the table."""
    done = report(week, "--by", "feature")
    assert "search" in done.stdout
    last = done.stdout.splitlines()[-1]
    assert last.startswith(
        "5 calls: unpriced 20.0 % (1), partial 0.0 %, estimated 0.0 %, without app.feature 20.0 % (1,"
    )


def test_csv_and_markdown(week: Path) -> None:
    """CSV has the columns of JSON; Markdown is a table."""
    found = list(csv.DictReader(io.StringIO(report(week, "--by", "feature", "--format", "csv").stdout)))
    assert list(found[0]) == ["feature", *TOTALS]
    assert sum(Decimal(row["cost_usd"] or 0) for row in found) == Decimal("0.00126")
    assert report(week, "--by", "feature", "--format", "md").stdout.splitlines()[1].startswith("|---|---:|")


def test_a_server_that_cannot_be_reached_is_refused_without_its_password() -> None:
    """One sentence on standard error that names the host."""
    done = report("clickhouse://reader:hidden-word@127.0.0.1:1/otel")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "clickhouse://127.0.0.1:1/otel" in done.stderr
    assert "hidden-word" not in done.stderr
    assert report("clickhouse://127.0.0.1/otel", "other.jsonl").exit_code == 2
