# SPDX-License-Identifier: Apache-2.0
"""An anomaly in the process: attributes of the root, one event, a count, one log line, and the next call is stopped."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import httpx2
import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import StatusCode

from spancost import LLMCostProcessor, attribution
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.core.detect.anomaly import Anomaly
from spancost.otel.anomalies import AnomalyStopped
from tests.capture.world import ANSWER, ASK, URL, client
from tests.otel.events.test_emit import Events, name_of
from tests.otel.processor.simple import Set, simple_ledger


def storm(calls: Set, times: int = 5) -> None:
    """One agent run whose context grows and is then sent again and again."""
    with calls.tracer.start_as_current_span("agent"):
        for tokens in (300, 400):
            calls.call(tokens=tokens, **{"gen_ai.usage.output_tokens": 7})
        for _ in range(times):
            calls.call(tokens=500, **{"gen_ai.usage.output_tokens": 9})


def watched(**arguments: Any) -> Set:
    return Set(LLMCostProcessor(ledger=simple_ledger(), **{"detectors": "on", **arguments}))


def test_the_root_says_which_rules_were_broken_and_what_that_cost() -> None:
    calls = watched()
    storm(calls)
    root = calls.kept.of("agent")
    assert root["llm.anomalies"] == ("retry_storm",)
    assert root["llm.anomaly_cost_usd"] == pytest.approx(4 * 0.509)
    assert calls.cost.stats["anomalies"] == 1


def test_a_normal_trace_says_nothing() -> None:
    calls = watched()
    storm(calls, times=3)
    assert not [key for key in calls.kept.of("agent") if "anomal" in key]
    assert calls.cost.stats["anomalies"] == 0


def test_listeners_events_and_the_counter_hear_of_an_anomaly_once() -> None:
    heard: list[Anomaly] = []
    seen, reader = Events(), InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    calls = watched(on_anomaly=[heard.append], logger_provider=seen.provider, meter_provider=meters)
    with attribution(feature="search"):
        storm(calls)
    (anomaly,) = heard
    record, _ = seen.only()
    assert name_of(record) == "llm.anomaly"
    assert record.trace_id == anomaly.trace_id
    assert record.attributes["llm.anomaly.rule"] == "retry_storm"
    assert record.attributes["llm.anomaly.text"] == anomaly.text
    assert record.attributes["app.feature"] == "search"
    assert len(record.attributes["llm.anomaly.span_ids"]) == 4
    found = {
        metric.name: [(dict(point.attributes), point.value) for point in metric.data.data_points]
        for resource in reader.get_metrics_data().resource_metrics  # type: ignore[union-attr]
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == "llm.anomalies"
    }
    assert found == {"llm.anomalies": [({"llm.anomaly.rule": "retry_storm", "app.feature": "search"}, 1)]}


@pytest.mark.parametrize("attributes", ["full", "standard", "lean"])
def test_listeners_hear_of_an_anomaly_when_its_call_ends(attributes: str) -> None:
    """Whatever is written on spans: not when the agent ends, which may be much later."""
    heard: list[Anomaly] = []
    calls = watched(on_anomaly=[heard.append], attributes=(attributes,))
    with calls.tracer.start_as_current_span("agent"):
        for tokens in (300, 400, *[500] * 4):
            calls.call(tokens=tokens, **{"gen_ai.usage.output_tokens": 9})
        assert [anomaly.rule for anomaly in heard] == ["retry_storm"]


def test_a_cause_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "spancost")
    calls = watched()
    for _ in range(3):
        storm(calls)
    assert [record.getMessage() for record in caplog.records if "retry_storm" in record.getMessage()] == [
        "spancost: retry_storm: The same request to m was sent 4 times in 0 s; the repeats cost $1.53 so far."
    ]
    assert calls.cost.stats["anomalies"] == 3


def test_detectors_can_be_off_or_have_rules_of_ones_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    off = watched(detectors="off")
    storm(off)
    assert "anomalies" not in off.cost.stats
    rules = tmp_path / "detectors.json"
    rules.write_text('{"detectors": 1, "rules": {"retry_storm": {"repeats": 9}}}')
    own = watched(detectors=rules)
    storm(own)
    assert own.cost.stats["anomalies"] == 0
    rules.write_text('{"detectors": 2}')
    wrong = watched(detectors=rules)
    storm(wrong)
    assert wrong.cost.stats["anomalies"] == 1
    assert "found 2; expected 1; the bundled rules of detectors are used" in caplog.text


def planned(meters: MeterProvider | None = None, **arguments: Any) -> Set:
    """The same request ten times, under the real prices and dialects, which have plans."""
    calls = Set(LLMCostProcessor(meter_provider=meters, **arguments))
    request = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o"}
    with calls.tracer.start_as_current_span("agent"):
        for tokens in (*range(100, 600, 100), *[500] * 10):
            usage = {"gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 30}
            calls.tracer.start_span("chat", attributes={**request, **usage}).end()
    return calls


def meter_provider() -> MeterProvider:
    return MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)


def test_metrics_alone_make_no_record_of_a_planned_call() -> None:
    """By default. What is counted without a record is not seen, so detectors see none of the calls."""
    calls = planned(meter_provider())
    metrics = calls.cost._metrics
    assert metrics is not None
    tallies = [tally for series in metrics.table._series.values() for tally in series.tallies]
    by_plan = sum(tally.total()[0] for tally in tallies)
    assert by_plan == 15 - 3  # the first calls make the plan and its series
    assert calls.cost.stats["anomalies"] == 0


@pytest.mark.parametrize(
    ("arguments", "is_found"),
    [
        ({}, False),
        ({"metrics": False}, False),
        ({"on_call": [lambda _: None]}, True),
        ({"on_anomaly": [lambda _: None]}, True),
        ({"metric_histogram": True}, True),
        ({"metric_tags": ["+session_id"]}, True),
        ({"detectors": "on"}, True),
        ({"detectors": "on", "metrics": False}, True),
        ({"detectors": "off", "on_call": [lambda _: None]}, False),
    ],
)
def test_by_default_anomalies_are_found_where_somebody_is_told_or_each_call_has_a_record(
    arguments: dict[str, Any], is_found: bool
) -> None:
    calls = planned(meter_provider(), **arguments)
    assert ("llm.anomalies" in calls.kept.of("agent")) is is_found


def test_by_default_a_logger_provider_is_somebody_who_is_told() -> None:
    calls = planned(meter_provider(), logger_provider=Events().provider)
    assert "llm.anomalies" in calls.kept.of("agent")


def test_a_listener_that_raises_harms_nothing() -> None:
    def fail(_: Anomaly) -> None:
        raise RuntimeError("a listener with a fault")

    calls = watched(on_anomaly=[fail])
    storm(calls)
    assert calls.kept.of("agent")["llm.anomalies"] == ("retry_storm",)
    assert calls.cost.stats["errors_listener"] == 1


def test_the_next_call_of_the_trace_is_stopped_before_it_is_sent() -> None:
    """Only that trace: the next run may call again."""
    calls = watched(at_anomaly="block")
    capture = CaptureInstrumentor()
    sent: list[Any] = []

    def answer(request: Any) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json=ANSWER)

    capture.instrument(tracer_provider=calls.provider)
    try:
        with client(httpx2, answer) as http:
            with calls.tracer.start_as_current_span("agent"):
                for tokens in (300, 400, 500, 500, 500, 500):
                    calls.call(tokens=tokens, **{"gen_ai.usage.output_tokens": 9})
                with pytest.raises(AnomalyStopped, match="retry_storm"):
                    http.post(URL, json=ASK)
            assert sent == []
            with calls.tracer.start_as_current_span("next"):
                http.post(URL, json=ASK)
    finally:
        capture.uninstrument()
        calls.cost.disable()
    assert len(sent) == 1
    stopped = [attributes for _, attributes in calls.kept.spans if attributes.get("llm.anomaly.action") == "blocked"]
    assert [attributes["llm.anomaly.rule"] for attributes in stopped] == ["retry_storm"]


def test_attempts_that_fail_are_a_storm_though_they_cost_nothing() -> None:
    """A client's own attempts are not: three, then an answer."""

    def attempts(calls: Set, number: int) -> None:
        for _ in range(number):
            with calls.tracer.start_as_current_span("attempt") as span:
                span.set_attributes({"gen_ai.request.model": "gpt-4o-mini", "gen_ai.operation.name": "chat"})
                span.set_attributes({"gen_ai.provider.name": "openai", "error.type": "503"})
                span.set_status(StatusCode.ERROR)

    calls = Set(LLMCostProcessor(detectors="on"))
    with calls.tracer.start_as_current_span("patient"):
        attempts(calls, 3)
    with calls.tracer.start_as_current_span("agent"):
        attempts(calls, 6)
    assert not [key for key in calls.kept.of("patient") if "anomal" in key]
    assert calls.kept.of("agent")["llm.anomalies"] == ("retry_storm",)
    assert calls.kept.of("agent")["llm.anomaly_cost_usd"] == 0
