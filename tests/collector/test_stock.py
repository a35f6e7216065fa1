# SPDX-License-Identifier: Apache-2.0
"""`spancost collector-config --stock` through a real Collector with the stock transform processor."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from spancost.cli.collector_config import USUAL
from spancost.config import data
from spancost.config.ottl.rows import table_of
from spancost.core.call import Call
from spancost.core.money import usd_float
from spancost.store.otlp_receiver import OtlpReceiver
from tests.collector.collector import collector, send, span, until

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("collector-stock")]
NOW = int(time.time())
BASE = """
receivers: {otlp: {protocols: {http: {endpoint: "${env:OTLP_HTTP_LISTEN}"}}}}
exporters: {otlp_http: {endpoint: "${env:BACKEND_OTLP_HTTP}"}}
service: {pipelines: {traces: {receivers: [otlp], processors: [transform/llm_cost], exporters: [otlp_http]}}}
"""


def stock(*arguments: str) -> str:
    """Return what the command prints."""
    command = [str(Path(sys.executable).parent / "spancost"), "collector-config", "--stock", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def asked(number: int, provider: str, model: str, **more: Any) -> dict[str, Any]:
    """Return the span of a call, with counts that differ from span to span."""
    told = {
        "gen_ai__operation__name": "chat",
        "gen_ai__provider__name": provider,
        "gen_ai__request__model": model,
        "gen_ai__usage__input_tokens": 1000 + number,
        "gen_ai__usage__output_tokens": 10 + number,
    }
    return span(1, number, 0, 3, **{**told, **more})


def through(spans: list[dict[str, Any]], folder: Path, providers: tuple[str, ...] = ()) -> dict[int, Any]:
    """Return the attributes that come out of a Collector with the stock configuration, by the span's number."""
    config = folder / "stock.yaml"
    config.write_text(stock(*(word for provider in providers for word in ("--provider", provider))) + BASE)
    with OtlpReceiver() as backend:
        with collector(config, folder, {"BACKEND_OTLP_HTTP": backend.url}) as running:
            for start in range(0, len(spans), 200):
                send(running.http, *spans[start : start + 200])
            until(lambda: len(backend.spans) == len(spans), 60)
        return {int(found.span_id, 16): found.attributes for found in backend.spans}


def test_every_name_costs_what_the_pricer_says(tmp_path: Path) -> None:
    """All names of three providers, those with any date among them, against exact arithmetic."""
    card, pricer = data.default_card(), data.default_pricer()
    providers = ("openai", "anthropic", "mistral_ai")
    calls = [
        (provider, name.replace("*date", "-2031-05-06"))
        for provider in providers
        for name in table_of(card, provider, NOW).names
    ]
    spans = [asked(n, provider, name) for n, (provider, name) in enumerate(calls, 1)]
    found = through(spans, tmp_path, providers)
    wrong = []
    for n, (provider, name) in enumerate(calls, 1):
        usage = {"input_tokens": 1000 + n, "output_tokens": 10 + n}
        cost = pricer.price(Call(provider, name, usage, NOW * 10**9))
        expected = None if cost.femto is None else usd_float(cost.femto)
        if found[n].get("llm.request_cost_usd") != pytest.approx(expected, rel=1e-9):
            wrong.append((provider, name, found[n].get("llm.request_cost_usd"), expected))
    assert not wrong, f"{len(wrong)} of {len(calls)}: {wrong[:5]}"
    assert len(calls) > 300


def test_cached_input_is_priced_for_what_it_is(tmp_path: Path) -> None:
    spans = [
        asked(
            1,
            "anthropic",
            "claude-sonnet-4-5-20250929",
            gen_ai__usage__cache_read__input_tokens=500,
            gen_ai__usage__cache_creation__input_tokens=100,
        )
    ]
    scoped = through(spans, tmp_path, ("anthropic",))
    assert "llm.request_cost_usd" not in scoped[1], "this scope is not known to count cached input as input"


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("an unknown model", {"gen_ai__request__model": "gpt-99"}),
        ("a tier", {"openai__response__service_tier": "priority"}),
        ("another host", {"server__address": "openrouter.ai"}),
        ("counts as text", {"gen_ai__usage__input_tokens": "12"}),
        ("output as text", {"gen_ai__usage__output_tokens": "12"}),
        ("an agent", {"gen_ai__operation__name": "invoke_agent"}),
        ("cached more than input", {"gen_ai__usage__cache_read__input_tokens": 9_000}),
        ("priced already", {"llm__cost_status": "priced"}),
    ],
)
def test_what_it_would_get_wrong_has_no_cost(what: str, more: dict[str, Any], tmp_path: Path) -> None:
    spans = [asked(1, "openai", "gpt-4o-mini"), asked(2, "openai", "gpt-4o-mini", **more)]
    found = through(spans, tmp_path, ("openai",))
    assert found[1]["llm.cost_status"] == "estimated"
    assert "llm.request_cost_usd" not in found[2], what


def test_a_long_context_step_has_no_cost(tmp_path: Path) -> None:
    card = data.default_card()
    table = table_of(card, "openai", NOW)
    name, bound = next(
        (name, table.rows[row].bound) for name, row in table.names.items() if table.rows[row].bound < 10**8
    )
    spans = [
        asked(1, "openai", name, gen_ai__usage__input_tokens=bound - 1),
        asked(2, "openai", name, gen_ai__usage__input_tokens=bound),
    ]
    found = through(spans, tmp_path, ("openai",))
    assert "llm.request_cost_usd" in found[1]
    assert "llm.request_cost_usd" not in found[2]


def test_its_head_says_what_was_left_out() -> None:
    made = stock()
    for provider in USUAL:
        assert f"# {provider}: " in made
    assert data.default_card().version in made
    assert json.dumps("no card") not in made
