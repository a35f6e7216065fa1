# SPDX-License-Identifier: Apache-2.0
"""A week of a support product as spans: the same bytes for the same seed. No prompt text, no real names.

Three tenants, two experiments, a new prompt version in the middle of the week, a runaway agent, outcomes, evaluation
scores, a model that no rate card has. Spans have the attributes of the official GenAI instrumentation for OpenAI and of
OpenInference for Anthropic; spans of the application are around them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

BEGIN_NS = 1_794_787_200 * 10**9
"""Monday 2026-11-16, 00:00 UTC."""
_SECOND = 10**9
_HOUR = 3600 * _SECOND
_DAY = 24 * _HOUR
OPENAI = ("opentelemetry.instrumentation.genai.openai", "1.3b0")
ANTHROPIC = ("openinference.instrumentation.anthropic", "1.1.0")
APPLICATION = ("support_api", "4.2.0")
_ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_SPANS_A_REQUEST = 400


class Tenant(NamedTuple):
    """A customer of the product: share of the conversations, user tier, and how often the answer helps."""

    name: str
    share: float
    tier: str
    success: float


TENANTS = (
    Tenant("acme", 0.55, "enterprise", 0.74),
    Tenant("birch", 0.3, "pro", 0.69),
    Tenant("cedar", 0.15, "free", 0.55),
)
EXPERIMENTS = ("short-prompt:control", "short-prompt:treatment", "rerank:control", "rerank:treatment")
NEW_PROMPT_DAY = 3
RUNAWAY_CALLS = 180

Span = dict[str, Any]


class _Week:
    """Makes the spans; everything random comes from one generator."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.spans: list[tuple[tuple[str, str], Span]] = []

    def span(self, scope: tuple[str, str], trace: str, parent: str, name: str, begin: int, length: int) -> Span:
        """Add a span and return it; its attributes are filled in by the caller."""
        span: Span = {
            "traceId": trace,
            "spanId": self._hex(8),
            "parentSpanId": parent,
            "name": name,
            "kind": 1 if scope == APPLICATION else 3,
            "startTimeUnixNano": str(begin),
            "endTimeUnixNano": str(begin + length),
            "attributes": [],
        }
        self.spans.append((scope, span))
        return span

    def _hex(self, size: int) -> str:
        return self.random.getrandbits(size * 8).to_bytes(size, "big").hex()

    def trace_id(self) -> str:
        """Return a new trace id."""
        return self._hex(16)

    def response_id(self, prefix: str, length: int) -> str:
        """Return an id as the provider issues it."""
        return prefix + "".join(self.random.choices(_ALPHABET, k=length))

    def about(self, low: int, high: int) -> int:
        """Return a size with a long tail between two bounds."""
        return min(high, low + int(self.random.paretovariate(1.6) * low / 2))

    def openai(self, at: _Place, model: str, tokens: int, output: int, cached: int = 0, operation: str = "chat") -> int:
        """Add a call of OpenAI; return when it ends."""
        length = int((0.4 + output / 90) * _SECOND)
        span = self.span(OPENAI, at.trace, at.parent, f"{operation} {model}", at.begin, length)
        values: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": model,
            "gen_ai.response.model": model,
            "server.address": "api.openai.com",
            "gen_ai.usage.input_tokens": tokens,
        }
        if operation == "chat":
            values["gen_ai.response.id"] = self.response_id("chatcmpl-", 29)
            values["gen_ai.usage.output_tokens"] = output
            values["gen_ai.usage.cache_read.input_tokens"] = cached
            values["gen_ai.response.finish_reasons"] = ["stop"]
        put(span, {**values, **at.tags})
        return at.begin + length

    def anthropic(self, at: _Place, model: str, tokens: int, output: int, cached: int) -> int:
        """Add a call of Anthropic; return when it ends."""
        length = int((0.6 + output / 70) * _SECOND)
        span = self.span(ANTHROPIC, at.trace, at.parent, "Messages", at.begin, length)
        put(
            span,
            {
                "openinference.span.kind": "LLM",
                "llm.system": "anthropic",
                "llm.provider": "anthropic",
                "llm.model_name": model,
                "llm.token_count.prompt": tokens,
                "llm.token_count.completion": output,
                "llm.token_count.total": tokens + output,
                "llm.token_count.prompt_details.cache_read": cached,
                "session.id": at.tags["gen_ai.conversation.id"],
                **at.tags,
            },
        )
        return at.begin + length


