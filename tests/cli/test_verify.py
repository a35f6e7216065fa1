# SPDX-License-Identifier: Apache-2.0
"""`spancost verify`: what enrich and the processor write is verified; every change to it is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

from spancost import LLMCostProcessor
from spancost.cli import main
from spancost.config import attribute_sets, data
from spancost.core.ledger.ledger import Ledger
from spancost.core.ledger.options import LedgerOptions
from spancost.core.pricing.price import Pricer
from spancost.store.enrich import enrich
from spancost.store.otlp_json import carried_spans, put
from spancost.store.otlp_receiver import otlp_json
from tests.cli.test_enrich import call, request
from tests.otel.processor.simple import Set

SMALL_CARD = Path(__file__).parent.parent / "vectors" / "small_card" / "card.jsonl"
SAME = "all values match"
ANTHROPIC = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "anthropic",
    "gen_ai.request.model": "claude-sonnet-4-5",
    "gen_ai.usage.input_tokens": 5000,
    "gen_ai.usage.output_tokens": 100,
    "gen_ai.usage.cache_creation.input_tokens": 2000,
    "anthropic.usage.cache_creation.ephemeral_1h_input_tokens": 2000,
}


def verify(lines: list[Any], *arguments: str) -> Result:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    return CliRunner().invoke(main, ["verify", *arguments], input=text)


def findings(lines: list[Any], *arguments: str) -> list[dict[str, Any]]:
    """What --json says, the summary last."""
    return [json.loads(line) for line in verify(lines, "--json", *arguments).stdout.splitlines()]


def enriched(pricer: Pricer | None = None) -> list[Any]:
    """A root above a step with two calls, one of which writes to the cache for an hour, and a call beside it."""
    lines = [call(4, 2), request(5, 2, **ANTHROPIC), call(3, 1), request(2, 1), request(1)]
    carried = [span for line in lines for span in carried_spans(line)]
    enrich(carried, Ledger(data.default_dialects(), pricer or data.default_pricer(), LedgerOptions(join_services=True)))
    return lines


def spans(lines: list[Any]) -> dict[str, Any]:
    """The span objects of *lines* by the last digit of their id."""
    return {each.raw["spanId"][-1]: each.raw for line in lines for each in carried_spans(line)}


@pytest.mark.parametrize("chosen", [("standard",), ("lean",), ("standard", "llm.finish_reason")])
def test_what_the_setting_attributes_leaves_out_is_no_difference(chosen: tuple[str, ...]) -> None:
    """What is there is still compared."""
    left_out = attribute_sets.selection(chosen)
    assert left_out is not None
    lines = enriched()
    for line in lines:
        for each in carried_spans(line):
            written: dict[str, Any] = {
                entry["key"]: next(iter(entry["value"].values())) for entry in each.raw["attributes"]
            }
            left_out.apply(written, written)
            each.raw["attributes"] = [entry for entry in each.raw["attributes"] if entry["key"] in written]
    assert SAME in verify(lines).stdout
    put(spans(lines)["4"], {"llm.request_cost_usd": 1.0})
    assert "llm.request_cost_usd" in {each.get("attribute") for each in findings(lines)}


def test_what_enrich_writes_is_verified_in_any_order_and_twice() -> None:
    lines = enriched()
    done = verify([*reversed(lines), lines[0]])
    assert (done.exit_code, SAME in done.stdout) == (0, True), done.stdout
    assert "3 calls and 2 totals verified" in done.stdout


@pytest.mark.parametrize(
    ("span", "attribute", "value", "expected", "basis"),
    [
        ("4", "llm.request_cost_usd", 1.0, 0.0035, "card"),
        ("4", "llm.request_cost_nanousd", 3_500_001, 3_500_000, "card"),
        ("4", "llm.cost_status", "estimated", "priced", "card"),
        ("4", "llm.rate_id", "openai/other@launch", "openai/gpt-4o@2024-10-02", "card"),
        ("4", "llm.output_tokens", 101, 100, "source"),
        ("2", "llm.subtree_requests", 1, 2, "total"),
        ("2", "llm.subtree_cost_usd", 0.5, None, "total"),
        ("1", "llm.trace_input_tokens", 1, 7000, "total"),
        ("1", "llm.trace_cost_complete", False, True, "total"),
    ],
)
def test_a_changed_number_is_named(span: str, attribute: str, value: Any, expected: Any, basis: str) -> None:
    lines = enriched()
    raw = spans(lines)[span]
    before = {entry["key"]: entry for entry in raw["attributes"]}
    assert attribute in before
    put(raw, {attribute: value})
    named = {(each["span_id"][-1], each["attribute"], each["basis"]): each for each in findings(lines)[:-1]}
    found = named[span, attribute, basis]
    assert found["found"] == value
    if expected is not None and attribute != "llm.rate_id":
        assert found["expected"] == expected
    assert verify(lines).exit_code == 1


def test_a_price_of_an_hour_in_the_cache_is_read_from_the_instrumentation() -> None:
    """What llm.* does not say: without it, the difference says that llm.* is all there is."""
    lines = enriched()
    raw = spans(lines)["5"]
    raw["attributes"] = [entry for entry in raw["attributes"] if entry["key"].startswith("llm.")]
    *found, summary = findings(lines)
    assert {each["basis"] for each in found} == {"llm_alone"}
    assert "llm.request_cost_usd" in {each["attribute"] for each in found}
    assert summary["differences"] == len(found)


def test_a_card_that_cannot_be_had_is_named_and_one_of_ones_own_can_be_given() -> None:
    lines = enriched(Pricer(data.card_from_file(SMALL_CARD)))
    version = data.card_from_file(SMALL_CARD).version
    done = verify(lines)
    assert done.exit_code == 1
    assert f"found {version}, which is not in this release" in done.stdout
    given = verify(lines, "--card", str(SMALL_CARD))
    assert (given.exit_code, SAME in given.stdout) == (0, True), given.stdout


def test_a_contract_is_asked_for_and_taken(tmp_path: Path) -> None:
    """The version on the span says which contract it was priced by."""
    path = tmp_path / "contract.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    lines = [call(2, 1), request(1)]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    priced = CliRunner().invoke(main, ["enrich", "--contract", str(path)], input=text)
    assert priced.exit_code == 0, priced.output
    lines = [json.loads(line) for line in priced.stdout.splitlines()]
    assert "(--contract)" in verify(lines).stdout
    given = verify(lines, "--contract", str(path))
    assert (given.exit_code, SAME in given.stdout) == (0, True), given.stdout


CONTRACT = """\
contract: 1
name: shop
terms:
  - {id: all, match: {provider: openai}, discount: 10%}
