# SPDX-License-Identifier: Apache-2.0
"""Clients that believe they talk to the real hosts, and reach the provider server instead."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from spancost.testing.provider_server import ProviderServer


def http_client(module: ModuleType, server: ProviderServer, **options: Any) -> Any:
    """Return a `Client` of *module* (httpx or httpx2) whose every request goes to *server*.

    The request keeps its URL and Host as far as the client and its instrumentation can see, so that what depends on the
    host (Azure, OpenRouter, DeepSeek behind the openai client) is as it is in production.
    """
    return module.Client(transport=_Transport(module, server), **options)


def async_http_client(module: ModuleType, server: ProviderServer, **options: Any) -> Any:
    """Return an `AsyncClient` of *module* (httpx or httpx2) whose every request goes to *server*; see `http_client`."""
    return module.AsyncClient(transport=_AsyncTransport(module, server), **options)


def _Transport(module: ModuleType, server: ProviderServer) -> Any:
    class Transport(module.HTTPTransport):  # type: ignore[misc, name-defined]
        """Sends over plain HTTP to the server."""

        def handle_request(self, request: Any) -> Any:
            return super().handle_request(_rerouted(module, server, request))

    return Transport()


def _AsyncTransport(module: ModuleType, server: ProviderServer) -> Any:
    class Transport(module.AsyncHTTPTransport):  # type: ignore[misc, name-defined]
        """Sends over plain HTTP to the server."""

        async def handle_async_request(self, request: Any) -> Any:
            return await super().handle_async_request(_rerouted(module, server, request))

    return Transport()


def _rerouted(module: ModuleType, server: ProviderServer, request: Any) -> Any:
    url = request.url.copy_with(scheme="http", host="127.0.0.1", port=server.port)
    return module.Request(
        request.method, url, headers=request.headers, stream=request.stream, extensions=request.extensions
    )
