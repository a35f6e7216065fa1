# SPDX-License-Identifier: Apache-2.0
"""Known gaps of the official GenAI instrumentations and LiteLLM, with the fix for each.

Each row was observed with the real packages (tests/live, docs/live.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from spancost.core.dialect.rule import version_within
from spancost.diagnose.doctor.findings import NOTE, Finding

KNOWN = "Known limits of installed packages"
_CAPTURE = "Also enable spancost's capture (docs/capture.md), which reads each request."
_OTEL = "opentelemetry-instrumentation-genai-"
_SCOPE = "opentelemetry.instrumentation.genai."


@dataclass(frozen=True)
class Limit:
    """A behaviour of one package at some versions.

    package: distribution name. bounds: versions, as in a dialect's rule. scope: instrumentation scope of its spans, ""
    for none. without: packages that close the gap when one of them is installed. needs: packages that the behaviour
    takes; all must be installed.
    """

    package: str
    bounds: str
    text: str
    fix: str
    scope: str = ""
    without: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _official(name: str, text: str, fix: str, without: tuple[str, ...] = ()) -> Limit:
    return Limit(_OTEL + name, ">=1.0 <2", text, fix, _SCOPE + name.replace("-", "_"), without)


_DURING = "a call made while a stream is open has no span, or its usage is written on the stream's span"
_NO_CALL = "its spans carry no usage; the instrumentation of the client reports it"
_CLIENTS = tuple(_OTEL + name for name in ("openai", "anthropic", "bedrock"))

LIMITS = (
    *(_official(name, _DURING, _CAPTURE) for name in ("anthropic", "bedrock", "portkey")),
    *(
        _official(
            name, _NO_CALL, "Also install the instrumentation of the client, such as " + _OTEL + "openai.", _CLIENTS
        )
        for name in ("openai-agents", "agno", "llama-index", "smolagents", "qwen-agent")
    ),
    _official(
        "openai",
        "streams under with_streaming_response, and background responses, have spans without usage",
        "Read the stream with the client's iterator. " + _CAPTURE,
    ),
    _official(
        "openai",
        "a request that the client repeats after a timeout is one span; the provider may have billed each attempt",
        "Set max_retries=0 and retry the call yourself. " + _CAPTURE,
    ),
    _official(
        "langchain",
        "the service tier is not reported; on flex and priority, cached and reasoning tokens are lost; embeddings have "
        "no span",
        "Install " + _OTEL + "openai too; its span reports the tier.",
        (_OTEL + "openai",),
    ),
    _official(
        "portkey",
        "the provider behind the gateway is reported only when the client is created with provider=",
        "Pass provider= to the client, or set the provider of Portkey's host (SPANCOST_CAPTURE_PROVIDERS).",
    ),
    Limit(
        "litellm",
        ">=1.110",
        "LiteLLM bypasses the methods of the OpenAI client: instrumentations of openai do not report its calls",
        "Enable LiteLLM's callback (litellm.callbacks = ['otel']), openinference-instrumentation-litellm, or "
        "spancost's capture (docs/dialects.md).",
        "",
        ("openinference-instrumentation-litellm",),
    ),
    Limit(
        "xai-sdk",
        ">=0",
        "it uses gRPC, which capture does not read",
        "Enable its spans (xai_sdk.telemetry), or call api.x.ai with the openai client, which capture reads.",
    ),
    Limit(
        "google-cloud-aiplatform",
        ">=0",
        "its GenerativeModel uses gRPC by default, which capture does not read",
        "Install opentelemetry-instrumentation-vertexai, or use google-genai, which capture reads.",
        "",
        ("opentelemetry-instrumentation-vertexai", "openinference-instrumentation-vertexai"),
    ),
    Limit(
        "livekit-agents",
        ">=0",
        "its realtime sessions use websockets, which capture does not read",
        "Enable its spans (livekit.agents.telemetry.set_tracer_provider).",
    ),
    Limit(
        "openai",
        ">=1",
        "its realtime sessions use websockets, which capture does not read",
        "Write the usage of each response.done event on a span of your own (docs/dialects.md).",
        needs=("websockets",),
    ),
    Limit(
        "google-genai",
        ">=1",
        "its live sessions use websockets, which capture does not read",
        "Write the usage_metadata of the session's messages on a span of your own (docs/dialects.md).",
        needs=("websockets",),
    ),
)


def of_packages(installed: Mapping[str, str]) -> Iterator[Finding]:
    """Yield the known limits of *installed* packages (name -> version)."""
    for limit in LIMITS:
        version = installed.get(limit.package, "")
        closed = any(name in installed for name in limit.without)
        applies = version_within(version, limit.bounds) and all(name in installed for name in limit.needs)
        if applies and not closed:
            yield _finding(limit, version, limit.package)


def of_scopes(scopes: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Yield the known limits of the emitters of spans (scope, version)."""
    for scope, version in sorted(scopes):
        for limit in LIMITS:
            if limit.scope == scope and version_within(version, limit.bounds):
                yield _finding(limit, version, scope)


def _finding(limit: Limit, version: str, name: str) -> Finding:
    facts = {"package": limit.package, "version": version}
    return Finding(KNOWN, NOTE, f"{name} {version}: {limit.text}", limit.fix, facts)
