# SPDX-License-Identifier: Apache-2.0
"""`spancost price` and `spancost explain`: their contracts with scripts and with people."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from spancost.config import data
from tests.core.test_price_vectors import SMALL

AT = "2026-11-18T15:04:05Z"


def run(*arguments: str, lines: str | bytes = "") -> Result:
    """Run the command with *lines* on standard input."""
    return CliRunner().invoke(main, list(arguments), input=lines)


def call(**changes: Any) -> dict[str, Any]:
    """Return a call of the small card, with changes."""
    return {"id": 1, "provider": "openai", "model": "gpt-a", "timestamp": AT, "usage": {"input_tokens": 10}, **changes}


def answers(result: Result) -> list[dict[str, Any]]:
    """Return the lines of standard output."""
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_an_answer_holds_what_the_contract_names() -> None:
    """One object a line with the cost as exact decimal text."""
    result = run("price", "--card", str(SMALL), lines=json.dumps(call(usage={"input_tokens": 10, "output_tokens": 2})))
    answer = answers(result)[0]
    version = answer.pop("pricing_version")
    assert answer == {
        "id": 1,
        "status": "priced",
        "cost_usd": "0.000055",
        "line_items": [
            {"meter": "input_tokens", "quantity": 10, "price": "2.5", "per": 1000000, "cost_usd": "0.000025"},
            {"meter": "output_tokens", "quantity": 2, "price": "15", "per": 1000000, "cost_usd": "0.00003"},
        ],
        "rate_id": "openai/gpt-a@launch",
    }
    assert version.startswith("20")
    assert result.exit_code == 0


@pytest.mark.parametrize("identity", [None, 0, 7, 1.5, "x", True, ["a"], {"b": 1}, "ü\n"])
def test_an_id_of_any_type_is_copied_through(identity: Any) -> None:
    """Scripts join by it."""
    result = run("price", "--card", str(SMALL), lines=json.dumps(call(id=identity)))
    assert answers(result)[0]["id"] == identity


@pytest.mark.parametrize(
    ("line", "identity", "said"),
    [
        ("{", None, "no JSON"),
        ("[1]", None, "expected an object"),
        (json.dumps(call(id="a", provider=5)), "a", "provider: found a number"),
        (json.dumps({"id": 2, "provider": "openai", "timestamp": AT, "usage": {}}), 2, "model: found nothing"),
        (json.dumps(call(timestamp="yesterday")), 1, "timestamp: found 'yesterday'"),
        (json.dumps(call(timestamp="2026-11-18T15:04:05")), 1, "no offset"),
        (json.dumps(call(timestamp=5)), 1, "timestamp: found a number"),
        (json.dumps(call(timestamp="2026-11-18")), 1, "timestamp: found '2026-11-18' (Invalid"),
        (json.dumps(call(timestamp="20261118T150405Z")), 1, "timestamp: found '20261118T150405Z' (Invalid"),
        (json.dumps(call(timestamp="2262-04-11T23:47:16Z")), 1, "it is centuries away"),
        (json.dumps(call(usage=[1])), 1, "usage: found a list"),
        (json.dumps(call(context={"speed": 2})), 1, "context.speed: found a number"),
        (json.dumps(call(modle="gpt-a")), 1, "modle: found an unknown key"),
        ("[" * 100_000, None, "no JSON"),
    ],
)
def test_a_bad_line_is_answered_in_its_place_and_fails_at_the_end(line: str, identity: Any, said: str) -> None:
    """The lines around it are priced; nothing but answers is on standard output."""
    good = json.dumps(call(id="good"))
    result = run("price", "--card", str(SMALL), lines=f"{good}\n{line}\n\n{good}\n")
    before, bad, after = answers(result)
    assert before["cost_usd"] == after["cost_usd"] == "0.000025"
    assert set(bad) == {"id", "error"}
    assert bad["id"] == identity
    assert said in bad["error"]
    assert result.exit_code == 1


def test_bytes_that_are_no_text_are_a_bad_line() -> None:
    """They do not end the run."""
    result = run("price", "--card", str(SMALL), lines=b'\xff\xfe\n{"id":1}\n')
    assert len(answers(result)) == 2
    assert result.exit_code == 1


@pytest.mark.parametrize("quantity", ["NaN", "Infinity", "-1", "1e999999999", "1e-999999999", "9" * 4_000, "[]"])
def test_absurd_quantities_are_unpriced_with_a_reason(quantity: str) -> None:
    """They are calls, so they have a status, not an error, and they take no time."""
    line = json.dumps(call(usage={"input_tokens": 0})).replace('"input_tokens": 0', f'"input_tokens": {quantity}')
    result = run("price", "--card", str(SMALL), lines=line)
    answer = answers(result)[0]
    assert (answer["status"], answer["reason"], answer["cost_usd"]) == ("unpriced", "bad_usage", None)
    assert result.exit_code == 0


def test_a_card_is_named_by_file_or_version(tmp_path: Path) -> None:
    """Every released version prices as it did."""
    line = json.dumps(call(model="gpt-4o"))
    for version in data.versions():
        assert answers(run("price", "--card", version, lines=line))[0]["pricing_version"] == version
    changed = tmp_path / "card.jsonl"
    changed.write_bytes(SMALL.read_bytes().replace(b"2500000000", b"2500000001", 1))
    refused = run("price", "--card", str(changed), lines=line)
    assert refused.exit_code == 1
    assert refused.stdout == ""
    assert "card.jsonl: found content with hash" in refused.stderr
    unknown = run("price", "--card", "2020.01.01-000000000000", lines=line)
    assert "which is not in this release" in unknown.stderr


def test_explain_shows_prices_multipliers_and_sources() -> None:
    """What people read to see how a cost comes about."""
    options = ["--provider", "anthropic", "--model", "claude-a-20260101", "--batch", "--context", "inference_geo=us"]
    usage = ["--usage", "input_tokens=1000", "--usage", "web_searches=2"]
    result = run("explain", *options, *usage, "--at", AT, "--card", str(SMALL))
    text = " ".join(result.stdout.split())
    assert "input_tokens 1,000 $5.00 per 1M 0.55 $0.00275" in text
    assert "web_searches 2 $10.00 per 1k $0.02" in text
    assert "total $0.02275" in text
    assert "conditions batch, us" in text
    assert "https://example.com/anthropic" in text
    assert "read on the provider's page (2026-11-01)" in text


def test_explain_reads_a_call_and_an_enriched_span() -> None:
    """The span's own cost is compared with the cost worked out anew."""
    version = data.default_card().version
    attributes = {
        "llm.provider": "openai",
        "llm.model": "gpt-4o",
        "llm.input_tokens": 1000,
        "llm.output_tokens": 100,
        "llm.pricing_version": version,
        "llm.request_cost_usd": 0.0035,
    }
    flat = run("explain", lines=json.dumps({"timestamp": AT, "attributes": attributes}))
    assert ": match" in flat.stdout
    kinds = {str: "stringValue", int: "intValue", float: "doubleValue"}
    listed = [
        {"key": key, "value": {kinds[type(value)]: str(value) if isinstance(value, int) else value}}
        for key, value in {**attributes, "llm.request_cost_usd": 0.5}.items()
    ]
    otlp = run("explain", lines=json.dumps({"startTimeUnixNano": "1795000000000000000", "attributes": listed}))
    assert ": MISMATCH" in otlp.stdout


