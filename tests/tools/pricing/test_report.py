# SPDX-License-Identifier: Apache-2.0
"""The catalogue report: age, coverage and conflicts."""

from __future__ import annotations

from pathlib import Path

from tests.tools.pricing.world import OneModel, World


def test_age_coverage_and_conflicts_are_reported(tmp_path: Path) -> None:
    """One model is not on the card, and one has another price there."""
    world = OneModel(tmp_path, OneModel.ENTRY.replace("output_tokens: 8", "output_tokens: 9"))
    world.lock(litellm={"m": world.LITELLM, "m-also": world.LITELLM, "elsewhere": world.LITELLM})
    result = world.run("report", "--day", "2026-12-15", "--provider", "openai", "--details")
    heads, row = (
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in result.text.splitlines()
        if "oldest" in line or line.startswith("| openai")
    )
    columns = dict(zip(heads, row, strict=True))
    assert columns["models"] == "1" and columns["oldest check"] == "2026-11-21" and columns["unchecked"] == "0"
    assert (columns["genai-prices"], columns["litellm"], columns["conflicts"]) == ("1/1", "2/3", "3")
    assert "| m     | output_tokens | 9    | litellm: m-also " in result.text
    assert "not on the card (1)\n\nelsewhere (litellm)" in result.text


def test_what_is_left_out_is_counted(tmp_path: Path) -> None:
    """Coverage would look better than it is."""
    world = OneModel(tmp_path)
    mapping = (world.pricing / "imports" / "catalogues.yaml").read_text(encoding="utf-8")
    world.write("imports/catalogues.yaml", mapping + "left_out:\n  litellm: {ollama: runs at home}\n")
    world.lock(litellm={"m": world.LITELLM, "llama": {**world.LITELLM, "litellm_provider": "ollama"}})
    assert "litellm 9: 1 models of providers left out (ollama 1)" in world.run("report").text


def test_a_report_of_nothing_is_refused(tmp_path: Path) -> None:
    """A misspelt provider must not look like one without conflicts."""
    world = World(tmp_path)
    result = world.run("report", "--provider", "opnai")
    assert result.code == 2
