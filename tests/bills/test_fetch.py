# SPDX-License-Identifier: Apache-2.0
"""`bill fetch` against a local server, with the real SDKs: pages, literals, errors, and a key that appears nowhere."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner, Result

from spancost.bills.fetch import SOURCES, first_open_day
from spancost.bills.line import BillError
from spancost.bills.reader import read_bill, read_bills
from spancost.cli import main
from tests.bills.provider_server import Provider, provider

KEY = "sk-secret-1234567890"
DAY_S = 86_400
YESTERDAY = datetime.now(timezone.utc).date() - timedelta(days=1)
START_S = int(datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, tzinfo=timezone.utc).timestamp())
LITERAL = "0.1000000000000000055511151231257827"
"""A number that no float holds."""


class Case(NamedTuple):
    """A provider's report: its path, a page with one amount or quantity, and what is read of it."""

    provider: str
    report: str
    path: str
    rows: str
    source: str

    @property
    def first(self) -> str:
        """Return the page token, or the day, of the first request."""
        return str(YESTERDAY) if self.provider == "openrouter" else ""

    def page(self, rows: str | None = None, rest: str = '"has_more": false, "next_page": null') -> str:
        return f'{{"object": "page",\r\n "data": [{self.rows if rows is None else rows}], {rest}}}'


def openai_bucket(start_s: int, results: str) -> str:
    return f'{{"object": "bucket", "start_time": {start_s}, "end_time": {start_s + DAY_S}, "results": [{results}]}}'


