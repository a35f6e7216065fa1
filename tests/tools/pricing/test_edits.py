# SPDX-License-Identifier: Apache-2.0
"""Edits of YAML that people wrote: nothing moves that is not about the price; locks and facts survive their text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.repository import ROOT
from tests.tools.pricing.world import RECORDED, OneModel
from tools.pricing import edit
from tools.pricing.lock import lock_text, path_of, read_lock
from tools.pricing.sides import CATALOGUES, ProviderMap
from tools.pricing.statement import Fact

PRICING = ROOT / "pricing"
pytestmark = pytest.mark.skipif(not (PRICING / "units.yaml").exists(), reason="the sources are not in this tree")
SMALL = sorted(path.stem for path in (PRICING / "providers").glob("*.yaml") if path.stat().st_size < 3000)


@pytest.mark.parametrize("provider", [*SMALL[::6], "anthropic", "deepseek", "groq"])
def test_a_file_that_is_not_edited_keeps_every_byte(provider: str) -> None:
    """Quotes, comments, long lines, prices with trailing zeros."""
    text = (PRICING / "providers" / f"{provider}.yaml").read_text(encoding="utf-8")
    assert edit.dump(edit.load(text)) == text


def test_a_comment_before_the_next_model_stays_before_it() -> None:
    """A new era comes between, and must neither take the comment nor repeat it."""
    text = (RECORDED / "card" / "providers" / "openai.yaml").read_text(encoding="utf-8")
    content = edit.load(text)
    edit.begin_era(content["models"]["gpt-a"], "2026-12-15", 1_800_000_000, "")
    edited = edit.dump(content)
    assert edited.count("# Small ones.") == edited.count("# as published") == 1
    assert "basis: page\n  # Small ones.\n  gpt-b:" in edited
    added = [line for line in edited.splitlines() if line not in text.splitlines()]
    assert added == [
        "      - from: 2026-12-15",
        "        rates: {input_tokens: 2.00, cache_read_tokens: 0.50, output_tokens: 8.00}",
    ]


def test_a_new_page_gets_a_name_of_its_own() -> None:
    """And a known one keeps the name it has."""
    content = edit.load(OneModel.ENTRY)
    assert edit.source_key(content, "https://example.com/prices") == "s1"
    assert edit.source_key(content, "https://example.com/other") == "s2"
    assert '  s1: "https://example.com/prices"\n  s2: "https://example.com/other"\nmodels:' in edit.dump(content)


_word = st.text("abcdefghijklmnopqrstuvwxyz0123456789_.-", min_size=1)


@given(
    st.builds(Fact, st.dictionaries(_word, _word).map(lambda d: tuple(sorted(d.items()))), st.integers(0, 10**7), _word)
)
def test_a_fact_survives_its_text(fact: Fact) -> None:
    """The lock keeps facts as text."""
    assert Fact.parse(fact.text) == fact


@pytest.mark.parametrize("catalogue", CATALOGUES)
def test_the_locks_are_what_the_program_writes(catalogue: str) -> None:
    """Sorted, one model a line; each provider is known to the mapping or sells under its own name."""
    path = path_of(PRICING / "imports", catalogue)
    kept = read_lock(path)
    assert lock_text(kept) == path.read_text(encoding="utf-8")
    assert kept.name == catalogue
    assert sum(map(len, kept.providers.values())) > 2000


def test_every_mapped_provider_has_a_file() -> None:
    """A misspelt provider in the mapping would hide its news."""
    mapping = ProviderMap.load(PRICING / "imports" / "catalogues.yaml")
    assert [s for s in mapping.providers if not (PRICING / "providers" / f"{s}.yaml").exists()] == []


def test_a_broken_lock_is_refused(tmp_path: Path) -> None:
    """An empty lock would propose everything."""
    world = OneModel(tmp_path)
    world.write("imports/litellm.lock.json", '{"format": 2}')
    result = world.say()
    assert result.code == 2
    assert "litellm.lock.json: found" in result.text
