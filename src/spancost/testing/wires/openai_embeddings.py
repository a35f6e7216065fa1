# SPDX-License-Identifier: Apache-2.0
"""OpenAI embeddings: floats, or base64 of little-endian floats, which is what OpenAI's own client asks for."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from spancost.testing.wires.exchange import Asked, Body, Event, Served, text_of
from spancost.testing.wires.openai_chat import OpenAIChat


class OpenAIEmbeddings:
    """`/embeddings`."""

    operation = "embeddings"

    def read(self, groups: Mapping[str, str], query: str, body: Body) -> Asked:
        given = body.get("input", "")
        texts = given if isinstance(given, list) and not _is_tokens(given) else [given]
        model = body.get("model") or groups.get("deployment", "")
        return Asked(model, inputs=tuple(map(text_of, texts)), base64=body.get("encoding_format") == "base64")

    def document(self, served: Served) -> dict[str, Any]:
        data = [
            {
                "object": "embedding",
                "index": index,
                "embedding": _encoded(vector) if served.asked.base64 else list(vector),
            }
            for index, vector in enumerate(served.vectors)
        ]
        document: dict[str, Any] = {"object": "list", "data": data, "model": served.model}
        if served.reported is not None:
            total = served.reported.input_tokens
            document["usage"] = {"prompt_tokens": total, "total_tokens": total}
        return document

    def events(self, served: Served) -> Iterator[Event]:
        raise NotImplementedError("embeddings do not stream")

    def error(self, status: int, message: str) -> dict[str, Any]:
        return OpenAIChat().error(status, message)


def _is_tokens(given: list[Any]) -> bool:
    return bool(given) and all(isinstance(item, int) for item in given)


def _encoded(vector: tuple[float, ...]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
