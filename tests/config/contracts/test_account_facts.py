# SPDX-License-Identifier: Apache-2.0
"""Facts that a team states of its own accounts: by setting, contract and command, and calls are priced again."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import spancost
from spancost.cli import main
from spancost.config.settings import SettingsError, load
from tests.otel.processor.simple import Set

CALL: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "azure.ai.openai",
    "gen_ai.request.model": "prod-chat",
    "gen_ai.response.model": "gpt-4o-2024-11-20",
    "gen_ai.usage.input_tokens": 1_000,
    "gen_ai.usage.output_tokens": 100,
}
FACT = "azure:deployment_type=data zone"
GLOBAL, DATA_ZONE = 0.0035, 0.00385


def in_process(**settings: Any) -> dict[str, Any]:
    made = Set(spancost.LLMCostProcessor(**settings))
    span = made.tracer.start_span("call")
    span.set_attributes(CALL)
    span.end()
    return made.kept.of("call")


def request() -> str:
    attributes = [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in CALL.items()
    ]
    span = {"traceId": "1" * 32, "spanId": "2" * 16, "name": "call", "kind": 3, "attributes": attributes}
    span |= {"startTimeUnixNano": "1795000000000000000", "endTimeUnixNano": "1795000001000000000"}
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})


def test_without_them_the_call_is_in_caveat() -> None:
    """The usual rate, and the reason names the fact."""
    found = in_process()
    assert found["llm.cost_status"] == "estimated"
    assert found["llm.cost_reason"] == "assumed_fact:deployment_type"
    assert found["llm.request_cost_usd"] == pytest.approx(GLOBAL)


@pytest.mark.parametrize("way", ["argument", "environment", "file", "contract", "over a contract"])
def test_with_them_the_call_is_priced(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every way that settings come, and the version names them."""
    settings: dict[str, Any] = {}
    if way == "argument":
        settings["account_facts"] = [FACT]
    elif way == "environment":
        monkeypatch.setenv("SPANCOST_ACCOUNT_FACTS", f"{FACT}, aws.bedrock:aws_region=us-east-1")
    elif way == "file":
        (tmp_path / "s.json").write_text(json.dumps({"account_facts": [FACT]}))
        monkeypatch.setenv("SPANCOST_CONFIG_FILE", str(tmp_path / "s.json"))
    else:
        stated = "data zone" if way == "contract" else "global"
        (tmp_path / "c.yaml").write_text(f"contract: 1\nname: a\nfacts: {{azure: {{deployment_type: {stated}}}}}\n")
        settings["contract"] = tmp_path / "c.yaml"
        settings |= {} if way == "contract" else {"account_facts": [FACT]}
    found = in_process(**settings)
    assert found["llm.cost_status"] == "priced"
    assert found["llm.cost_source"] == "rate_card"
    assert found["llm.request_cost_usd"] == pytest.approx(DATA_ZONE)
    assert "+o" in found["llm.pricing_version"]


@pytest.mark.parametrize(
    "fact", ["azure", "azure:deployment_type", "azurex:a=b", "azure:weather=rain", "azure:deployment_type=moon"]
)
def test_wrong_ones_price_nothing(fact: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither the list price nor another place's: the log says what was found and what was expected."""
    with caplog.at_level(logging.ERROR):
        found = in_process(account_facts=[fact])
    assert (found["llm.cost_status"], found["llm.cost_reason"]) == ("unpriced", "contract_unusable")
    assert "account_facts" in caplog.text
    assert "expected" in caplog.text


def test_they_are_a_list() -> None:
    """A text alone is refused as any wrong setting is."""
    with pytest.raises(SettingsError, match="account_facts"):
        load({"account_facts": FACT})


def test_commands_take_them(tmp_path: Path) -> None:
    """`price` and `enrich` give the processor's number and version, and `verify` finds it again."""
    call = {"provider": "azure", "model": "gpt-4o-2024-11-20", "timestamp": "2026-11-18T00:00:00Z"}
    call |= {"usage": {"input_tokens": 1_000, "output_tokens": 100}}
    run = CliRunner()
    option = ["--account-fact", FACT]
    priced = json.loads(run.invoke(main, ["price", *option], input=json.dumps(call) + "\n").output)
    assert (priced["status"], priced["cost_usd"]) == ("priced", "0.00385")
    enriched = run.invoke(main, ["enrich", *option], input=request())
    assert enriched.exit_code == 0
    assert priced["pricing_version"] in enriched.output
    assert priced["pricing_version"] == in_process(account_facts=[FACT])["llm.pricing_version"]
    (tmp_path / "spans.json").write_text(enriched.output)
    assert run.invoke(main, ["verify", str(tmp_path / "spans.json"), *option]).exit_code == 0
    assert run.invoke(main, ["verify", str(tmp_path / "spans.json")]).exit_code == 1


def test_a_command_refuses_wrong_ones() -> None:
    """With the option, what was found and what was expected."""
    answer = CliRunner().invoke(main, ["price", "--account-fact", "openai:service_tier=warp"], input="")
    assert answer.exit_code == 1
    assert "found 'warp'; expected the usual one, or one with a rate: " in answer.output
