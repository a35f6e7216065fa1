# SPDX-License-Identifier: Apache-2.0
"""What coding agents report is what was billed, once, whichever of their signals is in hand.

`make test-agents` installs the programs and runs this; without them it is skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from spancost.cli.enrich import command
from spancost.store.otlp_json import plain
from spancost.store.otlp_receiver import OtlpReceiver, otlp_json
from spancost.testing.bill import Charge, PriceList
from spancost.testing.provider_server import ProviderServer
from tests.agents.agents import AGENTS, run

MODULES = Path(os.environ.get("SPANCOST_AGENTS", ".")).resolve() / "node_modules"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("SPANCOST_AGENTS" not in os.environ, reason="`make test-agents` installs the programs"),
]
SIGNALS = ("both", "spans", "logs")


def calls_in(requests: list[dict[str, Any]], tmp_path: Path) -> list[dict[str, Any]]:
    """Return the `llm.*` of every span and record that `spancost enrich` counts as a call."""
    path = tmp_path / "requests.jsonl"
    path.write_text("".join(json.dumps(request) + "\n" for request in requests), encoding="utf-8")
    done = CliRunner().invoke(command, [str(path)])
    assert done.exit_code == 0, done.output
    counted = []
    for request in map(json.loads, done.stdout.splitlines()):
        for resource in (*request.get("resourceSpans", ()), *request.get("resourceLogs", ())):
            for scope in (*resource.get("scopeSpans", ()), *resource.get("scopeLogs", ())):
                for raw in (*scope.get("spans", ()), *scope.get("logRecords", ())):
                    found = {one["key"]: plain(one.get("value")) for one in raw.get("attributes", ())}
                    if found.get("llm.cost_status") not in (None, "duplicate", "aggregate"):
                        counted.append(found)
    return counted


def tokens(charges: tuple[Charge, ...]) -> tuple[int, int]:
    return sum(one.usage.input_tokens for one in charges), sum(one.usage.output_tokens for one in charges)


def dollars(charges: tuple[Charge, ...]) -> float:
    """Return what the tokens cost: no agent tells the searches that a hosted tool made."""
    prices = PriceList.published()
    by_token = [prices.amount(one.provider, one.model, one.usage._replace(web_searches=0)) for one in charges]
    return float(sum(amount for amount in by_token if amount is not None))


@pytest.mark.parametrize("name", sorted(AGENTS))
def test_what_an_agent_reports_is_what_was_billed(name: str, tmp_path: Path) -> None:
    agent, home = AGENTS[name], tmp_path / "home"
    if not (MODULES / agent.program).exists():
        pytest.skip(f"{agent.program} is not made for this machine")
    home.mkdir()
    with ProviderServer() as server, OtlpReceiver() as receiver:
        run(agent, MODULES, home, server.url_for, receiver.url)
        charges = server.bill.charges
        in_hand = {
            "spans": [otlp_json(request) for request in receiver.requests],
            "logs": [otlp_json(request) for request in receiver.logs],
        }
    assert charges
    assert in_hand[agent.prefers], "the preferred signal did not come"
    in_hand["both"] = [*in_hand["spans"], *in_hand["logs"]]
    for signal in SIGNALS:
        if not in_hand[signal]:
            continue
        counted = calls_in(in_hand[signal], tmp_path)
        reported = tuple(sum(one.get(f"llm.{side}_tokens", 0) for one in counted) for side in ("input", "output"))
        if signal in ("both", agent.prefers):
            assert reported == tokens(charges), signal
            usd = sum(one["llm.request_cost_usd"] for one in counted)
            assert usd == pytest.approx(dollars(charges), rel=1e-9), signal
        else:
            assert reported == tokens(charges) or all(one["llm.cost_status"] != "priced" for one in counted), signal
            assert counted, signal
