# SPDX-License-Identifier: Apache-2.0
"""One process of a live test: instruments as asked, makes the calls, and says what was traced and what was billed.

Standard input: {"provider": "module:function" or null, "instrument": ["module:name", …], "calls":
["tests.live.calls.x:function", …], "capture_providers": [provider or null for each call]}. Standard output: a JSON line
for each call. A process of its own, because instrumentations patch clients and a provider is global once.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from opentelemetry import trace

from spancost import LLMCostProcessor
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.store.otlp_receiver import otlp_json
from spancost.testing import OtlpReceiver, ProviderServer
from spancost.testing.tracing import traced

KEPT = {"llm.request_cost_usd", "llm.cost_status", "llm.cost_reason", "llm.input_tokens", "llm.output_tokens"}


def load(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


def name_provider(server: ProviderServer, named: str, provider: Any) -> None:
    """Tell capture whose models answer at the server, which is at another port for each call."""
    capture = CaptureInstrumentor()
    capture.uninstrument()
    capture.instrument(tracer_provider=provider, providers={f"127.0.0.1:{server.port}": named})


def measure(
    call: Any, tracer: trace.Tracer, receiver: OtlpReceiver, provider: Any, capture_provider: str | None = None
) -> dict[str, Any]:
    receiver.clear()
    with ProviderServer() as server:
        if capture_provider:
            name_provider(server, capture_provider, provider)
        error = ""
        try:
            with tracer.start_as_current_span("request"):
                outcome = call(server)
                if inspect.iscoroutine(outcome):
                    asyncio.run(outcome)
        except Exception:
            error = traceback.format_exc()
        provider.force_flush()
        charges = server.bill.charges
    if folder := os.environ.get("LIVE_SPANS"):
        with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as kept:
            kept.writelines(json.dumps(otlp_json(request)) + "\n" for request in receiver.requests)
    spans = receiver.spans
    roots = [span for span in spans if span.name == "request" and not span.parent_id]
    return {
        "error": error,
        "billed_usd": float(sum(charge.usd or 0 for charge in charges)),
        "unknown_calls": sum(charge.usd is None for charge in charges),
        "traces": len({span.trace_id for span in spans}),
        "root": dict(roots[0].attributes) if roots else {},
        "other_totals": [
            dict(span.attributes) for span in spans if "llm.trace_requests" in span.attributes and span not in roots
        ],
        "spans": [
            {
                "scope": span.scope,
                "name": span.name,
                **{key: span.attributes[key] for key in KEPT & span.attributes.keys()},
            }
            for span in spans
            if KEPT & span.attributes.keys()
        ],
        "scopes": sorted({span.scope for span in spans} - {__name__}),
    }


def usual(receiver: OtlpReceiver) -> Any:
    provider = traced(receiver, [LLMCostProcessor()])
    trace.set_tracer_provider(provider)
    return provider


def instrument(name: str, provider: Any) -> None:
    """Instrument with *name*: an OpenTelemetry instrumentor's class, or a function that takes the provider."""
    found = load(name)
    if not inspect.isclass(found):
        found(provider)
        return
    instrumentor = found()
    instrumentor.instrument(tracer_provider=provider)
    if not instrumentor.is_instrumented_by_opentelemetry:
        raise RuntimeError(f"{name} does not instrument the client that is installed")


def main() -> None:
    asked = json.load(sys.stdin)
    answers, sys.stdout = sys.stdout, sys.stderr
    with OtlpReceiver() as receiver:
        os.environ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = receiver.endpoint
        os.environ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf"
        provider = load(asked["provider"])(receiver) if asked["provider"] else usual(receiver)
        for name in asked["instrument"]:
            instrument(name, provider)
        tracer = provider.get_tracer(__name__)
        for name, capture_provider in zip(asked["calls"], asked["capture_providers"], strict=True):
            answer = measure(load(name), tracer, receiver, provider, capture_provider)
            answers.write(json.dumps({"call": name, **answer}) + "\n")
            answers.flush()
        provider.shutdown()


if __name__ == "__main__":
    main()
