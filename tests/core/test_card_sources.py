# SPDX-License-Identifier: Apache-2.0
"""The sources of the rate card: their form is checked word by word, and compiling is a function of them alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from spancost.config import data
from spancost.core.pricing.card import CardError, RateCard
from spancost.core.reasons import SENTENCES
from tests.core.vectors import VECTORS
from tests.repository import ROOT
from tools.pricing.compiler import compile_card
from tools.pricing.form import FormError

DAY = "2026.11.21"
PRICING = ROOT / "pricing"
pytestmark = pytest.mark.skipif(not (PRICING / "units.yaml").exists(), reason="the sources are not in this tree")


def sources(folder: Path, provider: str = "groq") -> Path:
    """Return a copy of one provider's small sources."""
    shutil.copy(VECTORS / "small_card" / "providers" / f"{provider}.yaml", folder)
    return folder / f"{provider}.yaml"


def test_compiling_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    """So a check can compare, and a version is the content's."""
    sources(tmp_path)
    once = compile_card(PRICING, DAY, tmp_path)
    assert once == compile_card(PRICING, DAY, tmp_path)
    assert RateCard.from_bytes(once).version.startswith(DAY)


def test_a_changed_price_is_another_version(tmp_path: Path) -> None:
    """Cards are immutable."""
    path = sources(tmp_path)
    before = RateCard.from_bytes(compile_card(PRICING, DAY, tmp_path)).version
    path.write_text(path.read_text().replace("0.111", "0.112"))
    assert RateCard.from_bytes(compile_card(PRICING, DAY, tmp_path)).version != before


def test_a_comment_changes_nothing(tmp_path: Path) -> None:
    """The card contains only what a reader needs."""
    path = sources(tmp_path)
    before = compile_card(PRICING, DAY, tmp_path)
    path.write_text(path.read_text() + "# checked again\n")
    assert compile_card(PRICING, DAY, tmp_path) == before


@pytest.mark.parametrize(
    ("found", "written", "message"),
    [
        ("0.111", "-1", "models.whisper.prices.0.rates.audio_seconds: found '-1'"),
        ("0.111", "1e-3", "plain decimals"),
        ("audio_seconds: 0.111", "audio_minutes: 0.111", "found 'audio_minutes'; expected a meter"),
        ("source: p", "source: q", "found 'q'; expected one of p"),
        ("checked: 2026-11-01", "checked: 2026-13-01", "checked: found '2026-13-01'"),
        ("basis: page", "basis: hearsay", "basis: found 'hearsay'"),
        ("from: launch", "from: soon", "from: found 'soon'"),
        ("from: launch", "since: launch", "since: found 'launch'"),
        ("provider: groq", "provider: grok", "provider: found 'grok'; expected the name of the file"),
    ],
)
def test_a_source_that_breaks_the_form_is_refused(tmp_path: Path, found: str, written: str, message: str) -> None:
    """The message names file, key, what was found and what was expected."""
    path = sources(tmp_path)
    path.write_text(path.read_text().replace(found, written, 1))
    with pytest.raises(FormError) as refused:
        compile_card(PRICING, DAY, tmp_path)
    assert "groq.yaml" in str(refused.value)
    assert message in str(refused.value)


def test_one_name_has_one_entry(tmp_path: Path) -> None:
    """Two entries of one name would make the price a matter of order."""
    path = sources(tmp_path, "mistral_ai")
    path.write_text(path.read_text().replace("  large-2:\n", "  large-2:\n    names: [LARGE-1]\n"))
    with pytest.raises(FormError, match="also one of large-1"):
        compile_card(PRICING, DAY, tmp_path)


def test_prices_are_in_the_order_of_time(tmp_path: Path) -> None:
    """Each entry ends where the next begins."""
    path = sources(tmp_path, "deepseek")
    path.write_text(path.read_text().replace("2026-08-16T16:00:00Z", "launch"))
    with pytest.raises(FormError, match="later than the one before"):
        compile_card(PRICING, DAY, tmp_path)


def test_every_provider_of_the_card_is_well_formed_and_has_a_known_name() -> None:
    """Every entry has provenance, and every provider can be reached by its name."""
    card = data.default_card()
    for name in card.providers:
        line = card.provider(name)
        assert line is not None
        assert card.provider_names.canonical(name) == name
        for entry in line["models"].values():
            for period in entry["eras"]:
                assert period["source"] in line["sources"]
                assert period["basis"] in ("page", "two_catalogues", "one_catalogue")


def test_released_cards_load_by_version() -> None:
    """A cost of an old release can be recomputed."""
    for version in data.versions():
        assert data.card(version).version == version
    with pytest.raises(CardError, match="expected YYYY"):
        data.card("latest")


def test_every_reason_has_a_sentence() -> None:
    """The table in the documentation is made from them."""
    assert all(sentence.endswith(".") for sentence in SENTENCES.values())


@pytest.mark.parametrize("content", [b"[" * 100_000, b"", b"\x1f\x8b damaged", b"9" * 5_000, b'{"format": 1}'])
def test_a_file_that_is_no_card_is_named(content: bytes, tmp_path: Path) -> None:
    """However wrong it is: nested too deep, packed and damaged, empty."""
    path = tmp_path / "card.jsonl"
    path.write_bytes(content)
    with pytest.raises(CardError, match=r"card\.jsonl"):
        data.card_named(str(path))


def test_neither_a_file_nor_a_version_is_an_error() -> None:
    """A missing file is what people mean more often than a version."""
    with pytest.raises(CardError, match="found no file 'gone"):
        data.card_named("gone.jsonl")
