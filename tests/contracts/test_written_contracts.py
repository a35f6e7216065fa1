# SPDX-License-Identifier: Apache-2.0
"""Contracts as people write them: what they compile to, and errors that name file, line and key."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from spancost import contracts, data
from spancost.core.call import Call
from spancost.core.contract.contract import Contract, ContractError

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
    seller: azure
    model: gpt-4o-2024-11-20
    facts: {deployment_type: Data Zone Standard}
    from: 2026-01-01
    note: moved on New Year's Day
terms:
  - id: acme
    match: {tenant: [acme, "acme-*"], seller: azure_openai}
    from: 2026-07-01
    until: 2027-07-01T00:00:00+02:00
    discount: 12.5%
    units: all
  - id: gpt
    match: {seller: openai, model: GPT-5.4}
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
    match: {seller: vllm}
    hardware: {prices: {input_tokens: 0.09}}
"""


def write(folder: Path, text: str, name: str = "acme.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_whole_contract_compiles_to_integers_and_texts(tmp_path: Path) -> None:
    """Alternatives are spelled out, prices are femto-dollars for one unit, words are those of the card."""
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


def test_json_is_read_as_well(tmp_path: Path) -> None:
    """JSON is a part of YAML, so its errors have lines too."""
    text = '{\n  "contract": 1,\n  "name": "a",\n  "terms": [\n    {"id": "t", "match": {"tenat": "x"}}\n  ]\n}'
    with pytest.raises(ContractError, match=r"line 5, terms\[0\]\.match\.tenat: found an unknown key"):
        contracts.load(write(tmp_path, text, "a.json"))


def test_a_name_of_digits_stays_as_it_is_written(tmp_path: Path) -> None:
    """007 is no 7, and 1.10 no 1.1."""
    text = "contract: 1\nname: a\nterms:\n- {id: t, match: {tenant: [007, 42, 1.10, no]}, discount: 1%}\n"
    found = [term.when["tenant"] for term in contracts.load(write(tmp_path, text)).terms]
    assert found == ["007", "42", "1.10", "no"]


HEAD = "contract: 1\nname: a\nterms:\n- id: t\n"
WRONG = {
    "a key that is not known": (HEAD + "  mach: {}\n", "line 5, terms[0].mach: found an unknown key; expected one of"),
    "a meter that is not known": (
        HEAD + "  match: {seller: openai}\n  prices:\n    input_token: 1\n",
        "line 7, terms[0].prices.input_token: found meter 'input_token'; expected one of ",
    ),
    "another currency": (
        "contract: 1\nname: a\ncurrency: EUR\n",
        "line 3, currency: found 'EUR'; expected USD; convert other currencies",
    ),
    "a currency in a price": (
        HEAD + "  match: {seller: openai}\n  prices: {input_tokens: 2.10 EUR}\n",
        "line 6, terms[0].prices.input_tokens: found '2.10 EUR'; expected an amount in USD of 0 or more",
    ),
    "a negative price": (
        HEAD + "  match: {seller: a}\n  prices: {input_tokens: -1}\n",
        "found '-1'; expected an amount",
    ),
    "a price that is no number": (HEAD + "  match: {seller: a}\n  prices: {input_tokens: .nan}\n", "found '.nan'"),
    "a price that is true": (HEAD + "  match: {seller: a}\n  prices: {input_tokens: true}\n", "found True; expected"),
    "a discount without a percent sign": (
        HEAD + "  match: {seller: a}\n  discount: 12\n",
        "line 6, terms[0].discount: found 12; expected a part of the price from 0% to 100%",
    ),
    "a discount above all": (HEAD + "  match: {seller: a}\n  discount: 101%\n", "found '101%'; expected a part of"),
    "a surcharge": (HEAD + "  match: {seller: a}\n  discount: -5%\n", "found '-5%'; expected a part of the price"),
    "units without a discount": (
        HEAD + "  match: {seller: a}\n  prices: {pages: 1}\n  units: all\n",
        "terms[0].units: found it without a discount",
    ),
    "units of another word": (
        HEAD + "  match: {}\n  discount: 1%\n  units: fees\n",
        "line 7, terms[0].units: found 'fees'",
    ),
    "no day": (HEAD + "  match: {}\n  discount: 1%\n  from: 2026-13-01\n", "line 7, terms[0].from: found '2026-13-01'"),
    "a time without an offset": (HEAD + "  match: {}\n  discount: 1%\n  from: 2026-01-01T10:00:00\n", "terms[0].from"),
    "an end before the beginning": (
        HEAD + "  match: {}\n  discount: 1%\n  from: 2026-02-01\n  until: 2026-02-01\n",
        "line 8, terms[0].until: found an end before the beginning; expected one after `from`",
    ),
    "nothing agreed": (HEAD + "  match: {seller: a}\n", "terms[0]: found no agreement; expected prices, steps"),
    "prices of any model": (
        HEAD + "  match: {tenant: a}\n  prices: {input_tokens: 1}\n",
        "line 5, terms[0].match: found prices of any model; expected one of seller, model",
    ),
    "an id twice": (
        HEAD + "  match: {tenant: a}\n  discount: 1%\n- id: t\n  match: {tenant: b}\n  discount: 1%\n",
        "line 7, terms[1].id: found t for the second time",
    ),
    "two terms for the same calls": (
        HEAD + "  match: {tenant: a}\n  discount: 1%\n- id: u\n  match: {tenant: [b, a]}\n  discount: 2%\n",
        "line 8, terms[1].match: found the same conditions at the same time as in acme.yaml, line 5, terms[0].match",
    ),
    "two deployments of one name": (
        "contract: 1\nname: a\ndeployments:\n- {deployment: d, model: a}\n- {deployment: D, model: b}\n",
        "line 5, deployments[1]: found the same conditions at the same time as in acme.yaml, line 4, deployments[0]",
    ),
    "a star within": (HEAD + "  match: {tenant: a*b}\n  discount: 1%\n", "found 'a*b'; expected a text, or one that"),
    "a key twice": (
        HEAD + "  match: {tenant: a}\n  discount: 1%\n  discount: 2%\n",
        "line 7, terms[0].discount: found a key for the second time; expected each key once",
    ),
    "a fact that is not known": (
        HEAD + "  match: {seller: a}\n  variants:\n  - {when: {weather: rain}, prices: {pages: 1}}\n",
        "line 7, terms[0].variants[0].when.weather: found fact 'weather'; expected one of",
    ),
    "a tier that is not known": (
        HEAD + "  match: {seller: a}\n  variants:\n  - {when: {service_tier: golden}, prices: {pages: 1}}\n",
        "when.service_tier: found 'golden'; expected a value that the rate card tells apart",
    ),
    "the usual tier": (
        HEAD + "  match: {seller: a}\n  variants:\n  - {when: {service_tier: default}, prices: {pages: 1}}\n",
        "when.service_tier: found 'default'; expected a value that the rate card tells apart",
    ),
    "hardware without a rate": (
        HEAD + "  match: {seller: a}\n  hardware: {gpus: 4}\n",
        "line 6, terms[0].hardware: found another set of keys; expected usd_per_gpu_hour and gpus",
    ),
    "a share above all": (
        HEAD + "  match: {seller: a}\n  hardware: {usd_per_gpu_hour: 1, gpus: 1, share: 9/8}\n",
        "terms[0].hardware.share: found '9/8'; expected a share above 0 and up to 1",
    ),
    "no gpus": (
        HEAD + "  match: {seller: a}\n  hardware: {usd_per_gpu_hour: 1, gpus: 0}\n",
        "terms[0].hardware.gpus: found 0; expected a number above 0",
    ),
    "a bound twice": (
        HEAD + "  match: {seller: a}\n  steps:\n  - {above: 5, prices: {}}\n  - {above: 5, prices: {}}\n",
        "line 8, terms[0].steps[1].above: found 5 for the second time",
    ),
    "an override without a bound": (
        "contract: 1\nname: a\noverride: {attribute: x}\n",
        "line 3, override.most_usd: found nothing; expected a value, which cannot be left out",
    ),
    "another form": ("contract: 2\nname: a\n", "line 1, contract: found 2; expected 1"),
    "no mapping": ("- a\n", "line 1: found ['a']; expected a mapping of keys to values"),
    "nothing": ("# nothing\n", "found nothing; expected a contract"),
    "no YAML": ("contract: [1\nname: a\n", "expected valid YAML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_file_line_and_key(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was found and what was expected."""
    text, expected = WRONG[name]
    write(tmp_path, text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ContractError) as refused:
        contracts.load(Path("acme.yaml"))
    assert str(refused.value).startswith("acme.yaml")
    assert expected in str(refused.value)
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
        "import sys, pathlib; from spancost import contracts, data;"
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
