# SPDX-License-Identifier: Apache-2.0
"""Every injected dollar lands in its class, and nothing else moves."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from tests.bills.month import Billed, MonthCall, billed, costs_csv, month, spans_file

ZERO = Fraction(0)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["reconcile", *arguments])


def answered(source: Path, *bills: Path, options: tuple[str, ...] = ()) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    named = [part for bill in bills for part in ("--bill", str(bill))]
    done = run(str(source), *named, *options, "--format", "json")
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return rows[:-1], rows[-1]


def dollars(rows: list[dict[str, Any]]) -> dict[tuple[str, str | None], Fraction]:
    """Return class and cause -> dollars, of what is not zero."""
    found: dict[tuple[str, str | None], Fraction] = {}
    for row in rows:
        key = (row["class"], row["cause"])
        found[key] = found.get(key, ZERO) + Fraction(row["difference_usd"])
    return {key: usd for key, usd in found.items() if usd}


def cost(calls: list[MonthCall]) -> Fraction:
    return sum((line.amount for line in billed(calls)), ZERO)


def test_the_same_calls_match_to_the_last_digit(tmp_path: Path) -> None:
    calls = month()
    rows, summary = answered(spans_file(tmp_path / "s.jsonl", calls), costs_csv(tmp_path / "b.csv", billed(calls)))
    assert {row["class"] for row in rows} == {"matched"}
    assert Fraction(summary["bill_usd"]) == Fraction(summary["ours_usd"]) == cost(calls)
    assert (summary["difference_usd"], summary["coverage"], summary["unexplained_usd"]) == ("0", "1.000000", "0")


def test_a_service_that_is_not_instrumented(tmp_path: Path) -> None:
    calls = month()
    seen = [call for call in calls if call.service == "shop"]
    missing = cost([call for call in calls if call.service != "shop"])
    rows, summary = answered(spans_file(tmp_path / "s.jsonl", seen), costs_csv(tmp_path / "b.csv", billed(calls)))
    assert dollars(rows) == {("quantity", "not_instrumented"): missing}
    assert float(summary["coverage"]) < 0.8


def test_calls_that_are_in_the_spans_twice(tmp_path: Path) -> None:
    calls = month()
    again = calls[3:20:4]
    rows, _ = answered(spans_file(tmp_path / "s.jsonl", calls + again), costs_csv(tmp_path / "b.csv", billed(calls)))
    assert dollars(rows) == {("quantity", "duplicated"): -cost(again)}


def test_attempts_that_were_retried_and_billed(tmp_path: Path) -> None:
    """The spans hold a failed call without usage; the bill holds what the provider did for it."""
    calls = month()
    lost = calls[5]
    failed = lost._replace(input=0, cached=0, output=0, failed=True)
    spans = spans_file(tmp_path / "s.jsonl", [*(call for call in calls if call is not lost), failed])
    rows, _ = answered(spans, costs_csv(tmp_path / "b.csv", billed(calls)))
    assert dollars(rows) == {("quantity", "retried"): cost([lost])}


def test_a_cached_part_that_the_spans_do_not_tell(tmp_path: Path) -> None:
    calls = month()
    blind = [call._replace(cached=0) for call in calls]
    rows, _ = answered(spans_file(tmp_path / "s.jsonl", blind), costs_csv(tmp_path / "b.csv", billed(calls)))
    assert dollars(rows) == {("quantity", "cache_split"): cost(calls) - cost(blind)}


def test_a_price_that_changed(tmp_path: Path) -> None:
    def doubled(line: Billed) -> Billed:
        return line._replace(amount=line.amount * 2) if line.model == "gpt-4o" and line.meter == 2 else line

    calls = month()
    bill = costs_csv(tmp_path / "b.csv", billed(calls), doubled)
    rows, _ = answered(spans_file(tmp_path / "s.jsonl", calls), bill)
    extra = sum((line.amount for line in billed(calls) if line.model == "gpt-4o" and line.meter == 2), ZERO)
    assert dollars(rows) == {("rate", None): extra}
    hint = next(row["hint"] for row in rows if row["class"] == "rate")
    assert "the bill has 20, the spans have 10 USD per million" in hint


def test_a_price_that_changed_on_a_bill_without_quantities(tmp_path: Path) -> None:
    """The same ratio on every day is a price; a service that is missing has another ratio each day."""
    calls = month()
    bill = costs_csv(tmp_path / "b.csv", billed(calls), lambda line: line._replace(amount=line.amount * 6 / 5))
    text = bill.read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in text]
    bare = [[*row[:4], *(row[4:6] if not number else ["", ""]), *row[6:]] for number, row in enumerate(rows)]
    bill.write_text("\n".join(",".join(row) for row in bare) + "\n", encoding="utf-8")
    found, _ = answered(spans_file(tmp_path / "s.jsonl", calls), bill)
    assert dollars(found) == {("rate", None): cost(calls) / 5}
    seen = [call for call in calls if call.service == "shop"]
    other, _ = answered(spans_file(tmp_path / "s2.jsonl", seen), bill)
    assert {name for name, _ in dollars(other)} == {"quantity"}


def test_calls_that_were_served_in_another_tier(tmp_path: Path) -> None:
    """Spans say standard, the bill has a part of them in the batch tier at half the price."""
    calls = month()
    moved = [call._replace(tier="batch") if call.at.day == 3 and call.model == "gpt-4o" else call for call in calls]

    def half(line: Billed) -> Billed:
        return line._replace(amount=line.amount / 2) if line.tier == "batch" else line

    served = [call for call in moved if call.tier]
    rest = [call if index % 4 else call._replace(tier="") for index, call in enumerate(moved)]
    bill = costs_csv(tmp_path / "b.csv", billed(rest), half)
    rows, _ = answered(spans_file(tmp_path / "s.jsonl", calls), bill)
    assert served
    assert {name for name, _ in dollars(rows)} == {"quantity"}
    assert {cause for _, cause in dollars(rows)} == {"tier_moved"}


def test_a_bill_that_is_rounded_to_cents(tmp_path: Path) -> None:
    """Exports of the console round each row: that is no difference."""
    header = (
        "usage_date_utc,model,workspace,api_key,usage_type,context_window,token_type,cost_usd,list_price_usd,cost_type"
    )
    bill = tmp_path / "console.csv"
    bill.write_text(
        f"{header}\n2026-11-01,Claude Haiku 4.5,w,k,message,≤ 200k,output,0.01,0.01,token_usage\n", encoding="utf-8"
    )
    spans = spans_file(tmp_path / "s.jsonl", [])
    lines = month()[:1]
    text = spans_file(spans, [lines[0]._replace(model="claude-haiku-4-5", input=0, cached=0, output=2500)]).read_text()
    spans.write_text(text.replace('"openai"', '"anthropic"'), encoding="utf-8")
    rows, _ = answered(spans, bill)
    assert [(row["class"], row["meter"]) for row in rows if row["meter"] == "output_tokens"] == [
        ("matched", "output_tokens")
    ]


def test_cents_that_were_read_as_dollars(tmp_path: Path) -> None:
    calls = month()
    bill = costs_csv(tmp_path / "b.csv", billed(calls), lambda line: line._replace(amount=line.amount * 100))
    rows, _ = answered(spans_file(tmp_path / "s.jsonl", calls), bill)
    assert dollars(rows) == {("unit_slip", None): cost(calls) * 99}


def test_days_that_are_not_settled_are_open(tmp_path: Path) -> None:
    calls = month()
    short = [line for line in billed(calls) if line.day.day < 5]
    bill = costs_csv(
        tmp_path / "b.csv",
        [*short, *(line._replace(amount=line.amount / 2) for line in billed(calls) if line.day.day == 5)],
    )
    rows, summary = answered(spans_file(tmp_path / "s.jsonl", calls), bill, options=("--as-of", "2026-11-06T03:00Z"))
    assert {row["class"] for row in rows if row["day"] == "2026-11-05"} == {"open"}
    assert {row["class"] for row in rows if row["day"] != "2026-11-05"} == {"matched"}
    assert summary["settled_until"] == "2026-11-05"


def test_credits_models_and_lines_that_only_the_bill_has(tmp_path: Path) -> None:
    calls = month()
    bill = costs_csv(tmp_path / "b.csv", billed(calls))
    with bill.open("a", encoding="utf-8") as file:
        day = "2026-11-02T00:00:00+00:00,2026-11-03T00:00:00+00:00"
        for amount, text in (("-5", "promotional credit"), ("3", "flux capacitor"), ("1", '"gpt-4.1, output"')):
            file.write(f"{day},{amount},usd,,,{text},1762041600,1762128000,p\n")
    rows, _ = answered(spans_file(tmp_path / "s.jsonl", calls), bill)
    assert {(row["meter"], row["difference_usd"]) for row in rows if row["class"] == "only_on_bill"} == {
        ("credit", "-5"), ("flux capacitor", "3"), ("output_tokens", "1"),
    }  # fmt: skip
    assert sum(dollars(rows).values()) == -1


def test_the_dollars_of_all_classes_add_up(tmp_path: Path) -> None:
    """Several differences at once: bill less spans is the sum of the rows."""
    calls = month(2)
    seen = [call for call in calls if call.service == "shop"] + calls[:3]
    bill = costs_csv(tmp_path / "b.csv", billed(calls), lambda line: line._replace(amount=line.amount * 11 / 10))
    rows, summary = answered(spans_file(tmp_path / "s.jsonl", seen), bill)
    assert sum(dollars(rows).values()) == Fraction(summary["difference_usd"])
    assert {name for name, _ in dollars(rows)} >= {"quantity", "rate"}


@pytest.mark.parametrize(
    ("change", "options", "expected"),
    [
        (lambda text: text.replace("2026-11-", "2025-03-"), (), "none of them in that time"),
        (lambda text: text.replace(",usd,", ",eur,"), (), "found an amount in EUR; expected USD"),
        (lambda text: text, ("--provider", "anthropic"), "no line of anthropic on the bill"),
        (lambda text: text, ("--fail-over", "much"), "--fail-over: found 'much'"),
        (lambda text: "hello\n", (), "expected the heading of a CSV file"),
    ],
)
def test_wrong_bills_exit_with_a_sentence(
    change: Callable[[str], str], options: tuple[str, ...], expected: str, tmp_path: Path
) -> None:
    calls = month()
    bill = costs_csv(tmp_path / "b.csv", billed(calls))
    bill.write_text(change(bill.read_text(encoding="utf-8")), encoding="utf-8")
    done = run(str(spans_file(tmp_path / "s.jsonl", calls)), "--bill", str(bill), *options)
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert expected in done.stderr


def test_the_exit_status_follows_the_share(tmp_path: Path) -> None:
    calls = month()
    spans = spans_file(tmp_path / "s.jsonl", calls[2:])
    bill = costs_csv(tmp_path / "b.csv", billed(calls))
    for share, status in (("0.1%", 1), ("50%", 0)):
        done = run(str(spans), "--bill", str(bill), "--fail-over", share)
        assert done.exit_code == status
        assert "not_instrumented" in done.stdout
