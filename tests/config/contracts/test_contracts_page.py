# SPDX-License-Identifier: Apache-2.0
"""Every contract on the page compiles and works as the page describes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from spancost.config import contracts, data
from spancost.core.call import Call
from tests.repository import ROOT

BLOCKS = re.findall(r"^```yaml contract\n(.*?)^```$", (ROOT / "docs/contracts.md").read_text("utf-8"), re.M | re.S)
AT = 1_795_000_000_000_000_000
USAGE = {"input_tokens": 1_000_000, "output_tokens": 0}
VLLM = Call("vllm", "llama", USAGE, AT, duration_ns=4_000_000_000)
AZURE = Call("azure", "", USAGE, AT, "prod-chat")
PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc123"
EXPECTED = {
    "shop-2026": (Call("openai", "gpt-4o", USAGE, AT), 2_200_000_000_000_000, "contract"),
    "prices": (Call("openai", "gpt-5.4", USAGE, AT, processing="batch"), 2_375_000_000_000_000, "contract"),
    "own-models": (Call("openai", "acme-tone-2", USAGE, AT), 400_000_000_000_000, "contract"),
    "who": (Call("openai", "gpt-4o", USAGE, AT, context={"tenant": "acme"}), 2_000_000_000_000_000, "contract"),
    "deployments": (AZURE, 2_750_000_000_000_000, "rate_card"),
    "accounts": (Call("azure", "gpt-4o", USAGE, AT), 2_750_000_000_000_000, "rate_card"),
    "machines": (VLLM, 90_000_000_000_000, "hardware"),
    "by-hand": (Call("acme", "m", USAGE, AT, context={"override_usd": "2"}), 2_000_000_000_000_000, "manual"),
}


def test_the_page_has_contracts() -> None:
    """Each is tried below."""
    assert len(BLOCKS) == len(EXPECTED)


@pytest.mark.parametrize("text", BLOCKS, ids=range(len(BLOCKS)))
def test_a_contract_on_the_page_works(text: str, tmp_path: Path) -> None:
    """It compiles for the card that comes along, and a call of its kind costs what it says."""
    path = tmp_path / "c.yaml"
    path.write_text(text, encoding="utf-8")
    contract = contracts.load(path)
    call, femto, source = EXPECTED[contract.name]
    cost = data.pricer(data.default_card(), contract).price(call)
    assert (cost.femto, cost.source) == (femto, source)


def test_the_profile_and_the_machines_by_the_hour(tmp_path: Path) -> None:
    """What the page says of Bedrock's profiles, and of machines by the hour."""
    costs = {}
    for text in BLOCKS:
        path = tmp_path / "c.yaml"
        path.write_text(text, encoding="utf-8")
        pricer = data.pricer(data.default_card(), contracts.load(path))
        if PROFILE in text:
            costs["profile"] = pricer.price(Call("aws.bedrock", PROFILE, USAGE, AT))
        if "gpu_hour" in text:
            costs["hour"] = pricer.price(VLLM._replace(context={"server_address": "gpu-1"}))
    assert costs["profile"].femto is not None
    assert costs["profile"].source == "rate_card"
    assert costs["hour"].femto == 1_383_333_333_333
    assert (costs["hour"].status, costs["hour"].reason) == ("estimated", "allocated")


def test_what_the_demo_advises_prices_the_model_that_it_is_about(tmp_path: Path) -> None:
    """The contract on the demo's page is taken as it stands there."""
    page = (ROOT / "tests/demo/page-80.txt").read_text("utf-8")
    text = page[page.index("contract: 1") : page.index("  2. spancost contract")]
    path = tmp_path / "prices.yaml"
    path.write_text(text.replace("\n       ", "\n"), encoding="utf-8")
    call = Call("openai", "acme-tone-2", USAGE, AT)
    assert data.default_pricer().price(call).reason == "unknown_model"
    cost = data.pricer(data.default_card(), contracts.load(path)).price(call)
    assert (cost.femto, cost.status) == (400_000_000_000_000, "priced")
