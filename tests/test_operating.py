# SPDX-License-Identifier: Apache-2.0
"""Alerts on the Collector's own metrics name metrics that its components document, in PromQL that parses."""

from __future__ import annotations

import re
from pathlib import Path

import promql_parser
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "collector-config" / "deploy"
RULES = YAML(typ="safe").load(DEPLOY / "alerts.yaml")["groups"][0]["rules"]
DOCUMENTED = frozenset(
    name
    for page in (ROOT / "collector").glob("*/documentation.md")
    for name in re.findall(r"^### (otelcol_\w+)", page.read_text(), re.MULTILINE)
)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_reads_metrics_that_exist(rule: dict[str, str]) -> None:
    promql_parser.parse(rule["expr"])
    ours = re.findall(r"otelcol_(?:processor|connector)_llm\w+", rule["expr"])
    assert set(ours) <= DOCUMENTED
    assert ours or "otelcol_receiver_refused_spans" in rule["expr"]


def test_the_page_says_what_to_do_at_each_alert() -> None:
    page = (ROOT / "docs" / "operating.md").read_text()
    assert [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in page] == []
