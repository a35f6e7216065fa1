# SPDX-License-Identifier: Apache-2.0
"""The names that queries may use, taken from the code and the registry."""

from __future__ import annotations

from functools import cache

from ruamel.yaml import YAML

import spancost.otel.processor  # noqa: F401  (first: the modules below import it in turn)
from spancost.control.budgets import signals
from spancost.otel import anomalies, metrics
from tools import generate_semconv
from tools.dashboards.table import records
from tools.generated import ROOT

COUNTERS = (
    metrics.COST_NAME,
    metrics.TOKENS_NAME,
    metrics.REQUESTS_NAME,
    metrics.UNPRICED_NAME,
    anomalies.COUNTER,
    signals.REFUSED,
)
GAUGES = (signals.USED, signals.LIMIT)
OWN = ("llmcostprocessor", "llmcostrollupprocessor", "llmspendconnector")
"""Collector components; their own metrics are scraped with the prefix `otelcol_` and without a suffix."""
OF_TARGETS = {"job", "instance"}
OTHERS = {
    "error",
    "gen_ai.conversation.id",
    "service",
    "service.name",
    "trace.parent_id",
    "trace.trace_id",
}
"""Names of OpenTelemetry and of the backends."""


def _prometheus(name: str) -> str:
    return name.replace(".", "_")


@cache
def _own() -> tuple[frozenset[str], frozenset[str]]:
    """Return the names and the labels of the Collector's own metrics."""
    names: set[str] = set()
    labels: set[str] = set()
    for component in OWN:
        found = YAML(typ="safe").load((ROOT / "collector" / component / "metadata.yaml").read_text(encoding="utf-8"))
        names |= {f"otelcol_{name}" for name in found["telemetry"]["metrics"]}
        labels |= set(found.get("attributes") or {})
    return frozenset(names), frozenset(labels)


@cache
def attributes() -> frozenset[str]:
    """Return the attributes of the registry, of metrics, and those of OpenTelemetry that the backends use."""
    keys = {attribute.key for group in generate_semconv.load() for attribute in group.attributes}
    return frozenset(keys | OTHERS | {metrics.TOKEN_TYPE})


def metric_names() -> frozenset[str]:
    """Return the metrics as OpenTelemetry names them."""
    return frozenset((*COUNTERS, *GAUGES))


def prometheus_names() -> frozenset[str]:
    """Return the metrics as Prometheus names them, and the recording rules."""
    counters = {f"{_prometheus(name)}_total" for name in COUNTERS}
    return frozenset(
        counters | {_prometheus(name) for name in GAUGES} | _own()[0] | {each.record for each in records()}
    )


def labels() -> frozenset[str]:
    """Return the labels that series have."""
    return frozenset({_prometheus(key) for key in attributes()} | _own()[1] | OF_TARGETS)
