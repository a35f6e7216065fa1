# SPDX-License-Identifier: Apache-2.0
"""One LLM span of each family of instrumentations, with what the family writes on every call."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from opentelemetry.trace import Tracer

Value = str | int | float | bool | tuple[str, ...]


class Family(NamedTuple):
    """Scope and version; what is the same on every span; the keys of the input tokens and of the response id."""

    scope: str
    version: str
    attributes: dict[str, Value]
    input_key: str
    id_key: str


_MESSAGES = json.dumps([{"role": "user", "content": "Where is my order? " * 20}])
_ANSWER = json.dumps({"choices": [{"message": {"role": "assistant", "content": "It left the warehouse. " * 20}}]})
_OTEL: dict[str, Value] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.response.model": "gpt-4o-2024-11-20",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.output_tokens": 350,
    "server.address": "api.openai.com",
}
FAMILIES = {
    "OpenTelemetry": Family(
        "opentelemetry.instrumentation.openai_v2", "2.3",
        {**_OTEL, "gen_ai.request.temperature": 0.2, "gen_ai.request.max_tokens": 1024, "server.port": 443},
        "gen_ai.usage.input_tokens", "gen_ai.response.id",
    ),
    "OpenInference": Family(
        "openinference.instrumentation.openai", "0.1.66",
        {
            "openinference.span.kind": "LLM", "llm.provider": "openai", "llm.system": "openai",
            "llm.model_name": "gpt-4o-2024-11-20",
            "llm.invocation_parameters": '{"model": "gpt-4o", "temperature": 0.2}',
            "input.value": _MESSAGES, "input.mime_type": "application/json", "output.value": _ANSWER,
            "output.mime_type": "application/json", "llm.token_count.completion": 350,
            "llm.token_count.prompt_details.cache_read": 0,
        },
        "llm.token_count.prompt", "llm.response.id",
    ),
    "OpenLLMetry": Family(
        "opentelemetry.instrumentation.openai.v1", "0.62.4",
        {
            **_OTEL, "gen_ai.openai.api_base": "https://api.openai.com/v1/", "llm.is_streaming": False,
            "gen_ai.input.messages": _MESSAGES, "gen_ai.output.messages": _ANSWER,
            "gen_ai.usage.cache_read.input_tokens": 0,
        },
        "gen_ai.usage.input_tokens", "gen_ai.response.id",
    ),
    "Logfire": Family(
        "logfire.openai", "5.2.0",
        {
            **_OTEL, "logfire.msg_template": "Chat Completion with {request_data[model]!r}",
            "logfire.span_type": "span",
            "request_data": '{"messages": [], "model": "gpt-4o"}', "operation.cost": 0.0045,
            "response_data": '{"usage": {"completion_tokens": 350, "prompt_tokens_details": {"cached_tokens": 0}}}',
        },
        "gen_ai.usage.input_tokens", "gen_ai.response.id",
    ),
    "Vercel AI": Family(
        "ai", "",
        {
            "ai.operationId": "ai.generateText.doGenerate", "operation.name": "ai.generateText.doGenerate",
            "ai.model.provider": "anthropic.messages", "ai.model.id": "claude-sonnet-4-5",
            "gen_ai.system": "anthropic.messages", "gen_ai.request.model": "claude-sonnet-4-5",
            "ai.response.finishReason": "stop", "ai.prompt.messages": _MESSAGES, "ai.usage.outputTokens": 350,
            "ai.usage.inputTokenDetails.cacheReadTokens": 0, "ai.usage.inputTokenDetails.cacheWriteTokens": 0,
            "gen_ai.usage.output_tokens": 350,
        },
        "ai.usage.inputTokens", "gen_ai.response.id",
    ),
    "own capture": Family(
        "spancost.capture", "0.1.0",
        {
            "llm.capture": "usage", "llm.operation": "chat", "llm.provider": "openai", "llm.model": "gpt-4o-2024-11-20",
            "http.request.method": "POST", "server.address": "api.openai.com", "http.response.status_code": 200,
            "llm.meter.output_tokens": 350, "llm.meter.cache_read_tokens": 0,
        },
        "llm.meter.input_tokens", "llm.request_id",
    ),
}  # fmt: skip


def family_span(family: Family, serial: Iterator[int]) -> Callable[[Tracer, object], None]:
    """Return a maker of spans of *family*, no two calls alike."""

    def child(tracer: Tracer, context: object) -> None:
        number = next(serial)
        span = tracer.start_span("chat", context)  # type: ignore[arg-type]
        for key, value in family.attributes.items():
            span.set_attribute(key, value)
        span.set_attribute(family.id_key, f"chatcmpl-{number:024x}")
        span.set_attribute(family.input_key, 1000 + number * 7919 % 50021)
        span.end()

    return child
