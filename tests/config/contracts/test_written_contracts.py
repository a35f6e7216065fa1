# SPDX-License-Identifier: Apache-2.0
"""Contracts as people write them: what they compile to, and errors that name file, line and key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spancost.config import contracts, data
from spancost.core.call import Call
from spancost.core.contract.terms import Contract, ContractError
from tests.core.vectors import cases

AT = 1_795_000_000_000_000_000
WHOLE = """
contract: 1
name: acme-2026
currency: USD
attributes:
  tenant: [customer.id, app.workspace_id]
  deployment: azure.deployment
override: {most_usd: 5}
deployments:
  - deployment: Prod-Chat
    provider: azure
    model: gpt-4o-2024-11-20
    facts: {deployment_type: Data Zone Standard}
    from: 2026-01-01
    note: moved on New Year's Day
terms:
  - id: acme
    match: {tenant: [acme, "acme-*"], provider: azure_openai}
    from: 2026-07-01
    until: 2027-07-01T00:00:00+02:00
    discount: 12.5%
    units: all
  - id: gpt
    match: {provider: openai, model: GPT-5.4}
    prices: {input_tokens: 2.10, output_tokens: "12", audio_seconds: 0.36}
    steps:
      - {above: 500000, prices: {input_tokens: 3}}
      - {above: 272000, prices: {input_tokens: 2.5}}
    variants:
      - {when: {service_tier: batch}, prices: {input_tokens: 1}}
    skip_modifiers: [us, eu]
  - id: machines
    match: {server_address: "gpu-*"}
    hardware: {usd_per_gpu_hour: 2.49, gpus: 4, share: 1/8}
  - id: shared-out
    match: {provider: vllm}
    hardware: {prices: {input_tokens: 0.09}}
"""


def write(folder: Path, text: str, name: str = "acme.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_contract_compiles_to_integers_and_texts(tmp_path: Path) -> None:
    """Alternatives are written out, prices are femto-dollars for one unit, words are those of the card."""
    assert json.loads(contracts.compiled(write(tmp_path, WHOLE))) == {
        "attributes": {
            "account": ["cloud.account.id"],
            "api_key_alias": ["metadata.user_api_key_alias"],
            "deployment": ["azure.deployment"],
            "team": ["app.team", "metadata.user_api_key_team_alias"],
            "tenant": ["customer.id", "app.workspace_id"],
        },
        "deployments": [
            {
                "facts": {"deployment_type": "Data Zone Standard"},
                "from": 1767225600,
                "model": "gpt-4o-2024-11-20",
                "when": {"deployment": "prod-chat", "seller": "azure.ai.openai"},
            }
        ],
        "format": 1,
        "name": "acme-2026",
        "override": {"attribute": "spancost.cost.override_usd", "most": 5 * 10**15},
        "terms": [
            {
                "from": 1782864000,
                "id": "acme",
                "units": "all",
                "until": 1814392800,
                "when": {"seller": "azure.ai.openai", "tenant": tenant},
                "x": [7, 8],
            }
            for tenant in ("acme", "acme-*")
        ]
        + [
            {
                "id": "gpt",
                "rates": {"audio_seconds": 10**11, "input_tokens": 2_100_000_000, "output_tokens": 12_000_000_000},
                "skip": ["eu", "us"],
                "steps": [
                    {"from": 272_001, "meter": "input_tokens", "rates": {"input_tokens": 2_500_000_000}},
                    {"from": 500_001, "meter": "input_tokens", "rates": {"input_tokens": 3_000_000_000}},
                ],
                "variants": [{"rates": {"input_tokens": 10**9}, "when": {"processing": "batch"}}],
                "when": {"model": "gpt-5.4", "seller": "openai"},
            },
            {
                "hardware": {"gpus": [1, 2], "rate": 2_490_000_000_000_000},
                "id": "machines",
                "when": {"server_address": "gpu-*"},
            },
            {"allocated": 1, "id": "shared-out", "rates": {"input_tokens": 90_000_000}, "when": {"seller": "vllm"}},
        ],
    }


def test_compiled_once_it_prices_the_same(tmp_path: Path) -> None:
    """The written and the compiled file give one version; notes and layout are not in it."""
    written = write(tmp_path, WHOLE)
    compiled = tmp_path / "acme.json"
    compiled.write_bytes(contracts.compiled(written))
    relaid = write(tmp_path, WHOLE.replace("    note: moved on New Year's Day\n", "").replace("2.10", "2.1"), "b.yaml")
    found = [contracts.load(path).suffix for path in (written, compiled, relaid)]
    assert found == [found[0]] * 3
    pricer = data.pricer(data.default_card(), contracts.load(compiled))
    cost = pricer.price(Call("openai", "gpt-5.4", {"input_tokens": 1_000, "output_tokens": 100}, AT))
    assert (cost.femto, cost.source) == (3_300_000_000_000, "contract")
    assert pricer.version == f"{data.default_card().version}+o{found[0]}"
    assert data.card(pricer.version) is data.default_card()


@pytest.mark.parametrize(("name", "case"), cases("contract_written", {"about", "text", "compiled", "error"}))
def test_what_people_write_compiles_or_is_refused(
    name: str, case: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal names file, line and key, what was found and what was expected."""
    (tmp_path / "acme.yaml").write_bytes(case["text"].encode())
    monkeypatch.chdir(tmp_path)
    if case["error"] is None:
        assert contracts.compiled(Path("acme.yaml")).decode() == case["compiled"] + "\n"
        return
    with pytest.raises(ContractError) as refused:
        contracts.load(Path("acme.yaml"))
    assert str(refused.value).startswith("acme.yaml")
    assert case["error"] in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It is an error of the contract like any other."""
    with pytest.raises(ContractError, match=r"none\.yaml: found a file that cannot be read"):
        contracts.load(tmp_path / "none.yaml")


def test_a_compiled_contract_loads_no_validation_and_no_yaml(tmp_path: Path) -> None:
    """A production process needs neither, and pays for neither when it starts."""
    compiled = tmp_path / "acme.json"
    compiled.write_bytes(contracts.compiled(write(tmp_path, WHOLE)))
    code = (
        "import sys, pathlib; from spancost.config import contracts, data;"
        f"data.pricer(data.default_card(), contracts.load(pathlib.Path({str(compiled)!r})));"
        "print([name for name in ('pydantic', 'ruamel.yaml', 'click') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"


def test_every_fact_that_only_contracts_read_has_a_default_or_can_be_set(tmp_path: Path) -> None:
    """The order in which attributes are looked at is the file's."""
    contract = contracts.load(write(tmp_path, WHOLE))
    assert isinstance(contract, Contract)
    assert contract.attributes["tenant"] == ("customer.id", "app.workspace_id")
