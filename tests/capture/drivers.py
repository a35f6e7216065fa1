# SPDX-License-Identifier: Apache-2.0
"""One request through each library that capture sees; each takes a base URL and returns the body it read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

PATH = "/v1/chat/completions"
ASK = {"model": "gpt-4o-mini", "stream": True, "messages": [{"role": "user", "content": "planted-prompt"}]}
HEADERS = {"authorization": "Bearer planted-key", "x-own": "planted-value"}
Ask = Callable[[str, float], bytes]
"""A base URL, and the seconds a client waits for the next byte, to the body that was read."""


def httpx_sync(name: str) -> Ask:
    """Return a request through the synchronous client of *name* (httpx, httpx2)."""

    def ask(url: str, patience: float) -> bytes:
        module: Any = import_module(name)
        with (
            module.Client(timeout=patience, follow_redirects=True, trust_env=False) as http,
            http.stream("POST", url + PATH, json=ASK, headers=HEADERS) as response,
        ):
            return b"".join(response.iter_bytes())

    return ask


def httpx_async(name: str) -> Ask:
    """Return a request through the asynchronous client of *name*."""

    def ask(url: str, patience: float) -> bytes:
        module: Any = import_module(name)

        async def run() -> bytes:
            async with (
                module.AsyncClient(timeout=patience, follow_redirects=True, trust_env=False) as http,
                http.stream("POST", url + PATH, json=ASK, headers=HEADERS) as response,
            ):
                return b"".join([chunk async for chunk in response.aiter_bytes()])

        return asyncio.run(run())

    return ask


def with_requests(url: str, patience: float) -> bytes:
    """Stream through requests."""
    requests = pytest.importorskip("requests")
    with (
        requests.Session() as session,
        session.post(url + PATH, json=ASK, headers=HEADERS, timeout=patience, stream=True) as response,
    ):
        return b"".join(response.iter_content(1))


def with_aiohttp(url: str, patience: float) -> bytes:
    """Stream through aiohttp."""
    aiohttp = pytest.importorskip("aiohttp")

    async def run() -> bytes:
        timeout = aiohttp.ClientTimeout(sock_read=patience)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url + PATH, json=ASK, headers=HEADERS) as response,
        ):
            return b"".join([chunk async for chunk in response.content.iter_any()])

    return asyncio.run(run())


def with_botocore(url: str, patience: float) -> bytes:
    """Invoke a model of Bedrock, whose answer is read as a stream."""
    boto3 = pytest.importorskip("boto3")
    config = import_module("botocore.config").Config(read_timeout=patience, retries={"total_max_attempts": 1})
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=url,
        aws_access_key_id="planted-key",
        aws_secret_access_key="planted-key",
        aws_session_token="planted-key",
        config=config,
    )
    answer = client.invoke_model(modelId="anthropic.claude-sonnet-4-5-20250929-v1:0", body=json.dumps(ASK))
    return bytes(answer["body"].read())


DRIVERS: dict[str, tuple[Ask, str]] = {
    "httpx": (httpx_sync("httpx"), "openai"),
    "httpx async": (httpx_async("httpx"), "openai"),
    "httpx2": (httpx_sync("httpx2"), "openai"),
    "httpx2 async": (httpx_async("httpx2"), "openai"),
    "requests": (with_requests, "openai"),
    "aiohttp": (with_aiohttp, "openai"),
    "botocore": (with_botocore, "aws.bedrock"),
}
"""Name: the request, and whose server it is sent to."""
