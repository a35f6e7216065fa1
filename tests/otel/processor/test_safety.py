# SPDX-License-Identifier: Apache-2.0
"""The host is safe: whatever is on a span or goes wrong in us, spans end, are exported, and nothing is raised."""

from __future__ import annotations

import enum
import logging
import math
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

import spancost
from spancost import LLMCostProcessor
from spancost.core.ledger.ledger import CALL as MAY_BE_A_CALL
from spancost.core.span import Span
from tests.otel.processor.simple import INPUT, MODEL, OUTPUT, Kept, OneDialect, Set, processor, simple_ledger

CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 10,
}
BAD = [
    None, "", "many", "12", -1, -(10**30), 10**30, 10**400, 1.5, math.nan, math.inf, -math.inf, True,
    [], ["1"], [1, 2], {"a": 1}, b"\xff", object(), "x" * 100_000,
]  # fmt: skip


class Providers(str, enum.Enum):
    OPENAI = "openai"


class Whole(int):
    def __repr__(self) -> str:
        return f"Whole({int(self)})"


class Real(float):
    """As NumPy's floats are."""

    def __repr__(self) -> str:
        return f"Real({float(self)})"


class Broken:
    """A ledger in which everything fails."""

    counters: dict[str, int] = {}  # noqa: RUF012

    def ends(self, *_: object) -> int:
        raise ZeroDivisionError("secret prompt")

    def try_plan(self, *_: object) -> None:
        pass

    def process_uncached(self, span: Span) -> dict[str, Any]:
        raise ZeroDivisionError("secret prompt")

    def clear(self) -> None:
        pass


class FailsAtEnd(Broken):
    """A ledger that fails when it holds the lock."""

    def ends(self, *_: object) -> int:
        return MAY_BE_A_CALL