class _Place(NamedTuple):
    """Where a call goes: its trace, parent, begin, and the attributes of its work."""

    trace: str
    parent: str
    begin: int
    tags: dict[str, Any]


def put(span: Span, values: dict[str, Any]) -> None:
    """Add attributes to a span of OTLP JSON."""
    span["attributes"] += [{"key": key, "value": any_value(value)} for key, value in values.items()]


def any_value(value: Any) -> dict[str, Any]:
    """Return a value as OTLP JSON."""
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(item) for item in value]}}
    if isinstance(value, (bool, int, float)):
        kind = {bool: "boolValue", int: "intValue", float: "doubleValue"}[type(value)]
        return {kind: str(value) if kind == "intValue" else value}
    return {"stringValue": value}


def _turn(week: _Week, begin: int, session: str, tenant: Tenant, experiment: str, turn: int) -> int:
    """Add one question and its answer, a trace of its own; return when it ends."""
    rng = week.random
    day = (begin - BEGIN_NS) // _DAY
    trace = week.trace_id()
    base = {
        "app.team": "support",
        "app.environment": "production",
        "app.workspace_id": tenant.name,
        "app.user_tier": tenant.tier,
        "app.experiment": experiment,
        "gen_ai.conversation.id": session,
    }
    root = week.span(APPLICATION, trace, "", "POST /support", begin, 0)
    top = root["spanId"]
    at = begin + _SECOND // 20
    retrieval = week.span(APPLICATION, trace, top, "retrieve", at, 0)
    inner = _Place(trace, retrieval["spanId"], at, {**base, "app.feature": "search"})
    at = week.openai(inner, "text-embedding-3-small", rng.randrange(20, 90), 0, operation="embeddings")
    if experiment == "rerank:treatment":
        at = week.openai(inner._replace(begin=at), "gpt-4.1-mini", week.about(2600, 9000), rng.randrange(20, 60))
    _end(retrieval, at)
    agent = week.span(APPLICATION, trace, top, "agent", at, 0)
    context = 2800 + 900 * turn
    for step in range(rng.choice((1, 2, 2, 3, 4))):
        tags = {**base, "app.feature": "order-help"}
        cached = context - context % 512 if step or turn else 0
        place = _Place(trace, agent["spanId"], at, tags)
        output = week.about(60, 700)
        at = week.anthropic(place, "claude-haiku-4-5", context, output, cached) + _SECOND // 5
        context += output + week.about(180, 1500)
    _end(agent, at)
    version = "v4" if day >= NEW_PROMPT_DAY else "v3"
    size = week.about(1500, 6000) - (600 if experiment == "short-prompt:treatment" else 0)
    reply = {**base, "app.feature": "reply", "app.prompt_name": "answer", "app.prompt_version": version}
    model = "gpt-5-mini" if tenant.tier == "enterprise" else "gpt-4.1-mini"
    at = week.openai(
        _Place(trace, top, at, reply), model, max(size, 400), week.about(120, 900), size // 4 if turn else 0
    )
    if rng.random() < 0.2:
        at = week.openai(_Place(trace, top, at, {**base, "app.feature": "tone-check"}), "acme-tone-2", 300, 8)
    _finish(week, root, at, base, tenant.success + (0.05 if version == "v4" else 0))
    return at