COST = Case(
    "openai",
    "cost",
    "/organization/costs",
    openai_bucket(
        START_S,
        f'{{"object": "organization.costs.result", "amount": {{"value": {LITERAL}, "currency": "usd"}},'
        ' "line_item": "gpt-4o, input", "quantity": 1e3, "quantity_unit": "tokens", "project_id": "p\u2028q"}',
    ),
    "openai_costs",
)
ROW = f'"starting_at": "{YESTERDAY}T00:00:00Z", "ending_at": "{YESTERDAY + timedelta(days=1)}T00:00:00Z"'
CASES = [
    COST,
    Case(
        "openai",
        "usage",
        "/organization/usage/completions",
        openai_bucket(
            START_S,
            '{"object": "organization.usage.completions.result", "input_tokens": 1000, "input_cached_tokens": 600,'
            ' "output_tokens": 50, "num_model_requests": 3, "model": "gpt-4o", "batch": true}',
        ),
        "openai_usage_completions",
    ),
    Case(
        "anthropic",
        "cost",
        "/v1/organizations/analytics/cost",
        f'{{{ROW}, "group": {{"model": "claude-haiku-4-5", "token_type": "output_tokens", "cost_type": "tokens"}},'
        f' "cost": {{"amount": "{LITERAL}", "list_amount": "150", "currency": "USD", "requests": null}}}}',
        "anthropic_analytics_cost",
    ),
    Case(
        "anthropic",
        "usage",
        "/v1/organizations/analytics/usage",
        f'{{{ROW}, "group": {{"model": "claude-haiku-4-5"}}, "usage": {{"uncached_input_tokens": 10,'
        ' "output_tokens": 5, "requests": 1}}',
        "anthropic_analytics_usage",
    ),
    Case(
        "openrouter",
        "cost",
        "/activity",
        f'{{"date": "{YESTERDAY}", "model": "openai/gpt-4o", "model_permaslug": "openai/gpt-4o", "usage": {LITERAL},'
        ' "requests": 5, "prompt_tokens": 1000, "completion_tokens": 100, "cached_tokens": 400}',
        "openrouter_activity",
    ),
]
OF_EACH = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.provider}-{case.report}")
PAGED = pytest.mark.parametrize(
    "case", [case for case in CASES if case.provider != "openrouter"], ids=lambda case: f"{case.provider}-{case.report}"
)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Set all keys, and check that no log has one."""
    caplog.set_level(logging.DEBUG)
    for source in SOURCES.values():
        monkeypatch.setenv(source.key, KEY)
    yield
    assert KEY not in caplog.text


def fetch(case: Case, server: Provider | str, path: Path, *more: str) -> Result:
    """Run the command for yesterday, and check that neither output nor any file has the key."""
    url = server if isinstance(server, str) else server.url
    options = ["--report", case.report, "--since", str(YESTERDAY), "--out", str(path), "--base-url", url, *more]
    result = CliRunner().invoke(main, ["bill", "fetch", case.provider, *options])
    assert KEY not in result.output
    assert KEY not in repr(result.exception)
    assert not any(KEY in file.read_text(encoding="utf-8") for file in path.parent.iterdir())
    return result


@OF_EACH
def test_what_is_fetched_is_what_bill_show_reads(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    with provider({(case.path, case.first): case.page()}) as server:
        result = fetch(case, server, path)
    assert result.exit_code == 0, result.output
    assert [file.name for file in tmp_path.iterdir()] == ["bill.jsonl"]
    lines = path.read_bytes().split(b"\n")
    assert json.loads(lines[0])["fetched"]["form"] == case.source
    assert [json.loads(line) for line in lines[1:-1]] == [json.loads(case.page())]
    assert lines[-1] == b""
    assert (LITERAL in path.read_text(encoding="utf-8")) == (case.report == "cost")
    _, bill = read_bill(path)
    assert bill.source == case.source
    assert bill.lines
    assert {line.start.date() for line in bill.lines} == {YESTERDAY}
    assert {value for header in server.headers for value in header.values() if KEY in value} in (
        {f"Bearer {KEY}"},
        {KEY},
    )
    shown = CliRunner().invoke(main, ["bill", "show", str(path)])
    assert shown.exit_code == 0, shown.output
    assert case.source in shown.output


@PAGED
def test_a_page_token_goes_with_the_query_that_it_came_from(case: Case, tmp_path: Path) -> None:
    empty = openai_bucket(START_S - DAY_S, "") if case.provider == "openai" else ""
    answers: dict[tuple[str, str], str | int] = {
        (case.path, ""): case.page(empty, '"has_more": true, "next_page": "page_2"'),
        (case.path, "page_2"): case.page(),
    }
    with provider(answers) as server:
        result = fetch(case, server, tmp_path / "bill.jsonl")
    assert result.exit_code == 0, result.output
    first, second = server.queries
    assert second == {**first, "page": ["page_2"]}
    bills = read_bill(tmp_path / "bill.jsonl")
    assert sorted(len(bill.lines) > 0 for bill in bills) == [False, False, True]
    if empty:
        days = {bucket.start.date() for bill in bills[1:] for bucket in bill.buckets}
        assert days == {YESTERDAY, YESTERDAY - timedelta(days=1)}


@OF_EACH
def test_a_later_file_without_a_row_replaces_the_days_it_asked_for(case: Case, tmp_path: Path) -> None:
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    with provider({(case.path, case.first): case.page()}) as server:
        fetch(case, server, before)
    with provider({(case.path, case.first): case.page("")}) as server:
        fetch(case, server, after)
    assert any(bill.lines for bill in read_bills([after, before]))
    assert not any(bill.lines for bill in read_bills([before, after]))
    assert CliRunner().invoke(main, ["bill", "show", str(after)]).exit_code == 0


@pytest.mark.parametrize("asked", ["1", "{}", '{"form": "x", "since": "2026-11-01", "until": "2026-11-02"}'])
def test_a_first_line_that_bill_fetch_does_not_write_is_refused(asked: str, tmp_path: Path) -> None:
    path = tmp_path / "bill.jsonl"
    path.write_text(f'{{"fetched": {asked}}}\n{COST.page()}\n'.replace("\r\n", " "), encoding="utf-8")
    with pytest.raises(BillError, match="expected what `spancost bill fetch` writes"):
        read_bill(path)


@PAGED
@pytest.mark.parametrize("rest", ['"has_more": true', '"has_more": true, "next_page": "again"'])
def test_a_page_without_a_way_on_is_refused(case: Case, rest: str, tmp_path: Path) -> None:
    answers: dict[tuple[str, str], str | int] = dict.fromkeys(
        [(case.path, ""), (case.path, "again")], case.page("", rest)
    )
    with provider(answers) as server:
        result = fetch(case, server, tmp_path / "bill.jsonl")
    assert result.exit_code == 2
    assert "next_page" in result.output
    assert not list(tmp_path.iterdir())


def test_a_long_range_of_anthropic_is_asked_in_windows_of_31_days(tmp_path: Path) -> None:
    case = CASES[2]
    with provider({(case.path, ""): case.page()}) as server:
        result = fetch(case, server, tmp_path / "bill.jsonl", "--since", str(YESTERDAY - timedelta(days=40)))
    assert result.exit_code == 0, result.output
    first, second = server.queries
    assert first["ending_at"] == second["starting_at"] == [f"{YESTERDAY - timedelta(days=9)}T00:00:00Z"]


@OF_EACH
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (401, "expected {key} to be"),
        (403, "expected {key} to be"),
        (429, "too many requests"),
        (503, "found status 503 after retries"),
        (400, "bad query for [key]"),
        (302, "found status 302"),
    ],
)
def test_an_error_is_one_sentence_and_leaves_the_file_as_it_was(
    case: Case, status: int, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spancost.bills.fetch_openrouter._PAUSES_S", (0.0, 0.0))
    path = tmp_path / "bill.jsonl"
    path.write_text("before", encoding="utf-8")
    with provider({(case.path, case.first): status}) as server:
        result = fetch(case, server, path)
    assert result.exit_code == 2
    assert expected.format(key=SOURCES[case.provider].key) in result.output
    assert result.output.count("\n") == 1
    assert result.output.startswith(f"Error: {case.provider}: found status {status}")
    assert len(server.queries) == (3 if status in (429, 503) else 1)
    assert path.read_text(encoding="utf-8") == "before"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[4]], ids=lambda case: case.provider)
def test_no_network_is_one_sentence(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spancost.bills.fetch_openrouter._PAUSES_S", ())
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    result = fetch(case, f"http://127.0.0.1:{port}", tmp_path / "bill.jsonl")
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: {case.provider}: cannot be reached")
    assert not list(tmp_path.iterdir())


def test_activity_of_another_day_is_refused(tmp_path: Path) -> None:
    """A server that ignores the day would give each day's money many times."""
    case = CASES[-1]
    with provider({(case.path, case.first): case.page().replace(str(YESTERDAY), "2026-01-01")}) as server:
        result = fetch(case, server, tmp_path / "bill.jsonl")
    assert result.exit_code == 2
    assert "row of another day" in result.output


