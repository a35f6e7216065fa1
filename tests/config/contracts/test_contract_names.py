# SPDX-License-Identifier: Apache-2.0
"""A contract with names that the rate card does not have gives warnings and is still used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from spancost.cli import main
from spancost.config import contracts, data
from spancost.diagnose.contract_names import unknown_names

PRICES = "prices: {input_tokens: 1}"
OFF = "discount: 5%"


def warnings_of(tmp_path: Path, match: str, agreed: str, deployments: str = "") -> list[str]:
    path = tmp_path / "c.yaml"
    text = f"contract: 1\nname: c\nterms:\n- {{id: a, match: {match}, {agreed}}}\n{deployments}"
    path.write_text(text, encoding="utf-8")
    return list(unknown_names(contracts.load(path), data.default_card()))


@pytest.mark.parametrize(
    ("match", "agreed", "words"),
    [
        ("{provider: opnai}", OFF, "no provider opnai (did you mean openai?); a discount on it changes nothing"),
        ("{provider: acme-own}", PRICES, "no provider acme-own; it is priced by this term alone"),
        ("{provider: 'opnai*'}", OFF, "no provider opnai* (did you mean openai?); a discount"),
        ("{provider: openai, model: 'gpd-*'}", OFF, "no model of openai on the rate card is like gpd-*; a discount"),
        ("{model: 'zzz-*'}", PRICES, "no model on the rate card is like zzz-*; it is priced by this term alone"),
        ("{provider: openai, model: gpt-4oo}", OFF, "the rate card has no gpt-4oo of openai; a discount"),
        ("{model: [gpt-4o, zzz-1]}", OFF, "the rate card has no zzz-1; a discount"),
    ],
)
def test_an_unknown_name_is_reported(match: str, agreed: str, words: str, tmp_path: Path) -> None:
    """Once, with what the term does for it."""
    (sentence,) = warnings_of(tmp_path, match, agreed)
    assert sentence.startswith("term a: ") and words in sentence


@pytest.mark.parametrize(
    ("match", "agreed"),
    [
        ("{provider: openai}", OFF),
        ("{provider: azure}", OFF),
        ("{provider: 'open*'}", OFF),
        ("{model: 'claude-*'}", OFF),
        ("{provider: openai, model: ['*-mini', gpt-4o-2024-11-20]}", OFF),
        ("{provider: aws.bedrock, model: 'us.anthropic.claude-haiku-4-5-20251001-v1:0'}", OFF),
        ("{provider: vllm}", PRICES),
        ("{server_address: llm.internal}", PRICES),
        ("{tenant: acme}", OFF),
        ("{provider: vllm, model: ours}", "hardware: {usd_per_gpu_hour: 2, gpus: 1}"),
    ],
)
def test_known_names_and_hardware_terms_give_no_warning(match: str, agreed: str, tmp_path: Path) -> None:
    """Spellings, patterns, one's own machines, and conditions about other things."""
    assert warnings_of(tmp_path, match, agreed) == []


def test_the_model_behind_a_deployment_is_looked_for(tmp_path: Path) -> None:
    """A call to it would have no list price."""
    rows = "deployments:\n- {deployment: prod, provider: azure.ai.openai, model: gpt-4oo}\n"
    (sentence,) = warnings_of(tmp_path, "{tenant: acme}", OFF, rows)
    assert (
        sentence == "deployment prod: the rate card has no gpt-4oo of azure.ai.openai; calls to it have no list price"
    )


def test_the_command_warns_and_the_doctor_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither refuses the contract."""
    warnings_of(tmp_path, "{provider: opnai}", OFF)
    done = CliRunner().invoke(main, ["contract", str(tmp_path / "c.yaml")])
    assert done.exit_code == 0
    assert "warning: term a: the rate card has no provider opnai" in done.stderr
    monkeypatch.setenv("SPANCOST_CONTRACT", str(tmp_path / "c.yaml"))
    findings = map(json.loads, CliRunner().invoke(main, ["doctor", "--json"]).stdout.splitlines())
    (note,) = [each for each in findings if "opnai" in each["text"]]
    assert note["level"] == "note" and "Correct the name" in note["fix"]
