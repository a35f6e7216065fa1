# SPDX-License-Identifier: Apache-2.0
"""A budgets file is read as it is written, and an error names file, line and key."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import fastjsonschema
import pytest
import yaml
from click.testing import CliRunner

from spancost.cli import main
from spancost.config.budgets import BudgetError, load, of_lines, parse
from spancost.config.budgets.form import LimitForm
from tests.repository import ROOT

GOOD = """\
budgets: 1
limits:
- id: support-per-workspace
  match: {app.feature: support}
  per: [app.workspace_id]
  limit_usd: 50
  window: day
  timezone: Europe/Berlin
  warn_at: [0.5, 80%]
- id: whole
  limit_usd: 0.5
  rolling: 24h
  overrun: one_call
  unknown_price: refuse
  degrade: {model: gpt-4o-mini, max_output_tokens: 256}
"""
WRONG = {
    "window": ("window: day", "window: dai", "line 7, limits[0].window: found 'dai'"),
    "amount": ("limit_usd: 50", "limit_usd: -1", "line 6, limits[0].limit_usd: found '-1'; expected an amount in USD"),
    "unknown key": ("limit_usd: 0.5", "limit_us: 1", "line 11, limits[1].limit_us: found an unknown key"),
    "zone": ("Europe/Berlin", "Europe/Nix", "line 8, limits[0].timezone: found 'Europe/Nix'"),
    "match": ("app.feature", "feature", "line 4, limits[0].match.feature: found 'feature'; expected provider"),
    "share": ("[0.5, 80%]", "[2]", "line 9, limits[0].warn_at: found [2]; expected a share"),
    "id": (
        "id: whole",
        "id: support-per-workspace",
        "line 10, limits[1].id: found support-per-workspace for the second",
    ),
    "rolling": ("24h", "x", "line 12, limits[1].rolling: found 'x'; expected a duration"),
    "no window": ("  window: day\n", "", "line 3, limits[0]: found neither window nor rolling"),
    "two windows": ("rolling: 24h", "rolling: 24h\n  window: day", "limits[1]: found both window and rolling"),
    "zone of rolling": ("rolling: 24h", "rolling: 24h\n  timezone: UTC", "limits[1].timezone: found a time zone"),
    "version": ("budgets: 1", "budgets: 2", "line 1, budgets: found 2; expected 1"),
    "yaml": ("256}", "256", "expected valid YAML"),
    "degrade": ("max_output_tokens: 256", "max_output_tokens: 0", "limits[1].degrade.max_output_tokens: found 0"),
}


def test_a_file_is_read() -> None:
    """Amounts, shares and durations are exact."""
    first, second = parse("budgets.yaml", GOOD)
    assert first.femto == 50 * 10**15 and first.warn_at == (Fraction(1, 2), Fraction(4, 5))
    assert str(first.window.zone) == "Europe/Berlin" and first.match == {"app.feature": ("support",)}
    assert second.window.length_ns == 86_400 * 10**9 and second.may_cross and second.unknown_price == "refuse"
    assert second.degrade == ("gpt-4o-mini", 256)


@pytest.mark.parametrize("name", WRONG)
def test_an_error_names_the_line_and_the_key(name: str) -> None:
    """One sentence: where, what was found, what is expected."""
    old, new, expected = WRONG[name]
    assert old in GOOD
    with pytest.raises(BudgetError) as raised:
        parse("budgets.yaml", GOOD.replace(old, new))
    assert str(raised.value).startswith("budgets.yaml") and expected in str(raised.value)


@pytest.mark.parametrize(
    ("line", "found"),
    [("trace:5", ("trace", "trace", ())), ("workspace_id:20/day", ("workspace_id-day", "day", ("app.workspace_id",)))],
)
def test_a_line_is_a_budget(line: str, found: tuple[str, str, tuple[str, ...]]) -> None:
    (limit,) = of_lines([line], "SPANCOST_BUDGET")
    assert (limit.id, limit.window.kind, limit.per) == found


def test_a_bare_amount_is_about_all_calls() -> None:
    (limit,) = of_lines(["2"], "SPANCOST_BUDGET")
    assert (limit.id, limit.femto, limit.window.kind) == ("total", 2 * 10**15, "lifetime")


@pytest.mark.parametrize("line", ["x", "trace:5/day", "total:5/fortnight", "a b:1", "total:0", "total:-1", ":5"])
def test_a_wrong_line_is_refused(line: str) -> None:
    with pytest.raises(BudgetError, match=r"^SPANCOST_BUDGET: found"):
        of_lines([line], "SPANCOST_BUDGET")


def test_the_schema_takes_what_the_form_takes() -> None:
    check = fastjsonschema.compile(json.loads((ROOT / "pricing/schema/budgets.json").read_text(encoding="utf-8")))
    check(yaml.safe_load(GOOD))
    with pytest.raises(fastjsonschema.JsonSchemaException):
        check({"budgets": 1, "limits": [{"id": "x", "limits_usd": 1}]})


def test_the_command_lists_budgets(tmp_path: Path) -> None:
    """Exit status 0, 1 for a wrong file, 2 for none; standard output has JSON Lines only."""
    path = tmp_path / "budgets.yaml"
    path.write_text(GOOD, encoding="utf-8")
    done = CliRunner().invoke(main, ["budget", "check", str(path), "--format", "json"])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 0 and [row["limit_usd"] for row in rows] == ["50", "0.5"]
    path.write_text(GOOD.replace("24h", "x"), encoding="utf-8")
    wrong = CliRunner().invoke(main, ["budget", "check", str(path)])
    assert wrong.exit_code == 1 and "line 12" in wrong.stderr and wrong.stdout == ""
    assert CliRunner().invoke(main, ["budget", "check", str(tmp_path / "none.yaml")]).exit_code == 2
    with pytest.raises(BudgetError, match="cannot be read"):
        load(tmp_path / "none.yaml")


def test_the_page_shows_files_that_are_right() -> None:
    """Each block of docs/budgets.md, and its table of keys."""
    page = (ROOT / "docs/budgets.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml budgets\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert blocks and all(parse("docs/budgets.md", block) for block in blocks)
    for key in LimitForm.model_fields.keys() - {"id", "note"}:
        assert f"`{key}`" in page, key