@pytest.mark.parametrize("strategy", ["auto", "wrap", "on_end"])
@pytest.mark.parametrize("ledger", [Broken, FailsAtEnd])
def test_our_faults_are_counted_and_told_once_without_their_text(
    ledger: type[Broken], strategy: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The application sees no exception, the exporter every span, the log one line without what the error quotes."""
    made = Set(processor(ledger(), strategy=strategy))  # type: ignore[arg-type]
    with caplog.at_level(logging.WARNING, "spancost"):
        for number in range(5):
            made.call(f"call {number}")
    assert len(made.kept.spans) == 5
    places = {key: count for key, count in made.cost.stats.items() if key.startswith("errors_")}
    assert sum(places.values()) == 5
    assert sum("ZeroDivisionError" in record.getMessage() for record in caplog.records) == len(places)
    assert "secret" not in caplog.text


@pytest.mark.parametrize("value", BAD, ids=[f"{type(bad).__name__}-{place}" for place, bad in enumerate(BAD)])
@pytest.mark.parametrize(
    "key", [*CALL, "gen_ai.usage.cache_read.input_tokens", "llm.pricing_version", "llm.cost_status"]
)
def test_any_attribute_may_hold_anything(key: str, value: object) -> None:
    """No exception, no fault of ours, no cost that is negative or no number."""
    made = Set(spancost.LLMCostProcessor())
    logging.getLogger("opentelemetry.attributes").setLevel(logging.CRITICAL)
    with made.tracer.start_as_current_span("root"), made.tracer.start_as_current_span("call") as span:
        for name, usual in CALL.items():
            span.set_attribute(name, usual)
        span.set_attribute(key, value)  # type: ignore[arg-type]
    assert len(made.kept.spans) == 2
    assert not [key for key in made.cost.stats if key.startswith("errors_")], made.cost.stats
    for name in ("call", "root"):
        for attribute, written in made.kept.of(name).items():
            if attribute.endswith("cost_usd") and attribute.startswith("llm."):
                assert isinstance(written, float) and written >= 0 and math.isfinite(written)
            if attribute.startswith("llm.") and attribute.endswith(("_tokens", "_requests")):
                assert isinstance(written, int) and written >= 0


@pytest.mark.parametrize(
    "odd",
    [
        {"gen_ai.provider.name": Providers.OPENAI},
        {"gen_ai.usage.input_tokens": Whole(1000)},
        {"gen_ai.usage.input_tokens": Real(1000)},
        {"gen_ai.usage.cost": Real(0.25)},
    ],
)
def test_values_of_derived_classes_are_what_exporters_make_of_them(odd: dict[str, Any]) -> None:
    """An exporter writes an enumeration's member as its text and NumPy's float as a float; so do we read them."""
    made = Set(spancost.LLMCostProcessor())
    plain = {key: value.value if isinstance(value, enum.Enum) else value + 0 for key, value in odd.items()}
    for name, more in (("odd", odd), ("plain", plain)):
        with made.tracer.start_as_current_span(name) as span:
            span.set_attributes({**CALL, **more})
    ours = [
        {key: repr(value) for key, value in made.kept.of(name).items() if key.startswith("llm.")}
        for name in ("odd", "plain")
    ]
    assert ours[0] == ours[1]
    assert "llm.request_cost_usd" in ours[0]
    assert not [key for key in made.cost.stats if key.startswith("errors_")]


@pytest.mark.parametrize(
    "card",
    ["missing.json", "2020.01.01-000000000000", "newest", "not a card", "~no-such-user/card.json", "deep"],
)
def test_a_rate_card_that_cannot_be_used_leaves_calls_unpriced(
    card: str, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says which card and why; the span says that there is no price; no other card is taken instead."""
    content = {"not a card": b'{"format":1}\n', "deep": b"[" * 100_000}.get(card)
    if content is not None:
        path = tmp_path / "card.jsonl"
        path.write_bytes(content)
        card = str(path)
    with caplog.at_level(logging.ERROR, "spancost"):
        made = Set(spancost.LLMCostProcessor(card=card))
    with made.tracer.start_as_current_span("call") as span:
        span.set_attributes(CALL)
    call = made.kept.of("call")
    assert (call["llm.cost_status"], call["llm.cost_reason"]) == ("unpriced", "rate_card_unusable")
    assert "llm.request_cost_usd" not in call
    assert call["llm.input_tokens"] == 1000
    assert card in caplog.text


def test_a_rate_card_whose_hash_does_not_match_is_refused(tmp_path: Any, caplog: pytest.LogCaptureFixture) -> None:
    """One changed digit in a price is not priced with."""
    from spancost.config import data

    content = data.read("pricing/compiled/card.jsonl")
    head, tail = content[: len(content) // 2], content[len(content) // 2 :]
    digit = next(place for place, byte in enumerate(tail) if byte in b"123456789")
    path = tmp_path / "card.jsonl"
    path.write_bytes(head + tail[:digit] + (b"8" if tail[digit : digit + 1] != b"8" else b"9") + tail[digit + 1 :])
    with caplog.at_level(logging.ERROR, "spancost"):
        made = Set(spancost.LLMCostProcessor(card=str(path)))
    with made.tracer.start_as_current_span("call") as span:
        span.set_attributes(CALL)
    assert made.kept.of("call")["llm.cost_reason"] == "rate_card_unusable"
    assert "card.jsonl" in caplog.text


def test_later_processors_are_flushed() -> None:
    """A falsy answer would stop the SDK from flushing those after us."""
    made = Set()
    assert made.cost.force_flush() is True
    assert made.provider.force_flush()


def test_after_shutdown_spans_are_still_priced() -> None:
    """The SDK still delivers them; shutting down twice is harmless."""
    made = Set()
    made.provider.shutdown()
    made.cost.shutdown()
    made.cost.shutdown()
    kept: list[dict[str, Any]] = []

    class Late(SpanProcessor):
        def on_end(self, span: Any) -> None:
            kept.append(dict(span.attributes))

    made.provider.add_span_processor(Late())
    made.call()
    assert kept[0]["llm.request_cost_usd"] == 0.01


def test_a_disabled_processor_does_nothing() -> None:
    """By setting, or later by `disable()`."""
    made = Set(processor(enabled=False))
    made.call()
    later = Set()
    later.cost.disable()
    later.call()
    assert not [key for kept in (made.kept, later.kept) for key in kept.of("call") if key.startswith("llm.")]


def test_errors_inside_the_application_pass_through() -> None:
    """What the application raises in a span is what it catches."""
    made = Set()
    with pytest.raises(KeyError), made.tracer.start_as_current_span("call", attributes={MODEL: "m"}):
        raise KeyError("theirs")
    assert len(made.kept.spans) == 1


def test_a_broken_logging_handler_does_not_reach_the_application() -> None:
    """Logging is the host's, and may raise."""

    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("disk full")

    handler = Raises()
    logger = logging.getLogger("spancost")
    logger.addHandler(handler)
    try:
        made = Set(processor(Broken()))  # type: ignore[arg-type]
        made.call()
    finally:
        logger.removeHandler(handler)
    assert made.cost.stats["errors_logging"] == 1
    assert len(made.kept.spans) == 1


@pytest.mark.parametrize("strategy", ["auto", "hook", "wrap", "on_end"])
def test_a_broken_handler_of_debug_messages_stops_no_processor_behind_us(strategy: Any) -> None:
    """A shutdown that raised would keep the exporters registered after us from sending what they hold."""

    class Raises(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("disk full")

    handler, logger = Raises(), logging.getLogger("spancost")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        made = LLMCostProcessor(strategy=strategy)
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(made)
        provider.get_tracer("test").start_span("any").end()
        assert provider.force_flush()
        provider.shutdown()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
    assert made.stats["errors_logging"] >= 2


@pytest.mark.parametrize("callback", ["on_start", "_on_ending", "on_end"])
def test_what_is_no_span_is_counted(callback: str) -> None:
    """A wrapper of an SDK's spans that lacks what every span has raises nothing."""
    made = LLMCostProcessor()
    getattr(made, callback)(object())
    assert sum(number for count, number in made.stats.items() if count.startswith("errors_")) >= (
        callback != "on_start"
    )


def test_an_unreachable_endpoint_costs_the_host_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Spans are priced and end, whatever the exporter meets."""
    otlp = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    provider, kept = TracerProvider(shutdown_on_exit=False), Kept()
    exporter = otlp.OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces", timeout=0.1)
    for each in (BatchSpanProcessor(exporter, schedule_delay_millis=5), SimpleSpanProcessor(kept), processor()):
        provider.add_span_processor(each)
    provider.get_tracer("tests").start_span("call", attributes={MODEL: "m", INPUT: 1, OUTPUT: 1}).end()
    provider.force_flush(1_000)
    assert kept.of("call")["llm.request_cost_usd"] == 0.002
    assert "export" in caplog.text.lower()


def test_a_resource_a_scope_and_a_status_reach_the_ledger() -> None:
    """The few facts besides attributes that rules need."""
    seen: list[Span] = []

    class Watching(OneDialect):
        def read(self, span: Span) -> Any:
            seen.append(span)
            return super().read(span)

    ledger = simple_ledger()
    ledger._dialects = Watching()
    made = Set(processor(ledger))
    tracer = made.provider.get_tracer("scope", "1.2.3")
    with pytest.raises(ValueError), tracer.start_as_current_span("call", attributes={MODEL: "m", INPUT: 1}):
        raise ValueError
    assert (seen[0].scope_name, seen[0].scope_version, seen[0].is_error) == ("scope", "1.2.3", True)
    assert seen[0].end_ns >= seen[0].start_ns > 10**18
