# SPDX-License-Identifier: Apache-2.0
"""Five generated weeks of two services as samples of Prometheus, in OpenMetrics, as `promtool` reads them.

Spend, tokens and calls are what the product counts of the weeks' spans; a budget refuses calls of an agent that runs
away. Anomalies are what the detectors find. The Collectors' own metrics are made up.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from spancost.config import detectors
from spancost.core.detect.detectors import detect
from spancost.core.ledger.spend_table import COST, REQUESTS, UNPRICED, SpendTable
from spancost.core.money import FEMTO_PER_USD
from spancost.core.record import CallRecord
from spancost.store.calls import call_records
from spancost.testing.support_week import BEGIN_NS, put, support_week

SECOND = 10**9
DAY, WEEK = 86_400, 7 * 86_400
BEGIN = BEGIN_NS // SECOND
END = BEGIN + 4 * DAY + 18 * 3600
"""Friday evening of the last week."""
SCRAPE_SECONDS = 300
WEEKS = 5
SERVICES = {"support-api": ("support", 900), "mail-assistant": ("sales", 300)}
"""Service -> its team, and the conversations of its last week."""
GROWTH = 0.93
REASONING_MODEL = "gpt-5-mini"
LABELS = ("llm.provider", "llm.model", "llm.operation", "llm.cost_status", "app.feature", "app.environment", "app.team")
"""What metrics have by default."""
CARD_VERSION = "2026.11.12-3f1c0a9b77de"
CARD_AGE_SECONDS = 8 * DAY

Labels = tuple[tuple[str, str], ...]
Samples = dict[tuple[str, Labels], list[tuple[int, float]]]
"""Metric and labels -> values by time in seconds."""


class Budget(NamedTuple):
    """A budget of a feature or of everything, in days, weeks or months of UTC."""

    id: str
    feature: str | None
    limit_femto: int
    window: str

    def window_of(self, at: int) -> int:
        """Return which window a time lies in."""
        if self.window == "month":
            return datetime.fromtimestamp(at, timezone.utc).month
        return (at - BEGIN) // (DAY if self.window == "day" else WEEK)


BUDGETS = (
    Budget("order-help-day", "order-help", 3 * FEMTO_PER_USD, "day"),
    Budget("reply-week", "reply", 5 * FEMTO_PER_USD, "week"),
    Budget("all-month", None, 80 * FEMTO_PER_USD, "month"),
)


def open_metrics(folder: Path) -> str:
    """Return the history as OpenMetrics. *folder* takes files of spans."""
    samples: Samples = {}
    records = sorted(_records(folder), key=lambda record: record.start_ns + record.duration_ns)
    counted = _count(records, samples)
    _anomalies([record for record in counted if record.start_ns >= BEGIN_NS], samples)
    _collectors(samples)
    return _text(samples)


def _records(folder: Path) -> Iterator[CallRecord]:
    for number, service in enumerate(SERVICES):
        for week in range(WEEKS):
            path = folder / f"{service}-{week}.jsonl"
            with path.open("w", encoding="utf-8") as file:
                for request in _requests(service, 7 + 10 * number + week, week):
                    file.write(json.dumps(request) + "\n")
            yield from call_records([str(path)])


def _requests(service: str, seed: int, weeks_ago: int) -> Iterator[dict[str, Any]]:
    """Yield a week of a service as it was *weeks_ago*; an agent runs away in the last week of one service only."""
    team, conversations = SERVICES[service]
    requests = list(support_week(seed, round(conversations * GROWTH**weeks_ago)))
    spans = [
        span for request in requests for scope in request["resourceSpans"][0]["scopeSpans"] for span in scope["spans"]
    ]
    runaway = {span["traceId"] for span in spans if "c-runaway" in _values(span).values()}
    is_told = weeks_ago == 0 and team == "support"
    for request in requests:
        (resource,) = request["resourceSpans"]
        for attribute in resource["resource"]["attributes"]:
            if attribute["key"] == "service.name":
                attribute["value"] = {"stringValue": service}
        for scope in resource["scopeSpans"]:
            scope["spans"] = [span for span in scope["spans"] if is_told or span["traceId"] not in runaway]
            for span in scope["spans"]:
                _change(span, team, weeks_ago * WEEK * SECOND)
        yield request


def _change(span: dict[str, Any], team: str, earlier_ns: int) -> None:
    """Move a span into an earlier week, give it its team, and let a reasoning model report what it reasoned."""
    for key in ("startTimeUnixNano", "endTimeUnixNano"):
        span[key] = str(int(span[key]) - earlier_ns)
    span.pop("events", None)
    for attribute in span["attributes"]:
        if attribute["key"] == "app.team":
            attribute["value"] = {"stringValue": team}
    values = _values(span)
    if values.get("gen_ai.response.model") == REASONING_MODEL:
        output = int(values["gen_ai.usage.output_tokens"])
        put(span, {"gen_ai.usage.reasoning.output_tokens": output * (20 + output % 40) // 100})


def _values(owner: Mapping[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in owner["attributes"]}


def _count(records: Sequence[CallRecord], samples: Samples) -> list[CallRecord]:
    """Count calls as the product does, and read it at each scrape; return the calls that no budget refused."""
    tables = {service: SpendTable(LABELS) for service in SERVICES}
    used: Counter[tuple[str, int]] = Counter()
    refused: Counter[str] = Counter()
    counted: list[CallRecord] = []
    place = 0
    for at in range(END - WEEKS * WEEK, END + 1, SCRAPE_SECONDS):
        while place < len(records) and records[place].start_ns + records[place].duration_ns <= at * SECOND:
            record = records[place]
            place += 1
            cost = record.cost_femto or 0
            mine = [each for each in BUDGETS if each.feature in (None, record.tags.get("app.feature"))]
            now = record.start_ns // SECOND
            full = [each for each in mine if used[each.id, each.window_of(now)] + cost > each.limit_femto]
            if full:
                refused[full[0].id] += 1
                continue
            used.update({(each.id, each.window_of(now)): cost for each in mine})
            counted.append(record)
            tables[record.service or ""].add(record)
        for service, table in tables.items():
            _scrape(table, service, at, samples)
        for budget in BUDGETS:
            labels = {"job": "support-api", "llm_budget_id": budget.id}
            _add(samples, "llm_budget_used_usd", labels, at, used[budget.id, budget.window_of(at)] / FEMTO_PER_USD)
            _add(samples, "llm_budget_limit_usd", labels, at, budget.limit_femto / FEMTO_PER_USD)
            _add(samples, "llm_budget_refused_requests_total", labels, at, refused[budget.id])
    return counted


def _scrape(table: SpendTable, service: str, at: int, samples: Samples) -> None:
    for name, where, unit in (
        ("llm_cost_usd_total", COST, FEMTO_PER_USD),
        ("llm_requests_total", REQUESTS, 1),
        ("llm_unpriced_requests_total", UNPRICED, 1),
    ):
        for value, attributes in table.read(where):
            _add(samples, name, {"job": service, **attributes}, at, value / unit)
    for value, attributes, kind in table.read_tokens():
        _add(samples, "llm_tokens_total", {"job": service, **attributes, "llm_token_type": kind}, at, value)


def _anomalies(records: Sequence[CallRecord], samples: Samples) -> None:
    """Count what the detectors find, at the time when it begins."""
    features = {record.span_id: record.tags.get("app.feature", "") for record in records}
    found: Counter[tuple[str, str]] = Counter()
    events = sorted(detect(records, detectors.rules(None), []), key=lambda anomaly: anomaly.first_ns)
    for at in range(BEGIN, END + 1, SCRAPE_SECONDS):
        while events and events[0].first_ns <= at * SECOND:
            anomaly = events.pop(0)
            found[anomaly.rule, features[anomaly.span_ids[0]]] += 1
        for (rule, feature), count in found.items():
            labels = {"job": "support-api", "llm_anomaly_rule": rule, **({"app_feature": feature} if feature else {})}
            _add(samples, "llm_anomalies_total", labels, at, count)
        for rule in sorted({rule for rule, feature in found if feature}):
            count = sum(value for (name, feature), value in found.items() if name == rule and feature)
            _add(samples, "otelcol_processor_llm_cost_rollup_anomalies", {"job": "otelcol", "rule": rule}, at, count)


def _collectors(samples: Samples) -> None:
    """Add the own metrics of two Collectors: made up."""
    for at in range(END - WEEK, END + 1, SCRAPE_SECONDS):
        for instance, late in (("collector-1:8888", 2), ("collector-2:8888", 1)):
            labels = {"job": "otelcol", "instance": instance}
            age = CARD_AGE_SECONDS - (END - at)
            _add(samples, "otelcol_processor_llm_cost_card_age", labels, at, max(age, 0))
            _add(samples, "otelcol_processor_llm_cost_prices", {**labels, "pricing_version": CARD_VERSION}, at, 1)
            _add(samples, "otelcol_connector_llm_spend_lost_calls", labels, at, 0)
            _add(samples, "otelcol_connector_llm_spend_folded_calls", labels, at, 0)
            _add(samples, "otelcol_processor_llm_cost_rollup_late_calls", labels, at, late if at > END - 2 * DAY else 0)


def _add(samples: Samples, name: str, labels: Mapping[str, str], at: int, value: float) -> None:
    """Add a value; a counter of spend begins at 0 one scrape earlier, as `llm_spend` reports it."""
    key = (name, tuple(sorted((label.replace(".", "_"), text) for label, text in labels.items())))
    values = samples.setdefault(key, [])
    if not values and name.endswith("_total") and name != "llm_anomalies_total":
        values.append((at - SCRAPE_SECONDS, 0))
    values.append((at, value))


def _text(samples: Samples) -> str:
    lines: list[str] = []
    family = ""
    for (name, labels), values in sorted(samples.items()):
        if name != family:
            family = name
            is_counter = name.endswith("_total")
            lines.append(f"# TYPE {name.removesuffix('_total')} {'counter' if is_counter else 'gauge'}")
        inside = ",".join(f'{label}="{text}"' for label, text in labels)
        lines += [f"{name}{{{inside}}} {value!r} {at}" for at, value in values]
    return "\n".join([*lines, "# EOF", ""])
