# SPDX-License-Identifier: Apache-2.0
"""Contracts in process and offline: who a call is for is read off its span, both costs are written on it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from opentelemetry.sdk.resources import Resource

import spancost
from spancost.cli import main
from spancost.store.otlp_json import plain
from tests.otel.processor.simple import Set

CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-08-06",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}
LIST = 0.0035
TEXT = """
contract: 1
name: shop
attributes: {tenant: [app.workspace_id, service.namespace]}
override: {most_usd: 1}
terms:
  - {id: acme, match: {tenant: acme, provider: openai}, discount: 20%}
  - {id: search, match: {team: search, provider: openai}, discount: 40%}
  - {id: key, match: {api_key_alias: batch-jobs}, discount: 60%}
  - {id: gpus, match: {server_address: "gpu-*"}, hardware: {usd_per_gpu_hour: 3.6, gpus: 2, share: 1/2}}
"""


@pytest.fixture
def contract(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def in_process(contract: Path, attributes: dict[str, Any], seconds: int = 0, **resource: str) -> dict[str, Any]:
    made = Set(spancost.LLMCostProcessor(contract=contract), resource=Resource(resource))
    span = made.tracer.start_span("call", start_time=10**18)
    span.set_attributes({**CALL, **attributes})
    span.end(10**18 + seconds * 10**9)
    return made.kept.of("call")


def offline(contract: Path, attributes: dict[str, Any], seconds: int = 0, **resource: str) -> dict[str, Any]:
    request = json.loads(enriched_request(contract, attributes, seconds, **resource))
    answered = request["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    return {pair["key"]: plain(pair["value"]) for pair in answered["attributes"]}


def enriched_request(contract: Path, attributes: dict[str, Any], seconds: int = 0, **resource: str) -> str:
    def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
        kinds = {bool: "boolValue", int: "intValue", float: "doubleValue", str: "stringValue"}
        return [{"key": key, "value": {kinds[type(value)]: value}} for key, value in values.items()]

    span = {
        "traceId": "1" * 32,
        "spanId": "2" * 16,
        "name": "call",
        "startTimeUnixNano": str(10**18),
        "endTimeUnixNano": str(10**18 + seconds * 10**9),
        "attributes": pairs({**CALL, **attributes}),
    }
    request = {"resourceSpans": [{"resource": {"attributes": pairs(resource)}, "scopeSpans": [{"spans": [span]}]}]}
    run = CliRunner().invoke(main, ["enrich", "--contract", str(contract)], input=json.dumps(request))
    assert run.exit_code == 0, run.output
    return run.stdout


@pytest.mark.parametrize("enriched", [in_process, offline])
@pytest.mark.parametrize(
    ("attributes", "resource", "term"),
    [
        ({"app.workspace_id": "acme"}, {}, ("acme", 0.8)),
        ({}, {"service.namespace": "acme"}, ("acme", 0.8)),
        ({"app.workspace_id": "acme", "app.team": "search"}, {}, ("search", 0.6)),
        ({"app.team": "search", "metadata.user_api_key_alias": "batch-jobs"}, {}, ("search", 0.6)),
        ({"metadata.user_api_key_alias": "batch-jobs"}, {}, ("key", 0.4)),
        ({"app.workspace_id": "other"}, {}, None),
    ],
)
def test_contract_facts_are_read_from_the_span(
    enriched: Any, attributes: dict[str, Any], resource: dict[str, str], term: Any, contract: Path
) -> None:
    """Its own attributes before those of the resource; both costs are written, and where the cost comes from."""
    found = enriched(contract, attributes, **resource)
    assert found["llm.cost_status"] == "priced"
    assert "+o" in found["llm.pricing_version"]
    if term is None:
        assert (found["llm.request_cost_usd"], found["llm.cost_source"]) == (LIST, "rate_card")
        assert "llm.list_cost_usd" not in found
    else:
        name, part = term
        assert found["llm.request_cost_usd"] == pytest.approx(LIST * part)
        assert (found["llm.list_cost_usd"], found["llm.cost_source"]) == (LIST, "contract")
        assert found["llm.rate_id"].endswith(f";contract={name}")


@pytest.mark.parametrize("enriched", [in_process, offline])
def test_machines_are_charged_for_the_duration_of_the_span(enriched: Any, contract: Path) -> None:
    """One GPU's worth at 3.6 USD an hour for 5 seconds; the span says that this is a share."""
    host = {"server.address": "gpu-3.internal", "gen_ai.provider.name": "vllm"}
    found = enriched(contract, host, 5)
    assert found["llm.request_cost_usd"] == 0.005
    assert (found["llm.cost_status"], found["llm.cost_reason"]) == ("estimated", "allocated")
    assert found["llm.cost_source"] == "hardware"