"""


def test_totals_of_calls_that_are_not_in_the_files_are_not_judged() -> None:
    lines = enriched()
    *found, summary = findings(lines[1:])
    assert [each["kind"] for each in found] == ["unverified", "unverified"]
    assert found[0]["why"] == "its totals cover 1 call that the files do not contain"
    assert (summary["differences"], summary["unverified"]) == (0, 2)


def test_a_root_without_its_totals_lacks_them() -> None:
    lines = enriched()
    raw = spans(lines)["1"]
    raw["attributes"] = [entry for entry in raw["attributes"] if not entry["key"].startswith("llm.trace_")]
    assert ("llm.trace_cost_usd", None) in {(each["attribute"], each["found"]) for each in findings(lines)[:-1]}


def test_nothing_to_verify_is_no_success() -> None:
    done = verify([call(2)])
    assert done.exit_code == 1
    assert "nothing to verify" in done.stdout


def test_a_file_that_is_no_otlp_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"resourceSpans": 5}\n', encoding="utf-8")
    done = CliRunner().invoke(main, ["verify", str(path)])
    assert done.exit_code == 1
    assert "broken.json, request 1: request.resourceSpans: found a number, expected a list" in done.stdout


class Encoded(SpanProcessor):
    """Keeps ended spans as OTLP JSON."""

    def __init__(self) -> None:
        self.lines: list[Any] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.lines.append(otlp_json(encode_spans((span,))))


def in_process(work: Callable[[Set], None]) -> list[Any]:
    kept = Encoded()
    made = Set(LLMCostProcessor())
    made.provider.add_span_processor(kept)
    work(made)
    return kept.lines


def ask(made: Set, name: str = "chat gpt-4o") -> None:
    words = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "gpt-4o"}
    with made.tracer.start_as_current_span(name) as span:
        span.set_attributes({**words, "gen_ai.usage.input_tokens": 1000, "gen_ai.usage.output_tokens": 10})


def nested(made: Set) -> None:
    with made.tracer.start_as_current_span("root"), made.tracer.start_as_current_span("step"):
        ask(made)
        ask(made)


def late(made: Set) -> None:
    """A call that ends after the step that began it belongs to the root only."""
    with made.tracer.start_as_current_span("root"):
        with made.tracer.start_as_current_span("step") as step:
            ask(made)
        context = set_span_in_context(step)
        span = made.tracer.start_span("chat gpt-4o", context=context)
        span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"})
        span.set_attributes({"gen_ai.request.model": "gpt-4o", "gen_ai.usage.input_tokens": 7})
        span.end()


def called_from_elsewhere(made: Set) -> None:
    """A service that is called by another process, which is in the files too: each has its own totals."""
    with made.tracer.start_as_current_span("caller") as caller:
        ask(made)
        context = caller.get_span_context()
        remote = SpanContext(context.trace_id, context.span_id, True, TraceFlags(1))
        with made.tracer.start_as_current_span("service", context=set_span_in_context(NonRecordingSpan(remote))):
            ask(made)


@pytest.mark.parametrize("work", [nested, late, called_from_elsewhere])
def test_what_a_process_writes_is_verified(work: Callable[[Set], None]) -> None:
    done = verify(in_process(work))
    assert (done.exit_code, SAME in done.stdout) == (0, True), done.stdout


def differences(lines: list[Any]) -> Iterator[str]:
    return (each["attribute"] for each in findings(lines) if each["kind"] == "difference")


def test_a_provider_in_the_words_of_another_tool_is_no_difference() -> None:
    """The setting `keep_provider` leaves it as it was."""
    lines = enriched()
    put(spans(lines)["4"], {"llm.provider": "OpenAI"})
    assert list(differences(lines)) == []
    put(spans(lines)["4"], {"llm.provider": "groq"})
    assert "llm.request_cost_usd" in set(differences(lines))


def any_trace(random: Random) -> Callable[[Set], None]:
    """Spans that begin below any other and end in any order, late and repeated calls among them."""

    def work(made: Set) -> None:
        open_spans = [made.tracer.start_span("root")]
        all_spans = list(open_spans)
        for number in range(random.randint(1, 10)):
            context = set_span_in_context(random.choice(all_spans))
            span = made.tracer.start_span(f"span {number}", context=context)
            if random.random() < 0.7:
                model = random.choice(["gpt-4o", "gpt-4o", "acme-7"])
                span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai"})
                span.set_attributes({"gen_ai.request.model": model, "gen_ai.response.id": f"r{random.randint(0, 6)}"})
                if random.random() < 0.8:
                    span.set_attribute("gen_ai.usage.input_tokens", random.randint(0, 5000))
            all_spans.append(span)
            open_spans.append(span)
            if random.random() < 0.5:
                open_spans.pop(random.randrange(1, len(open_spans))).end()
        random.shuffle(open_spans)
        for span in open_spans:
            span.end()

    return work


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_a_process_makes_of_a_trace_is_verified(random: Random) -> None:
    """In process, and the same spans again by `enrich`; one nano-dollar more on any call is found."""
    lines = in_process(any_trace(random))
    assert set(differences(lines)) == set()
    raws = [each.raw for line in lines for each in carried_spans(line)]
    for raw in raws:
        raw["attributes"] = [entry for entry in raw.get("attributes", []) if not entry["key"].startswith("llm.")]
    carried = [span for line in lines for span in carried_spans(line)]
    enrich(carried, Ledger(data.default_dialects(), data.default_pricer(), LedgerOptions(join_services=True)))
    assert set(differences(lines)) == set()
    for raw in raws:
        nano = next((e["value"]["intValue"] for e in raw["attributes"] if e["key"] == "llm.request_cost_nanousd"), None)
        if nano is not None:
            put(raw, {"llm.request_cost_nanousd": int(nano) + 1})
            assert list(differences(lines)) == ["llm.request_cost_nanousd"]
            return


def test_stated_costs_are_compared_with_ours() -> None:
    """By emitter and provider; a file of emitters is read as in enrich."""
    lines = [request(1, **{**ANTHROPIC, "gen_ai.usage.cost": 0.02})]
    carried = [span for line in lines for span in carried_spans(line)]
    enrich(carried, Ledger(data.default_dialects(), data.default_pricer(), LedgerOptions()))
    *_, stated, summary = findings(lines)
    assert summary["differences"] == 0
    assert {"spans": 1, "compared": 1, "theirs_usd": "0.02", "provider": "anthropic"}.items() <= stated.items()
    assert stated["kind"] == "stated_costs" and stated["drift_percent"].startswith(("+", "-"))
    assert "stated cost: " in verify(lines).stdout
    assert verify(lines, "--emitters", "none.yaml").exit_code == 1
