# SPDX-License-Identifier: Apache-2.0
"""Cohere v2: chat with billed units beside processed tokens, and embeddings. No body names the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spancost.testing.usage import Usage
from spancost.testing.wires.exchange import Asked, Body, Event, Served, segments_of
from spancost.testing.wires.framing import compact


class CohereChat:
    """`/v2/chat`."""

    operation = "chat"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        segments = segments_of([body.get("tools"), *body.get("messages", ())])
        return Asked(body.get("model", ""), stream=bool(body.get("stream")), segments=segments, stream_usage=True)

    def document(self, served: Served) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant"}
        if served.text:
            message["content"] = [{"type": "text", "text": served.text}]
        if served.tool_calls:
            message |= {"tool_plan": "", "tool_calls": _tool_calls(served)}
        document = {"id": served.response_id, "message": message, "finish_reason": _finish(served)}
        if served.reported is not None:
            document["usage"] = _usage(served.reported)
        return document

    def events(self, served: Served) -> Iterator[Event]:
        yield _event("message-start", id=served.response_id, delta={"message": {"role": "assistant", "content": []}})
        if served.text:
            yield _event("content-start", index=0, delta={"message": {"content": {"type": "text", "text": ""}}})
            for piece in served.pieces():
                yield _event("content-delta", index=0, delta={"message": {"content": {"text": piece}}})
            yield _event("content-end", index=0)
        for index, call in enumerate(_tool_calls(served)):
            yield _event("tool-call-start", index=index, delta={"message": {"tool_calls": call}})
            yield _event("tool-call-end", index=index)
        delta: dict[str, Any] = {"finish_reason": _finish(served)}
        if served.reported is not None:
            delta["usage"] = _usage(served.reported)
        yield _event("message-end", delta=delta)

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"message": message}


class CohereEmbed:
    """`/v2/embed`."""

    operation = "embeddings"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        return Asked(model=body.get("model", ""), inputs=tuple(body.get("texts") or ()))

    def document(self, served: Served) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": served.response_id,
            "response_type": "embeddings_by_type",
            "embeddings": {"float": [list(vector) for vector in served.vectors]},
            "texts": [],
        }
        if served.reported is not None:
            units = {"input_tokens": served.reported.input_tokens}
            document["meta"] = {"api_version": {"version": "2"}, "billed_units": units}
        return document

    def events(self, served: Served) -> Iterator[Event]:
        raise NotImplementedError("embeddings do not stream")

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"message": message}


def _event(name: str, **data: Any) -> Event:
    return Event({"type": name, **data}, name)


def _finish(served: Served) -> str:
    return "TOOL_CALL" if served.tool_calls else "COMPLETE"


def _tool_calls(served: Served) -> list[dict[str, Any]]:
    return [
        {
            "id": served.call_id(index),
            "type": "function",
            "function": {"name": call.name, "arguments": compact(call.arguments)},
        }
        for index, call in enumerate(served.tool_calls)
    ]


def _usage(used: Usage) -> dict[str, Any]:
    counts = {"input_tokens": used.input_tokens, "output_tokens": used.output_tokens}
    return {"billed_units": counts, "tokens": dict(counts), "cached_tokens": used.cache_read_tokens}
