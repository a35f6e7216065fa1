# SPDX-License-Identifier: Apache-2.0
"""What the tests of capture share: a world with capture on, clients whose answers are given, answers and their cost."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import Any

import httpx
import httpx2
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost
from spancost.capture.instrumentor import CaptureInstrumentor

MODULES = [httpx, httpx2]
URL = "https://api.openai.com/v1/chat/completions"
ASK = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "planted-prompt"}]}
USAGE = {"prompt_tokens": 1000, "completion_tokens": 10, "total_tokens": 1010}
ANSWER = {
    "id": "chatcmpl-1",
    "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "planted-answer"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
COST = 1000 * 0.15e-6 + 10 * 0.6e-6


def event(**fields: Any) -> bytes:
    """Return one event of a chat stream."""
    return b"data: " + json.dumps({"id": "chatcmpl-1", "model": "gpt-4o-mini-2024-07-18", **fields}).encode() + b"\n\n"


EVENTS = [
    event(choices=[{"index": 0, "delta": {"content": "planted-answer"}, "finish_reason": None}], usage=None),
    event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}], usage=None),
    event(choices=[], usage=USAGE),
    b"data: [DONE]\n\n",
]


class World:
    """A tracer provider with the processor, capture switched on, and what was exported."""

    def __init__(self, **options: Any) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.provider.add_span_processor(spancost.LLMCostProcessor())
        self.capture = CaptureInstrumentor()
        self.capture.instrument(tracer_provider=self.provider, **options)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Return what ended so far."""
        return self.exporter.get_finished_spans()

    @property
    def only(self) -> dict[str, Any]:
        """Return the attributes of the one span that ended."""
        (span,) = self.spans
        return dict(span.attributes or {})


def client(module: ModuleType, answer: Callable[[Any], Any], **options: Any) -> Any:
    """Return a client whose requests *answer* answers."""
    return module.Client(transport=module.MockTransport(answer), **options)


def async_client(module: ModuleType, answer: Callable[[Any], Any]) -> Any:
    """Return an asynchronous client whose requests *answer* answers."""
    return module.AsyncClient(transport=module.MockTransport(answer))


def pieces(module: ModuleType, chunks: list[bytes], error: Exception | None = None, **headers: str) -> Any:
    """Return an answer that streams *chunks*, then raises *error*, as the transport of *module* would."""

    class Stream(module.SyncByteStream, module.AsyncByteStream):  # type: ignore[misc, name-defined]
        closed = 0

        def __iter__(self) -> Iterator[bytes]:
            yield from chunks
            if error is not None:
                raise error

        async def __aiter__(self) -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk
            if error is not None:
                raise error

        def close(self) -> None:
            self.closed += 1

        async def aclose(self) -> None:
            self.closed += 1

    headers = {"content-type": "text/event-stream", **{k.replace("_", "-"): v for k, v in headers.items()}}
    return module.Response(200, headers=headers, stream=Stream())
