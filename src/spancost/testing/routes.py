# SPDX-License-Identifier: Apache-2.0
"""Determines the provider and wire of a request from the intended host, then from the path."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from spancost.testing.wires.anthropic_messages import AnthropicMessages
from spancost.testing.wires.bedrock import BedrockConverse, BedrockInvokeAnthropic
from spancost.testing.wires.cohere import CohereChat, CohereEmbed
from spancost.testing.wires.exchange import Wire
from spancost.testing.wires.framing import AWS_EVENT_STREAM, JSON_ARRAY, SSE, Framing
from spancost.testing.wires.gemini import GeminiContent, GeminiEmbeddings
from spancost.testing.wires.openai_chat import OpenAIChat
from spancost.testing.wires.openai_embeddings import OpenAIEmbeddings
from spancost.testing.wires.openai_responses import OpenAIResponses


class Route(NamedTuple):
    """A path of a provider. host (without port), path: patterns of the whole. id_prefix: of response ids; the
    server adds 20 hexadecimal digits, and the whole has the form of ids that the provider issues."""

    provider: str
    host: str
    path: str
    wire: Wire
    id_prefix: str
    framing: Framing = SSE


class Match(NamedTuple):
    """A route and the named parts of the path it matched."""

    route: Route
    groups: Mapping[str, str]

    @property
    def framing(self) -> Framing:
        return self.route.framing


_OPENAI_WIRES: tuple[tuple[str, Wire, str], ...] = (
    (r"/chat/completions", OpenAIChat(), "chatcmpl-CgxQ7mVtw"),
    (r"/responses", OpenAIResponses(), "resp_0c5e7a91d3b2"),
    (r"/embeddings", OpenAIEmbeddings(), "emb-"),
)


def _openai_wire(provider: str, host: str, prefix: str) -> tuple[Route, ...]:
    return tuple(Route(provider, host, prefix + path, wire, start) for path, wire, start in _OPENAI_WIRES)


_AZURE = r".*\.(openai\.azure\.com|cognitiveservices\.azure\.com|services\.ai\.azure\.com)"
_BEDROCK = r"bedrock-runtime(-fips)?\.[a-z0-9-]+\.amazonaws\.com"
_MODEL = r"/model/(?P<model>[^/]+)"
_GOOGLE = r"generativelanguage\.googleapis\.com"
_GEMINI = r"/v1(beta|alpha)?/models/(?P<model>[^:/]+):"

ROUTES = (
    *_openai_wire("openai", r"((us|eu)\.)?api\.openai\.com", r"/v1"),
    Route("anthropic", r"api\.anthropic\.com", r"/v1/messages", AnthropicMessages(), "msg_01Qk"),
    Route(
        "gcp.gemini",
        r"generativelanguage\.googleapis\.com",
        _GEMINI + r"(?P<verb>generateContent)",
        GeminiContent(),
        "Qk",
    ),
    Route(
        "gcp.gemini",
        r"generativelanguage\.googleapis\.com",
        _GEMINI + r"(?P<verb>streamGenerateContent)",
        GeminiContent(),
        "Qk",
    ),
    Route(
        "gcp.gemini",
        r"generativelanguage\.googleapis\.com",
        _GEMINI + r"(batchEmbedContents|embedContent)",
        GeminiEmbeddings(),
        "Qk",
    ),
    *_openai_wire("azure.ai.openai", _AZURE, r"/openai/deployments/(?P<deployment>[^/]+)"),
    *_openai_wire("azure.ai.openai", _AZURE, r"/openai/v1"),
    *_openai_wire("mistral_ai", r"api\.mistral\.ai", r"/v1"),
    *_openai_wire("groq", r"api\.groq\.com", r"/openai/v1"),
    *_openai_wire("deepseek", r"api\.deepseek\.com", r"(/v1|/beta)?"),
    *_openai_wire("x_ai", r"((us|eu)\.)?api\.x\.ai", r"/v1"),
    *_openai_wire("openrouter", r"openrouter\.ai", r"/api/v1"),
    Route("cohere", r"api\.cohere\.(com|ai)", r"/v2/chat", CohereChat(), "5c4fa7e09b21"),
    Route("cohere", r"api\.cohere\.(com|ai)", r"/v[12]/embed", CohereEmbed(), "5c4fa7e09b21"),
    Route("aws.bedrock", _BEDROCK, _MODEL + r"/(?P<verb>converse)", BedrockConverse(), "9b215c4fa7e0"),
    Route(
        "aws.bedrock",
        _BEDROCK,
        _MODEL + r"/(?P<verb>converse-stream)",
        BedrockConverse(),
        "9b215c4fa7e0",
        AWS_EVENT_STREAM,
    ),
    Route("aws.bedrock", _BEDROCK, _MODEL + r"/(?P<verb>invoke)", BedrockInvokeAnthropic(), "msg_bdrk_01Qk"),
    Route(
        "aws.bedrock",
        _BEDROCK,
        _MODEL + r"/(?P<verb>invoke-with-response-stream)",
        BedrockInvokeAnthropic(),
        "msg_bdrk_01Qk",
        AWS_EVENT_STREAM,
    ),
)

_COMPILED = tuple((re.compile(route.host), re.compile(route.path), route) for route in ROUTES)


def is_provider_host(host: str) -> bool:
    """Return whether *host*, without port, is one a provider answers at."""
    return any(pattern.fullmatch(host) for pattern, _, _ in _COMPILED)


def find(host: str, path: str, query: str) -> Match | None:
    """Return the route of a request, None when no provider answers there.

    A *host* of no provider (loopback, for example) matches by path only, first row first.
    """
    known = is_provider_host(host)
    for host_pattern, path_pattern, route in _COMPILED:
        matched = path_pattern.fullmatch(path)
        if matched and (not known or host_pattern.fullmatch(host)):
            groups = {key: value for key, value in matched.groupdict().items() if value is not None}
            if groups.get("verb") == "streamGenerateContent" and "alt=sse" not in query:
                route = route._replace(framing=JSON_ARRAY)
            return Match(route, groups)
    return None