def _finish(week: _Week, root: Span, at: int, base: dict[str, Any], chance: float) -> None:
    """Give the root of a trace its end, outcome and score."""
    rng = week.random
    outcome = "success" if rng.random() < chance else rng.choice(("failure", "escalated"))
    _end(root, at)
    put(root, {"http.request.method": "POST", "http.route": "/support", **base, "app.outcome": outcome})
    if rng.random() < 0.5:
        score = round(min(1.0, max(0.0, rng.gauss(0.8 if outcome == "success" else 0.45, 0.12))), 3)
        attributes = {"gen_ai.evaluation.name": "helpfulness", "gen_ai.evaluation.score.value": score}
        event: dict[str, Any] = {"name": "gen_ai.evaluation.result", "timeUnixNano": str(at), "attributes": []}
        put(event, attributes)
        root["events"] = [event]


def _runaway(week: _Week) -> None:
    """Add the trace of an agent that repeats a failing tool for an hour: its context grows with every call."""
    begin = BEGIN_NS + 2 * _DAY + 3 * _HOUR
    trace = week.trace_id()
    base = {
        "app.team": "support",
        "app.environment": "production",
        "app.workspace_id": "birch",
        "app.user_tier": "pro",
        "app.feature": "order-help",
        "gen_ai.conversation.id": "c-runaway",
    }
    root = week.span(APPLICATION, trace, "", "POST /support", begin, 0)
    agent = week.span(APPLICATION, trace, root["spanId"], "agent", begin, 0)
    at = begin
    for step in range(RUNAWAY_CALLS):
        tokens = 3000 + 640 * step
        place = _Place(trace, agent["spanId"], at, base)
        at = week.anthropic(place, "claude-haiku-4-5", tokens, 90, tokens - tokens % 512 if step else 0) + 12 * _SECOND
    _end(agent, at)
    _end(root, at)
    put(root, {"http.request.method": "POST", "http.route": "/support", **base, "app.outcome": "failure"})


def _end(span: Span, at: int) -> None:
    span["endTimeUnixNano"] = str(at)


def support_week(seed: int = 7, conversations: int = 300) -> Iterator[dict[str, Any]]:
    """Yield the week as requests of OTLP JSON, in order of time; about 24 spans for each conversation."""
    week = _Week(seed)
    rng = week.random
    for number in range(conversations):
        day = rng.choices(range(7), weights=(20, 19, 18, 18, 15, 5, 5))[0]
        hour = min(23.0, max(0.0, rng.gauss(13, 3)))
        begin = BEGIN_NS + day * _DAY + int(hour * _HOUR)
        tenant = rng.choices(TENANTS, weights=[each.share for each in TENANTS])[0]
        experiment = rng.choice(EXPERIMENTS)
        for turn in range(rng.choice((1, 1, 2, 2, 3, 4))):
            begin = _turn(week, begin, f"c-{number:05d}", tenant, experiment, turn) + rng.randrange(20, 400) * _SECOND
    _runaway(week)
    resource: dict[str, Any] = {"attributes": []}
    put(
        resource,
        {"service.name": "support-api", "service.version": "4.2.0", "telemetry.sdk.language": "python"},
    )
    ordered = sorted(week.spans, key=lambda pair: int(pair[1]["endTimeUnixNano"]))
    for first in range(0, len(ordered), _SPANS_A_REQUEST):
        by_scope: dict[tuple[str, str], list[Span]] = {}
        for scope, span in ordered[first : first + _SPANS_A_REQUEST]:
            by_scope.setdefault(scope, []).append(span)
        scopes = [{"scope": {"name": n, "version": v}, "spans": spans} for (n, v), spans in by_scope.items()]
        yield {"resourceSpans": [{"resource": resource, "scopeSpans": scopes}]}


def json_lines(seed: int = 7, conversations: int = 300) -> str:
    """Return the week as the Collector's file exporter writes it: one request a line."""
    requests = support_week(seed, conversations)
    return "".join(json.dumps(request, separators=(",", ":")) + "\n" for request in requests)
