# SPDX-License-Identifier: Apache-2.0
"""The detectors, by the vectors that every implementation reads: which calls alarm, and what is said at the end."""

from __future__ import annotations

from typing import Any

import pytest

from spancost.config.detectors import default_rules
from spancost.core.detect.anomaly import Anomaly, Episode
from spancost.core.detect.detectors import Detectors
from spancost.core.detect.rules import RuleSet
from spancost.core.money import usd_text
from tests.core.detect_records import BEGIN_NS, record
from tests.core.vectors import cases


def as_json(begun_at: int, anomaly: Anomaly) -> dict[str, Any]:
    """Return an anomaly as the vectors hold it."""
    return {
        "at_call": begun_at,
        "rule": anomaly.rule,
        "trace": anomaly.trace_id,
        "session": anomaly.session_id,
        "span_ids": list(anomaly.span_ids),
        "cost_usd": usd_text(anomaly.cost_femto),
        "threshold": anomaly.threshold,
        "first_ns": anomaly.first_ns - BEGIN_NS,
        "last_ns": anomaly.last_ns - BEGIN_NS,
        "text": anomaly.text,
    }


def observed(case: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the anomalies of a vector's calls."""
    rules = default_rules()
    if case["rules"]:
        rules = RuleSet({"detectors": 1, **case["rules"]}, "vector", rules)
    detectors = Detectors(rules)
    begun: list[tuple[int, Episode]] = []
    for number, values in enumerate(case["calls"]):
        call = {**case["every_call"], **dict(zip(case["columns"], values, strict=True))}
        take = detectors.fail if call.get("failed") else detectors.observe
        begun += [(number + 1, episode) for episode in take(record(number, call))]
    return [as_json(at, episode.anomaly()) for at, episode in begun]


@pytest.mark.parametrize(
    ("name", "case"), cases("detect", {"describes", "rules", "every_call", "columns", "calls", "anomalies"})
)
def test_the_calls_of_a_vector_give_its_anomalies(name: str, case: dict[str, Any]) -> None:
    assert observed(case) == case["anomalies"]