@pytest.mark.parametrize(
    ("arguments", "lines", "said"),
    [
        ([], "nonsense", "no JSON"),
        ([], "{}", "attributes: found none"),
        ([], '{"attributes": {}}', "expected a call or an enriched span"),
        (["--provider", "openai", "--model", "gpt-4o", "--usage", "input_tokens"], "", "expected NAME=VALUE"),
        (["--provider", "openai", "--model", "gpt-4o", "--usage", "input_tokens=many"], "", "expected a number"),
        (["--provider", "openai"], "", "model: found nothing"),
        (["--model", "gpt-4o"], "", "--provider: found none beside --model"),
        (
            ["--provider", "openai", "--model", "gpt-4o", "--usage", "tokens=5"],
            "",
            "found 'tokens', which is not a meter",
        ),
        (["--provider", "openai", "--model", "gpt-4o", "--card", "gone"], "", "rate card: found no file 'gone'"),
        ([], '{"attributes": {"llm.pricing_version": "x"}}', "llm.pricing_version: found 'x'"),
        ([], '{"attributes": [5]}', "span.attributes[0]: found a number"),
        (
            [],
            '{"attributes": {"llm.pricing_version": "2026.11.22-000000000000"}, "startTimeUnixNano": "9e9"}',
            "startTimeUnixNano: found '9e9'",
        ),
        (
            [],
            '{"attributes": {"llm.pricing_version": "2026.11.22-000000000000"}, "startTimeUnixNano": 1'
            + "0" * 40
            + "}",
            "expected nanoseconds since 1970",
        ),
    ],
)
def test_explain_says_what_is_wrong(arguments: list[str], lines: str, said: str) -> None:
    """An error in one sentence, and no traceback."""
    result = run("explain", *arguments, lines=lines)
    assert result.exit_code == 1
    assert said in result.stderr


@pytest.mark.parametrize("quantity", ["1e9999999", "9" * 5_000, "NaN", "-1"])
def test_explain_takes_no_time_for_an_absurd_quantity(quantity: str) -> None:
    """It is unpriced, as in `price`."""
    result = run("explain", "--provider", "openai", "--model", "gpt-4o", "--usage", f"input_tokens={quantity}")
    assert "bad_usage" in result.stdout


def test_explain_refuses_times_at_the_end_of_the_calendar() -> None:
    """They are no 64-bit number of nanoseconds, and an offset can lead out of the years that a calendar has."""
    options = ["--provider", "openai", "--model", "gpt-4o", "--usage", "input_tokens=5"]
    for at in ("9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"):
        assert "it is centuries away" in run("explain", *options, "--at", at).stderr


def test_explain_takes_a_cost_that_is_no_number_for_another() -> None:
    """What a span says is from outside."""
    attributes = {
        "llm.provider": "openai", "llm.model": "gpt-4o", "llm.input_tokens": 5,
        "llm.pricing_version": data.default_card().version, "llm.request_cost_usd": "x",
    }  # fmt: skip
    result = run("explain", lines=json.dumps({"timestamp": AT, "attributes": attributes}))
    assert ": MISMATCH" in result.stdout


@pytest.mark.parametrize("identity", ["NaN", "Infinity", "1e999"])
def test_an_id_that_is_no_number_of_json_comes_back_as_text(identity: str) -> None:
    """What is printed can be read by any reader of JSON."""
    line = json.dumps(call(id=0)).replace('"id": 0', f'"id": {identity}')
    result = run("price", "--card", str(SMALL), lines=line)
    assert json.loads(result.stdout, parse_constant=pytest.fail)["id"] in (identity, "1E+999")


def test_explain_says_why_there_is_no_cost() -> None:
    """The reason's code and its sentence."""
    result = run("explain", "--provider", "openai", "--model", "gpt-99", "--usage", "input_tokens=5")
    assert "cost unknown  (unpriced)" in result.stdout
    assert "unknown_model: The rate card has no entry with exactly this model name." in result.stdout
