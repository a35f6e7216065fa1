# SPDX-License-Identifier: Apache-2.0
"""A card once released never changes what it computes."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from spancost.cli.price import answer_to
from spancost.config import data
from spancost.core.pricing.card import CardError, RateCard
from spancost.core.pricing.price import Pricer
from tests.repository import ROOT

RELEASED = ROOT / "pricing" / "released"
ANSWERS = Path(__file__).parent / "released"
VERSIONS = sorted(path.name.removesuffix(".jsonl.gz") for path in RELEASED.glob("*.jsonl.gz"))
KEPT = sorted(path.stem for path in ANSWERS.glob("*.json"))
assert VERSIONS and KEPT


@pytest.mark.parametrize("version", VERSIONS)
def test_a_released_card_is_the_one_that_its_name_hashes(version: str) -> None:
    """One changed byte and it is refused."""
    content = gzip.decompress((RELEASED / f"{version}.jsonl.gz").read_bytes())
    body = content.split(b"\n", 1)[1]
    assert version.endswith(hashlib.sha256(body).hexdigest()[:12])
    assert RateCard.from_bytes(content, version).version == version
    with pytest.raises(CardError):
        RateCard.from_bytes(content.replace(b'"input_tokens":', b'"input_token5":', 1), version)


@pytest.mark.parametrize("version", KEPT)
def test_a_released_card_prices_as_on_the_day_of_its_release(version: str) -> None:
    """The calls and their answers were kept then; neither a newer card nor newer code changes them."""
    pricer = Pricer(data.card(version))
    kept = json.loads((ANSWERS / f"{version}.json").read_text(encoding="utf-8"))
    assert kept
    for case in kept:
        answer = answer_to(json.dumps(case["call"]), pricer)
        assert {key: answer[key] for key in case["answer"]} == case["answer"]
        assert answer["pricing_version"] == version


def test_the_first_released_card_is_still_there() -> None:
    """Spans that carry its version can be recomputed."""
    assert "2026.11.21-2d0932e7d78e" in data.versions()
    assert KEPT[0] == "2026.11.21-2d0932e7d78e"