@pytest.mark.parametrize("enriched", [in_process, offline])
@pytest.mark.parametrize("value", ["0.25", 0.25])
def test_a_cost_set_by_hand_counts_where_the_contract_allows_it(enriched: Any, value: Any, contract: Path) -> None:
    """As a text or as a number; the list price stays beside it."""
    found = enriched(contract, {"spancost.cost.override_usd": value})
    assert (found["llm.request_cost_usd"], found["llm.cost_source"]) == (0.25, "manual")
    assert found["llm.list_cost_usd"] == LIST
    contract.write_text(TEXT.replace("override: {most_usd: 1}\n", ""), encoding="utf-8")
    found = enriched(contract, {"spancost.cost.override_usd": value})
    assert (found["llm.request_cost_usd"], found["llm.cost_source"]) == (LIST, "rate_card")


@pytest.mark.parametrize("enriched", [in_process, offline])
def test_what_needs_no_usage_is_priced_without(enriched: Any, contract: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines by the hour and costs set by hand; for any other call the reason is that it tells no usage."""
    for key in ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"):
        monkeypatch.delitem(CALL, key)
    found = enriched(contract, {"server.address": "gpu-3", "gen_ai.provider.name": "vllm"}, 5)
    assert (found["llm.request_cost_usd"], found["llm.cost_reason"]) == (0.005, "allocated")
    found = enriched(contract, {"spancost.cost.override_usd": "0.25"})
    assert (found["llm.request_cost_usd"], found["llm.cost_source"]) == (0.25, "manual")
    found = enriched(contract, {"app.workspace_id": "acme"})
    assert (found["llm.cost_status"], found["llm.cost_reason"]) == ("unpriced", "no_usage")


def test_a_contract_that_cannot_be_used_leaves_calls_unpriced(contract: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A list price would be a wrong number for who has a contract; the log says file, line and key."""
    contract.write_text(TEXT.replace("20%", "20"), encoding="utf-8")
    with caplog.at_level(logging.ERROR, "spancost"):
        found = in_process(contract, {})
    assert (found["llm.cost_status"], found["llm.cost_reason"]) == ("unpriced", "contract_unusable")
    assert "shop.yaml, line 7, terms[0].discount" in caplog.text


def test_the_environment_names_the_contract(contract: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`SPANCOST_CONTRACT` does what the argument does."""
    monkeypatch.setenv("SPANCOST_CONTRACT", str(contract))
    made = Set(spancost.LLMCostProcessor())
    with made.tracer.start_as_current_span("call") as span:
        span.set_attributes({**CALL, "app.workspace_id": "acme"})
    assert made.kept.of("call")["llm.cost_source"] == "contract"


def test_a_run_over_enriched_spans_changes_nothing(contract: Path) -> None:
    """What was priced under a contract is evidence, also for a run without one."""
    once = offline(contract, {"app.workspace_id": "acme"})
    again = offline(contract, {**once, "llm.cost_source": "contract"})
    assert again == once


def test_commands_take_a_contract(contract: Path, tmp_path: Path) -> None:
    """`contract` compiles it and says what it leaves out; `price` and `explain` show both prices."""
    compiled = tmp_path / "shop.json"
    run = CliRunner().invoke(main, ["contract", str(contract), "--output", str(compiled)])
    assert (run.exit_code, run.stdout) == (0, "")
    assert "4 terms" in run.stderr
    call = {"id": 1, "provider": "openai", "model": "gpt-4o", "timestamp": "2026-11-01T00:00:00Z"}
    call |= {"usage": {"input_tokens": 1000, "output_tokens": 100}, "context": {"tenant": "acme"}}
    run = CliRunner().invoke(main, ["price", "--contract", str(compiled)], input=json.dumps(call))
    answer = json.loads(run.stdout)
    assert [answer[key] for key in ("cost_usd", "list_cost_usd", "cost_source")] == ["0.0028", "0.0035", "contract"]
    run = CliRunner().invoke(main, ["explain", "--contract", str(compiled)], input=json.dumps(call))
    assert "list price   $0.0035" in run.stdout
    assert "contract=acme" in run.stdout
    run = CliRunner().invoke(main, ["price", "--contract", str(tmp_path / "none.yaml")], input=json.dumps(call))
    assert (run.exit_code, run.stdout) == (1, "")
    assert "none.yaml" in run.stderr


def test_meters_left_at_list_price_are_reported(tmp_path: Path) -> None:
    """Meters, steps and tiers that a term does not name, and models that the card does not know."""
    path = tmp_path / "c.yaml"
    path.write_text(
        "contract: 1\nname: c\nterms:\n"
        "- {id: a, match: {provider: openai, model: gpt-5.4}, prices: {input_tokens: 2}}\n"
        "- {id: b, match: {provider: openai, model: acme-tone-2}, prices: {input_tokens: 2}}\n",
        encoding="utf-8",
    )
    run = CliRunner().invoke(main, ["contract", str(path)])
    assert "gpt-5.4 keeps list prices of cache_read_tokens" in run.stderr
    assert "input_tokens from 272,001 on, processing=batch" in run.stderr
    assert "the rate card has no acme-tone-2 of openai; it is priced by this term alone" in run.stderr


def test_verify_recomputes_what_a_contract_priced(contract: Path, tmp_path: Path) -> None:
    """With the contract all values match; without it, or with another one, it cannot be said."""
    enriched = tmp_path / "spans.json"
    for attributes in ({"app.workspace_id": "acme"}, {"spancost.cost.override_usd": 0.25}, {"server.address": "gpu-1"}):
        enriched.write_text(enriched_request(contract, attributes), encoding="utf-8")
        run = CliRunner().invoke(main, ["verify", "--contract", str(contract), str(enriched)])
        assert run.exit_code == 0, run.output
        assert "all values match" in run.stdout
        run = CliRunner().invoke(main, ["verify", str(enriched)])
        assert run.exit_code == 1
        assert "contract: found none for" in run.stdout


def test_explain_reads_who_a_call_is_for_off_its_span(contract: Path) -> None:
    """With the contract both numbers agree; without it, it says which one is needed."""
    request = json.loads(enriched_request(contract, {"app.workspace_id": "acme"}))
    span = json.dumps(request["resourceSpans"][0]["scopeSpans"][0]["spans"][0])
    run = CliRunner().invoke(main, ["explain", "--contract", str(contract)], input=span)
    assert "the span     $0.0028: match" in run.stdout
    run = CliRunner().invoke(main, ["explain"], input=span)
    assert "was priced with the contract o" in run.stdout


def test_calls_that_look_alike_are_priced_each_for_whom_it_is(contract: Path) -> None:
    """What is known of the shape of a span does not stand in for what the contract reads off it."""
    made = Set(spancost.LLMCostProcessor(contract=contract))
    for number, tenant in enumerate(("acme", "other", "acme", "other", "acme")):
        with made.tracer.start_as_current_span(f"call {number}") as span:
            span.set_attributes({**CALL, "app.workspace_id": tenant})
    sources = [made.kept.of(f"call {number}")["llm.cost_source"] for number in range(5)]
    assert sources == ["contract", "rate_card", "contract", "rate_card", "contract"]
