# SPDX-License-Identifier: Apache-2.0
"""`spancost enrich`: lines in, lines out, in order; bad lines are named and told by the exit status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from spancost.cli import main
from spancost.store.otlp_json import plain

NOW = 1_760_000_000_000_000_000


def request(span: int, parent: int | None = None, **attributes: Any) -> dict[str, Any]:
    return {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {
                        "scope": {"name": "opentelemetry.instrumentation.genai.openai", "version": "1.3b0"},
                        "spans": [
                            {
                                "traceId": f"{1:032x}",
                                "spanId": f"{span:016x}",
                                "parentSpanId": f"{parent:016x}" if parent else "",
                                "name": "chat gpt-4o",
                                "startTimeUnixNano": str(NOW + span),
                                "endTimeUnixNano": str(NOW + 100 - span),
                                "attributes": [
                                    {
                                        "key": key,
                                        "value": {"intValue": str(value)}
                                        if isinstance(value, int)
                                        else {"stringValue": value},
                                    }
                                    for key, value in attributes.items()
                                ],
                            }
                        ],
                    }
                ]
            }
        ]
    }


def call(span: int, parent: int | None = None) -> dict[str, Any]:
    words = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 1000,
        "gen_ai.usage.output_tokens": 100,
    }
    return request(span, parent, **words)


def attributes(line: str) -> dict[str, Any]:
    (resource,) = json.loads(line)["resourceSpans"]
    return {entry["key"]: plain(entry["value"]) for entry in resource["scopeSpans"][0]["spans"][0]["attributes"]}


def enrich(*arguments: str, lines: list[Any] | None = None) -> Result:
    text = "".join(line if isinstance(line, str) else json.dumps(line) + "\n" for line in lines or [])
    return CliRunner().invoke(main, ["enrich", *arguments], input=text)


def test_all_lines_are_one_set_in_hand() -> None:
    done = enrich(lines=[call(2, 1), request(1)])
    assert done.exit_code == 0
    first, second = map(attributes, done.stdout.splitlines())
    # gpt-4o, 9 October 2025: 2.50 USD and 10.00 USD for a million tokens (openai.com/api/pricing).
    assert first["llm.request_cost_usd"] == 0.0035
    assert first["llm.cost_status"] == "priced"
    assert first["llm.pricing_version"] and first["llm.rate_id"]
    assert second["llm.trace_cost_usd"] == 0.0035
    assert second["llm.subtree_requests"] == 1
    assert type(second["llm.trace_cost_usd"]) is float


def test_each_line_is_its_own_set() -> None:
    done = enrich("--each", lines=[call(2, 1), request(1)])
    first, second = map(attributes, done.stdout.splitlines())
    assert first["llm.trace_cost_usd"] == 0.0035
    assert second == {}


def test_files_and_a_file_of_one_request_over_many_lines(tmp_path: Path) -> None:
    lines, whole = tmp_path / "lines.jsonl", tmp_path / "whole.json"
    lines.write_text(json.dumps(call(2, 1)) + "\n", encoding="utf-8")
    whole.write_text(json.dumps(request(1), indent=2), encoding="utf-8")
    done = enrich(str(lines), str(whole))
    assert [bool(attributes(line).get("llm.trace_cost_usd")) for line in done.stdout.splitlines()] == [False, True]


@pytest.mark.parametrize("each", [[], ["--each"]])
def test_a_bad_line_is_named_and_the_others_go_on(each: list[str]) -> None:
    done = enrich(*each, lines=[call(2), "{nonsense\n", {"resourceSpans": 5}, call(3)])
    assert done.exit_code == 1
    good, broken, wrong, last = done.stdout.splitlines()
    assert attributes(good)["llm.request_cost_usd"] == attributes(last)["llm.request_cost_usd"] == 0.0035
    assert "line 2: found no JSON" in json.loads(broken)["error"]
    assert json.loads(wrong) == {"id": None, "error": "request.resourceSpans: found a number, expected a list"}


def test_an_existing_provider_is_put_into_our_words_unless_kept() -> None:
    line = call(2)
    span = line["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span["attributes"] += [{"key": "llm.provider", "value": {"stringValue": "OpenAI"}}]
    assert attributes(enrich(lines=[line]).stdout)["llm.provider"] == "openai"
    assert attributes(enrich("--keep-provider", lines=[line]).stdout)["llm.provider"] == "OpenAI"


def test_usage_in_a_response_is_read_unless_switched_off() -> None:
    answer = json.dumps({"usage": {"cache_read_input_tokens": 600}, "content": "private"})
    words = {
        "gen_ai.span.kind": "LLM",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "claude-sonnet-4-5",
    }
    line = request(
        2, None, **words, **{"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 9, "output.value": answer}
    )
    line["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"] = "traceai_anthropic"
    unread = attributes(enrich("--no-read-responses", lines=[line]).stdout)
    assert (unread["llm.input_tokens"], unread["llm.cost_reason"]) == (100, "cache_not_reported")
    read = attributes(enrich(lines=[line]).stdout)
    assert (read["llm.input_tokens"], read["llm.cost_status"]) == (700, "priced")
    assert "private" not in json.dumps({key: value for key, value in read.items() if key.startswith("llm.")})


def test_nothing_in_nothing_out() -> None:
    done = enrich(lines=[])
    assert (done.exit_code, done.stdout) == (0, "")


def test_text_that_is_no_text_passes() -> None:
    line = json.dumps(request(2, None, note="half a pair: \ud800 and é"))
    done = enrich(lines=[line + "\n"])
    assert done.exit_code == 0
    assert attributes(done.stdout)["note"] == "half a pair: ? and é"


@pytest.mark.parametrize("command", ["enrich", "verify", "doctor"])
@pytest.mark.parametrize("text", ["[" * 100_000, '{"resourceSpans":' + "[" * 100_000])
def test_a_document_too_deep_to_be_read_is_a_bad_line(command: str, text: str, tmp_path: Path) -> None:
    """It is named as any other."""
    path = tmp_path / "deep.json"
    path.write_text(text, encoding="utf-8")
    done = CliRunner().invoke(main, [command, str(path)])
    assert done.exit_code == 1
    assert "found no JSON" in done.stdout


def test_emitters_are_read_as_a_file_describes_them(tmp_path: Path) -> None:
    path = tmp_path / "emitters.yaml"
    path.write_text(
        "emitters:\n  - name: acme\n    detect_by: [acme.model]\n    provider: openai\n"
        "    keys: {model: acme.model, input_tokens: acme.in, output_tokens: acme.out}\n"
    )
    line = request(2, None, **{"acme.model": "gpt-4o", "acme.in": 1000, "acme.out": "100"})
    line["resourceSpans"][0]["scopeSpans"][0]["scope"]["name"] = "acme"
    assert attributes(enrich(lines=[line]).stdout).get("llm.request_cost_usd") is None
    assert attributes(enrich("--emitters", str(path), lines=[line]).stdout)["llm.request_cost_usd"] == 0.0035


def test_a_wrong_file_of_emitters_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "emitters.yaml"
    path.write_text("emitters: [{scopes: [acme]}]")
    done = enrich("--emitters", str(path), lines=[call(2)])
    assert done.exit_code == 1
    assert "emitters[0]: found neither keys nor provider; expected one of them" in done.stderr


def test_a_contract_says_that_costs_stay_unless_they_are_priced_again(tmp_path: Path) -> None:
    """`--contract` on priced spans changes nothing and says so; with `--reprice` calls and totals are new."""
    contract = tmp_path / "contract.yaml"
    contract.write_text(
        "contract: 1\nname: half\nterms: [{id: half, match: {provider: openai}, discount: 50%}]\n", encoding="utf-8"
    )
    source = tmp_path / "spans.jsonl"
    source.write_text("".join(json.dumps(each) + "\n" for each in (request(1), call(2, 1))), encoding="utf-8")
    priced = tmp_path / "priced.jsonl"
    runner = CliRunner()
    priced.write_text(runner.invoke(main, ["enrich", str(source)]).stdout, encoding="utf-8")
    kept = runner.invoke(main, ["enrich", str(priced), "--contract", str(contract)])
    assert kept.stdout == priced.read_text(encoding="utf-8")
    assert "1 span had a cost and kept it; --reprice" in kept.stderr
    again = runner.invoke(main, ["enrich", str(priced), "--contract", str(contract), "--reprice"])
    directly = runner.invoke(main, ["enrich", str(source), "--contract", str(contract)])
    assert again.stderr == ""
    assert again.stdout == directly.stdout
    assert "0.00175" in again.stdout
