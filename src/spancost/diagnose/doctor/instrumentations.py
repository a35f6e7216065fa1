# SPDX-License-Identifier: Apache-2.0
"""What the official GenAI instrumentations and LiteLLM are known not to report, and what to do about it.

Each row was seen with the real packages (tests/live, docs/live.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from spancost.core.dialect.rule import version_within
from spancost.diagnose.doctor.findings import NOTE, Finding

KNOWN = "Known limits of what is installed"
_CAPTURE = "Switch on spancost's own capture as well (docs/capture.md): it sees each request."
_OTEL = "opentelemetry-instrumentation-genai-"
_SCOPE = "opentelemetry.instrumentation.genai."


@dataclass(frozen=True)
class Limit:
    """A behaviour of one package at some versions.

    package: its name in the registry. bounds: versions, as in a dialect's rule. scope: what its spans have for a scope,
    "" where they tell nothing. without: packages of which one that is installed makes up for it.
    """

    package: str
    bounds: str
    text: str
    fix: str
    scope: str = ""
    without: tuple[str, ...] = ()


def _official(name: str, text: str, fix: str, without: tuple[str, ...] = ()) -> Limit:
    return Limit(_OTEL + name, ">=1.0 <2", text, fix, _SCOPE + name.replace("-", "_"), without)


_DURING = "a call that is made while a stream is open has no span of its own, or its figures land on the stream's span"
_NO_CALL = "its spans carry no usage; it leaves that to an instrumentation of the client beneath"
_CLIENTS = tuple(_OTEL + name for name in ("openai", "anthropic", "bedrock"))

LIMITS = (
    *(_official(name, _DURING, _CAPTURE) for name in ("anthropic", "bedrock", "portkey")),
    *(
        _official(
            name, _NO_CALL, "Install the instrumentation of the client too, such as " + _OTEL + "openai.", _CLIENTS
        )
        for name in ("openai-agents", "agno", "llama-index", "smolagents", "qwen-agent")
    ),
    _official(
        "openai",
        "with_streaming_response around a stream, and background responses, have a span without usage",
        "Read the stream by the client's own iterator. " + _CAPTURE,
    ),
    _official(
        "openai",
        "a request that the client repeats after a timeout is one span; the provider may have billed each attempt",
        "Set max_retries=0 and repeat the call yourself. " + _CAPTURE,
    ),
    _official(
        "langchain",
        "the service tier is not told, and on flex and priority cached and reasoning tokens are lost; embeddings have "
        "no span",
        "Install " + _OTEL + "openai too: the span then tells the tier.",
        (_OTEL + "openai",),
    ),
    _official(
        "portkey",
        "the provider behind the gateway is told only when the client is made with provider=",
        "Give the client provider=, or name the provider of Portkey's host (SPANCOST_CAPTURE_PROVIDERS).",
    ),
    Limit(
        "litellm",
        ">=1.110",
        "LiteLLM sends its requests past the OpenAI client's methods: instrumentations of openai see none of its calls",
        "Switch on LiteLLM's own callback (litellm.callbacks = ['otel']), openinference-instrumentation-litellm, or "
        "spancost's own capture (docs/dialects.md).",
        "",
        ("openinference-instrumentation-litellm",),
    ),
    Limit(
        "xai-sdk",
        ">=0",
        "it calls over gRPC, which capture does not read",
        "Switch on its own spans (xai_sdk.telemetry), or call api.x.ai with the openai client, which capture sees.",
    ),
    Limit(
        "google-cloud-aiplatform",
        ">=0",
        "its GenerativeModel calls over gRPC unless it is set up otherwise, which capture does not read",
        "Install opentelemetry-instrumentation-vertexai, or call with google-genai, which capture sees.",
        "",
        ("opentelemetry-instrumentation-vertexai", "openinference-instrumentation-vertexai"),
    ),
    Limit(
        "livekit-agents",
        ">=0",
        "its realtime sessions go over websockets, which capture does not read",
        "Switch on its own spans (livekit.agents.telemetry.set_tracer_provider).",
    ),
)


def of_packages(installed: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is known of the packages that are *installed*: name -> version."""
    for limit in LIMITS:
        version = installed.get(limit.package, "")
        if version_within(version, limit.bounds) and not any(name in installed for name in limit.without):
            yield _advice(limit, version, limit.package)


def of_scopes(scopes: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Yield what is known of the emitters of some spans: scope and version."""
    for scope, version in sorted(scopes):
        for limit in LIMITS:
            if limit.scope == scope and version_within(version, limit.bounds):
                yield _advice(limit, version, scope)


def _advice(limit: Limit, version: str, name: str) -> Finding:
    facts = {"package": limit.package, "version": version}
    return Finding(KNOWN, NOTE, f"{name} {version}: {limit.text}", limit.fix, facts)
