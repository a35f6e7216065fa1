# SPDX-License-Identifier: Apache-2.0
"""Chat completions: OpenAI's wire and the providers that speak it, each with its own habits as a row of `_HABITS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from spancost.testing.usage import Usage
from spancost.testing.wires.exchange import Asked, Body, Event, Served, segments_of
from spancost.testing.wires.framing import compact


class _Habits(NamedTuple):
    """How a provider differs: where its stream says usage (when "asked" on a chunk of its own, or always on the "last"
    choice), whether completion_tokens hold reasoning, and what more its usage says."""

    stream_usage: str = "asked"
    reasoning_inside: bool = True
    cache_keys: bool = False
    says_cost: bool = False
    says_ticks: bool = False
    x_groq: bool = False
    filters_prompt: bool = False
    comments: bool = False


_HABITS = {
    "azure.ai.openai": _Habits(filters_prompt=True),
    "mistral_ai": _Habits(stream_usage="last"),
    "groq": _Habits(x_groq=True),
    "deepseek": _Habits(stream_usage="last", cache_keys=True),
    "x_ai": _Habits(reasoning_inside=False, says_ticks=True),
    "openrouter": _Habits(stream_usage="last", says_cost=True, comments=True),
}
_OPENAI = _Habits()
_TICKS_PER_USD = 10**10


class OpenAIChat:
    """`/chat/completions`."""

    operation = "chat"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        options = body.get("stream_options") or {}
        return Asked(
            model=body.get("model") or groups.get("deployment", ""),
            stream=bool(body.get("stream")),
            segments=segments_of([body.get("tools"), *body.get("messages", ())]),
            stream_usage=bool(options.get("include_usage")),
        )

    def document(self, served: Served) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": served.text or None, "refusal": None}
        if served.tool_calls:
            message["tool_calls"] = _tool_calls(served)
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(served)}
        document = {**_head(served, "chat.completion"), "choices": [choice]}
        if served.reported is not None:
            document["usage"] = _usage(served, served.reported)
        return document

    def events(self, served: Served) -> Iterator[Event]:
        habits = _HABITS.get(served.provider, _OPENAI)
        head = _head(served, "chat.completion.chunk")
        if habits.comments:
            yield Event("OPENROUTER PROCESSING", "comment")
        if habits.filters_prompt:
            yield Event({"choices": [], "created": 0, "id": "", "model": "", "object": "", "prompt_filter_results": []})
        empty: dict[str, Any] = {"usage": None} if served.asked.stream_usage and habits.stream_usage == "asked" else {}
        for delta in _deltas(served):
            yield Event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], **empty})
        last = {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(served)}], **empty}
        reported = served.reported
        if reported is not None and habits.x_groq:
            last["x_groq"] = {"id": f"req_{served.response_id}", "usage": _usage(served, reported)}
        if reported is not None and habits.stream_usage == "last":
            last["usage"] = _usage(served, reported)
        yield Event(last)
        if reported is not None and habits.stream_usage == "asked" and served.asked.stream_usage:
            yield Event({**head, "choices": [], "usage": _usage(served, reported)})
        yield Event("[DONE]")

    def error(self, status: int, message: str) -> dict[str, Any]:
        kinds = {404: "not_found_error", 429: "rate_limit_error"}
        kind = kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")
        return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _head(served: Served, kind: str) -> dict[str, Any]:
    head = {"id": served.response_id, "object": kind, "created": served.created, "model": served.model}
    if served.provider in ("openai", "azure.ai.openai"):
        head |= {"service_tier": served.service_tier or "default", "system_fingerprint": "fp_loopback"}
    return head


def _deltas(served: Served) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    for piece in served.pieces():
        yield {"content": piece}
    for index, call in enumerate(_tool_calls(served)):
        yield {"tool_calls": [{"index": index, **call}]}


def _tool_calls(served: Served) -> list[dict[str, Any]]:
    return [
        {
            "id": served.call_id(index),
            "type": "function",
            "function": {"name": call.name, "arguments": compact(call.arguments)},
        }
        for index, call in enumerate(served.tool_calls)
    ]


def _finish(served: Served) -> str:
    return "tool_calls" if served.tool_calls else "stop"


def _usage(served: Served, used: Usage) -> dict[str, Any]:
    habits = _HABITS.get(served.provider, _OPENAI)
    visible = used.output_tokens if habits.reasoning_inside else used.output_tokens - used.reasoning_tokens
    cached: dict[str, int] = {"cached_tokens": used.cache_read_tokens, "audio_tokens": 0}
    if used.written:
        cached["cache_write_tokens"] = used.written
    usage: dict[str, Any] = {
        "prompt_tokens": used.input_tokens,
        "completion_tokens": visible,
        "total_tokens": used.input_tokens + used.output_tokens,
        "prompt_tokens_details": cached,
        "completion_tokens_details": {"reasoning_tokens": used.reasoning_tokens, "audio_tokens": 0},
    }
    if habits.cache_keys:
        usage["prompt_cache_hit_tokens"] = used.cache_read_tokens
        usage["prompt_cache_miss_tokens"] = used.input_tokens - used.cache_read_tokens
    if habits.says_cost:
        usage |= {"cost": served.usd or 0.0, "cost_details": {"upstream_inference_cost": None}, "is_byok": False}
    if habits.says_ticks and served.usd is not None:
        usage["cost_in_usd_ticks"] = round(served.usd * _TICKS_PER_USD)
    return usage
