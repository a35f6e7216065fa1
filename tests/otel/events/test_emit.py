# SPDX-License-Identifier: Apache-2.0
"""Events reach a log exporter with their name, attributes and context, with every SDK version that has the Logs API."""

from __future__ import annotations

import time
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from spancost.otel import events
from spancost.otel.events import context_of_span, emit_event
from spancost.otel.registry import PROCESS

# Renamed in SDK 1.39.
MemoryExporter: Any = getattr(log_export, "InMemoryLogRecordExporter", None) or log_export.InMemoryLogExporter


class Events:
    """A logger provider and what it exported."""

    def __init__(self) -> None:
        self.exporter = MemoryExporter()
        self.provider = LoggerProvider(resource=Resource({"service.name": "tests"}), shutdown_on_exit=False)
        self.provider.add_log_record_processor(log_export.SimpleLogRecordProcessor(self.exporter))

    def only(self) -> tuple[Any, Any]:
        """The one record and what the exporter got it in."""
        (exported,) = self.exporter.get_finished_logs()
        return exported.log_record, exported


def name_of(record: Any) -> object:
    return getattr(record, "event_name", None) or record.attributes["event.name"]


def test_an_event_has_its_name_its_attributes_and_the_context_of_its_span() -> None:
    """An event about a span that has ended does not get the span that is current."""
    seen = Events()
    with TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_as_current_span("other"):
        emitted = emit_event(
            "llm.budget",
            {"llm.provider": "openai", "llm.input_tokens": 3},
            context_of_span(0xAB, 0xCD),
            timestamp_ns=17,
            severity="WARN",
            logger_provider=seen.provider,
        )
    record, exported = seen.only()
    assert emitted
    assert name_of(record) == "llm.budget"
    assert {key: record.attributes[key] for key in ("llm.provider", "llm.input_tokens")} == {
        "llm.provider": "openai",
        "llm.input_tokens": 3,
    }
    assert (record.trace_id, record.span_id) == (0xAB, 0xCD)
    assert (record.timestamp, record.severity_text, record.severity_number.value) == (17, "WARN", 13)
    resource = getattr(exported, "resource", None) or record.resource
    assert resource.attributes["service.name"] == "tests"
    assert exported.instrumentation_scope.name == "spancost"


def test_without_a_context_the_current_span_is_meant() -> None:
    """The time is now."""
    seen = Events()
    before = time.time_ns()
    with TracerProvider(shutdown_on_exit=False).get_tracer("tests").start_as_current_span("work") as span:
        assert emit_event("llm.anomaly", {}, logger_provider=seen.provider)
    record, _ = seen.only()
    context = span.get_span_context()
    assert (record.trace_id, record.span_id) == (context.trace_id, context.span_id)
    assert before <= record.timestamp <= time.time_ns()


def test_without_a_logger_provider_nothing_happens() -> None:
    """No record is made and nothing is counted."""
    failed = PROCESS.events_failed
    assert not events.has_logger_provider()
    assert not emit_event("llm.budget", {}, Context())
    assert failed == PROCESS.events_failed


class Refuses:
    """A logger provider of a host that fails."""

    def get_logger(self, *_: object, **__: object) -> object:
        raise RuntimeError("no logger")


def test_what_a_provider_raises_is_counted_and_does_not_reach_the_caller() -> None:
    """The host is safe from its own logging."""
    failed = PROCESS.events_failed
    assert not emit_event("llm.budget", {}, logger_provider=Refuses())  # type: ignore[arg-type]
    assert failed + 1 == PROCESS.events_failed


@pytest.mark.parametrize("severity", ["INFO", "WARN", "ERROR"])
def test_every_severity_is_one_of_opentelemetry(severity: Any) -> None:
    """Text and number agree."""
    seen = Events()
    emit_event("llm.budget", {}, severity=severity, logger_provider=seen.provider)
    record, _ = seen.only()
    assert record.severity_number.name == record.severity_text == severity
