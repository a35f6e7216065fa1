# SPDX-License-Identifier: Apache-2.0
"""The importer on both catalogues of two dates, recorded: what it proposes, edits, keeps and asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from spancost.core.call import Call
from spancost.core.pricing.card import RateCard
from spancost.core.pricing.price import Pricer
from tests.tools.pricing.world import DAY, RECORDED, Result, World
from tools.pricing.compiler import compile_card
from tools.pricing.ours import end_of

OLD, NEW = ([RECORDED / day / f"{name}.json" for name in ("genai-prices", "litellm")] for day in ("2026-11-21", DAY))
EXPECTED = RECORDED / "expected"


@pytest.fixture
def world(tmp_path: Path) -> World:
    """The recorded card, with locks of the first date."""
    made = World(tmp_path)
    assert made.run("lock", *map(str, OLD)) == Result(0, "")
    return made


def test_the_versions_of_two_dates_give_the_expected_proposals(world: World) -> None:
    """The whole table, as a reviewer gets it; nothing is written without being asked."""
    before = world.provider("openai")
    result = world.propose(*NEW)
    assert result.text == (EXPECTED / "proposals.md").read_text(encoding="utf-8")
    assert result.code == 1
    assert world.provider("openai") == before


@pytest.mark.parametrize("provider", ["openai", "mistral_ai"])
def test_a_written_file_is_the_expected_one(world: World, provider: str) -> None:
    """Comments, quotes, order and every line that is not about a price stay as they were."""
    assert world.propose(*NEW, extra=("--write",)).code == 3
    assert world.provider(provider) == (EXPECTED / f"{provider}.yaml").read_text(encoding="utf-8")


def test_a_second_run_proposes_nothing(world: World) -> None:
    """What was not decided is asked again, and edits are not made twice."""
    first = world.propose(*NEW, extra=("--write",))
    files = {path: path.read_bytes() for path in world.pricing.rglob("*") if path.is_file()}
    second = world.propose(*NEW, extra=("--write",))
    assert "## Proposed" not in second.text
    assert second.text == first.text[first.text.index("## Needs a decision") :].replace("12 proposed", "0 proposed")
    assert {path: path.read_bytes() for path in files} == files


def test_the_same_versions_propose_nothing(world: World) -> None:
    """A locked value is not reported again, however much it differs from the card."""
    world.write("providers/openai.yaml", world.provider("openai").replace("input_tokens: 4,", "input_tokens: 40,"))
    assert world.propose(*OLD) == Result(0, "0 proposed, 0 to decide\n")


def test_one_provider_at_a_time(world: World) -> None:
    """The others keep their file and their part of the lock."""
    openai = world.provider("openai")
    assert world.propose(*NEW, extra=("--write", "--provider", "mistral_ai")).code == 3
    assert world.provider("openai") == openai
    assert "## Proposed: openai" in world.propose(*NEW).text
    assert "mistral-x" not in world.propose(*NEW).text


def test_an_unknown_provider_is_refused(world: World) -> None:
    """A misspelt name must not look like a provider without news."""
    result = world.propose(*NEW, extra=("--provider", "opnai"))
    assert result.code == 2
    assert "found 'opnai'; expected one of" in result.text


def test_one_catalogue_alone_is_compared_with_the_lock_of_the_other(world: World) -> None:
    """litellm has 1.5 for gpt-a; the lock of genai-prices has 2."""
    text = world.propose(NEW[1]).text
    assert "| disagree" in next(line for line in text.splitlines() if line.startswith("| gpt-a") and "2 → 1.5" in line)


def test_calls_before_a_change_keep_their_price(world: World) -> None:
    """A change is a new era; the old card and the new one agree about the time before it."""
    old = RateCard.from_bytes(compile_card(world.pricing, "2026.11.21"))
    world.propose(*NEW, extra=("--write",))
    new = RateCard.from_bytes(compile_card(world.pricing, "2026.12.15"))
    usage = {"input_tokens": 1_000_000}

    def cost(card: RateCard, day: str) -> int | None:
        return Pricer(card).price(Call("openai", "gpt-a", usage, end_of(day) * 10**9)).femto

    assert cost(old, "2026-12-14") == cost(new, "2026-12-14") == cost(old, "2026-12-15") == 2 * 10**15
    assert cost(new, "2026-12-15") == 1_500_000 * 10**9
    assert old.version != new.version


@pytest.mark.parametrize("content", ["[]", '{"catalogue": "tokencost", "version": "1", "content": {}}', "no JSON"])
def test_what_is_no_catalogue_is_refused(world: World, content: str) -> None:
    """The message names the file and what makes one."""
    path = world.folder / "other.json"
    path.write_text(content)
    result = world.propose(path)
    assert result.code == 2
    assert "other.json: found" in result.text and "tools/pricing/export.py" in result.text


def test_a_lock_is_as_old_as_the_provider_asked_longest_ago(world: World) -> None:
    """Else the note of a later provider's price would name the wrong versions."""
    world.propose(*NEW, extra=("--write", "--provider", "mistral_ai"))
    world.propose(*NEW, extra=("--write", "--provider", "openai"))
    assert "seen between genai-prices 0.2.3 and 0.2.6" in world.provider("openai")
    lock = world.pricing / "imports" / "litellm.lock.json"
    assert '"version": "1.109.1"' in lock.read_text(encoding="utf-8")
    world.propose(*NEW, extra=("--write",))
    assert '"version": "1.112.0"' in lock.read_text(encoding="utf-8")
