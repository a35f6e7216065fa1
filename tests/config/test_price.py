# SPDX-License-Identifier: Apache-2.0
"""`spancost.price` returns what `spancost price` prints, as Python values."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import spancost
from spancost.cli.price import answer_to
from spancost.config import data
from tests.repository import ROOT

AT = datetime(2026, 11, 21, 12, tzinfo=timezone.utc)
CALL: dict[str, Any] = {"provider": "openai", "model": "gpt-4o-mini", "usage": {"input_tokens": 1_000_000}, "at": AT}
VECTORS = sorted((ROOT / "tests/vectors/price").glob("*.json"))


def calls() -> list[dict[str, Any]]:
    """The calls of the vectors whose values the types of `price` allow."""
    found = [json.loads(path.read_text(encoding="utf-8"))["call"] for path in VECTORS]
    return [row for row in found if isinstance(row.get("timestamp"), str)]


@pytest.mark.parametrize("row", calls(), ids=lambda row: f"{row['provider']}-{row['model']}")
def test_the_function_says_what_the_command_says(row: dict[str, Any]) -> None:
    """Status, reason, cost, line items and provenance, to the last digit."""
    printed = answer_to(json.dumps(row), data.default_pricer())
    if "error" in printed:
        pytest.skip("the command refuses it, the types do not allow it")
    processing = row.get("processing")
    if processing not in (None, "batch"):
        pytest.skip("no processing but batch can be said")
    cost = spancost.price(
        provider=row["provider"],
        model=row["model"],
        usage=row["usage"],
        at=datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")),
        request_model=row.get("request_model"),
        operation=row.get("operation"),
        service_tier=row.get("service_tier"),
        batch=processing == "batch",
        context=row.get("context"),
    )
    assert (cost.status, cost.reason, cost.rate_id) == (printed["status"], printed.get("reason"), printed["rate_id"])
    assert cost.usd == (None if printed["cost_usd"] is None else Decimal(printed["cost_usd"]))
    items = [(item.meter, item.quantity, item.price, item.per, item.usd) for item in cost.line_items]
    assert items == [
        (each["meter"], each["quantity"], Decimal(each["price"]), each["per"], Decimal(each["cost_usd"]))
        for each in printed["line_items"]
    ]
    if items and cost.usd is not None:
        assert sum(item.usd for item in cost.line_items) == cost.usd
    assert cost.pricing_version == printed["pricing_version"]


def test_a_cost_is_exact_and_short() -> None:
    """A decimal without trailing zeros or exponents, whatever its size."""
    texts = [
        str(spancost.price(**{**CALL, "usage": {"input_tokens": tokens}}).usd)
        for tokens in (1, 2, 1_000_000, 20_000_000, 20_000_000_000_000, 2**62)
    ]
    assert texts == ["1.5E-7", "3E-7", "0.15", "3", "3000000", "691752902764.1081856"]


def test_what_is_not_known_is_never_zero() -> None:
    """No exception, no cost, and a reason."""
    for change, reason in (
        ({"model": "gpt-next"}, "unknown_model"),
        ({"provider": "nobody"}, "unknown_provider"),
        ({"usage": {}}, "no_usage"),
        ({"usage": {"input_tokens": -1}}, "bad_usage"),
        ({"usage": {"input_tokens": Decimal("NaN")}}, "bad_usage"),
        ({"usage": {"input_tokens": "3"}}, "bad_usage"),
    ):
        cost = spancost.price(**{**CALL, **change})
        assert (cost.usd, cost.status, cost.reason, cost.line_items) == (None, "unpriced", reason, ()), change


def test_quantities_may_be_decimals() -> None:
    """Seconds may have fractions; tokens may not."""
    assert spancost.price(**{**CALL, "usage": {"input_tokens": Decimal(1_000_000)}}).usd == Decimal("0.15")
    assert spancost.price(**{**CALL, "usage": {"input_tokens": Decimal("0.5")}}).reason == "bad_usage"


def test_the_call_is_priced_at_its_own_time() -> None:
    """Now by default; a time without a zone is refused."""
    assert spancost.price(**{**CALL, "at": None}).usd is not None
    east = timezone(timedelta(hours=9))
    assert spancost.price(**{**CALL, "at": AT.astimezone(east)}) == spancost.price(**CALL)
    with pytest.raises(ValueError, match="without a time zone"):
        spancost.price(**{**CALL, "at": datetime(2026, 11, 21)})


def test_a_contract_and_a_card_are_named_by_file(tmp_path: Path) -> None:
    """The list price stands beside; a file that cannot be used raises."""
    contract = tmp_path / "contract.yaml"
    contract.write_text(
        "contract: 1\nname: ours\nterms:\n"
        "  - {id: half, match: {provider: openai, team: search}, discount: 50%}\n"
        "  - {id: machine, match: {provider: vllm}, hardware: {usd_per_gpu_hour: 3.6, gpus: 1}}\n"
    )
    cost = spancost.price(**CALL, contract=contract, context={"team": "search"})
    assert (cost.usd, cost.list_usd, cost.source) == (Decimal("0.075"), Decimal("0.15"), "contract")
    assert "+o" in cost.pricing_version
    assert spancost.price(**CALL, contract=str(contract)).usd == Decimal("0.15")
    own = {**CALL, "provider": "vllm", "model": "ours"}
    assert spancost.price(**own, contract=contract, duration=timedelta(seconds=2)).usd == Decimal("0.002")
    version = data.default_card().version
    assert spancost.price(**CALL, card=version) == spancost.price(**CALL)
    assert spancost.price(**CALL, account_facts=["openai:data_residency=eu"]).pricing_version.startswith(f"{version}+o")
    for wrong in ({"card": tmp_path / "none.jsonl"}, {"card": "newest"}, {"contract": tmp_path / "none.yaml"}):
        with pytest.raises(ValueError, match="expected"):
            spancost.price(**CALL, **wrong)


def test_a_cost_is_a_value() -> None:
    """It can be compared, hashed, pickled and shown, and what it was made of may change afterwards."""
    usage = {"input_tokens": 1_000_000}
    cost = spancost.price(**{**CALL, "usage": usage})
    usage["input_tokens"] = 5
    assert cost.line_items[0].quantity == 1_000_000
    again = pickle.loads(pickle.dumps(cost))
    assert again == cost and hash(again) == hash(cost) and again.line_items == cost.line_items
    assert cost != spancost.price(**{**CALL, "usage": usage})
    assert repr(cost).startswith("Cost(usd=Decimal('0.15'), status='priced', reason=None, source='rate_card', pricing_")


def test_the_example_of_the_page_prints_what_the_page_says() -> None:
    """docs/price.md."""
    page = (ROOT / "docs/price.md").read_text(encoding="utf-8")
    found = re.search(r"```python run\n(.*?)```\n\n```text output\n(.*?)```", page, re.DOTALL)
    assert found is not None
    done = subprocess.run([sys.executable, "-c", found[1]], capture_output=True, text=True, check=True)
    assert done.stdout == found[2]
