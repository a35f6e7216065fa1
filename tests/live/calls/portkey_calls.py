# SPDX-License-Identifier: Apache-2.0
"""What a program does with Portkey's client; one function a way of calling, named in matrix.json."""

from __future__ import annotations

from typing import Any

from portkey_ai import Portkey

from spancost.testing import ProviderServer

SAY = [{"role": "user", "content": "Where is my order?"}]
LONG = "You help the customers of a small shop. " * 200
STREAM = {"stream": True, "stream_options": {"include_usage": True}}


def completions(server: ProviderServer) -> Any:
    return Portkey(api_key="not-a-key", base_url=f"{server.url}/v1", provider="openai").chat.completions


def chat(server: ProviderServer) -> None:
    completions(server).create(model="gpt-4o-mini", messages=SAY)


def chat_cached(server: ProviderServer) -> None:
    made = completions(server)
    for _ in range(2):
        made.create(model="gpt-5-mini", messages=[{"role": "system", "content": LONG}, *SAY])


def chat_stream(server: ProviderServer) -> None:
    for _ in completions(server).create(model="gpt-4o-mini", messages=SAY, **STREAM):
        pass


def chat_stream_left(server: ProviderServer) -> None:
    for _ in completions(server).create(model="gpt-4o-mini", messages=SAY, **STREAM):
        break


def during_stream(server: ProviderServer) -> None:
    made = completions(server)
    for number, _ in enumerate(made.create(model="gpt-5-mini", messages=SAY, **STREAM)):
        if number == 0:
            made.create(model="gpt-4o-mini", messages=SAY)
