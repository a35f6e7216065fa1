# SPDX-License-Identifier: Apache-2.0
"""Under the real logfire, wherever the processor is put: its own pipeline hides the hook."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.otel.processor.simple import INPUT, MODEL, Kept, processor

logfire = pytest.importorskip("logfire")
GLOBALS = (
    ("opentelemetry.metrics._internal", ("_METER_PROVIDER", "_METER_PROVIDER_SET_ONCE")),
    ("opentelemetry._logs._internal", ("_LOGGER_PROVIDER", "_LOGGER_PROVIDER_SET_ONCE")),
)


@pytest.fixture(autouse=True)
def providers_of_other_tests() -> Iterator[None]:
    """Logfire sets the global providers of metrics and logs once; other tests have none."""
    held = [(import_module(name), key) for name, keys in GLOBALS for key in keys]
    before = [(module, key, getattr(module, key)) for module, key in held if hasattr(module, key)]
    done = [once._done for _, key, once in before if key.endswith("_ONCE")]
    yield
    for module, key, value in before:
        setattr(module, key, value)
    for (_, _, once), was in zip((each for each in before if each[1].endswith("_ONCE")), done, strict=True):
        once._done = was


@pytest.mark.parametrize("place", ["additional, first", "additional, last", "added after configure"])
def test_cost_and_totals_are_right_under_logfire(place: str) -> None:
    """From the first trace on: a late call, an ended parent between, and the root's total."""
    kept, cost = Kept(), processor()
    exporter = SimpleSpanProcessor(kept)
    orders = {"additional, first": [cost, exporter], "additional, last": [exporter, cost]}
    logfire.configure(
        local=False,
        send_to_logfire=False,
        console=False,
        inspect_arguments=False,
        additional_span_processors=orders.get(place, [exporter]),
    )
    if place not in orders:
        trace.get_tracer_provider().add_span_processor(cost)  # type: ignore[attr-defined]
    tracer = logfire.DEFAULT_LOGFIRE_INSTANCE.config.get_tracer_provider().get_tracer("tests")
    for number in (1, 2):
        with logfire.span(f"root {number}"):
            with tracer.start_as_current_span(f"middle {number}"):
                leaf = tracer.start_span(f"leaf {number}", attributes={MODEL: "m", INPUT: 1000})
            leaf.end()
            tracer.start_span(f"second {number}", attributes={MODEL: "m", INPUT: 5}).end()
        assert kept.of(f"leaf {number}")["llm.request_cost_usd"] == 1.0
        assert kept.of(f"root {number}")["llm.trace_cost_usd"] == 1.005
        assert "llm.subtree_cost_usd" not in kept.of(f"middle {number}")