@pytest.mark.parametrize("text", ["", "no json", "[]", '{"data": 1}', "\udcff"])
def test_what_is_no_page_is_refused(text: str, tmp_path: Path) -> None:
    with provider({(COST.path, ""): text.encode(errors="surrogateescape").decode("latin-1")}) as server:
        result = fetch(COST, server, tmp_path / "bill.jsonl")
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("key", ["", "sk a", "sk\n", "clé"])
def test_a_key_that_no_header_holds_is_refused(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ADMIN_KEY", key)
    result = fetch(COST, "http://127.0.0.1:9", tmp_path / "bill.jsonl")
    assert result.exit_code == 2
    assert "expected an admin key" in result.output


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com",
        "example.com",
        "https://user:word@example.com",
        "file:///x",
        "https://[",
        "https://a:99999",
        "",
    ],
)
def test_a_key_goes_out_encrypted_or_stays_on_this_machine(url: str, tmp_path: Path) -> None:
    result = fetch(COST, url, tmp_path / "bill.jsonl")
    assert result.exit_code == 2
    assert result.output.startswith("Error: --base-url: ")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--since", "yesterday"), "--since: found 'yesterday'"),
        (("--until", str(YESTERDAY)), "expected a day after"),
        (("--until", "2099-01-01"), "expected a day after"),
        (("--since", "2020-01-01"), "one of the last 30 days"),
        (("--report", "usage"), "--report: found usage"),
    ],
)
def test_a_range_that_a_provider_does_not_have_is_refused(
    options: tuple[str, str], expected: str, tmp_path: Path
) -> None:
    result = fetch(CASES[-1], "http://127.0.0.1:9", tmp_path / "bill.jsonl", *options)
    assert result.exit_code == 2
    assert expected in result.output


def test_days_that_may_change_are_named(tmp_path: Path) -> None:
    with provider({(COST.path, ""): COST.page()}) as server:
        result = fetch(COST, server, tmp_path / "bill.jsonl")
    assert f"days from {YESTERDAY} may still change" in result.stderr
    assert result.stdout == ""
    at = datetime(2026, 11, 30, 12, tzinfo=timezone.utc)
    assert [str(first_open_day(at, hours)) for hours in (0, 12, 13, 24, 48)] == [
        "2026-11-30",
        "2026-11-30",
        "2026-11-29",
        "2026-11-29",
        "2026-11-28",
    ]
