# SPDX-License-Identifier: Apache-2.0
"""Traffic of many services whose true bill is known, as OTLP JSON: crowded, with ids that repeat, reported twice.

The same seed gives the same bytes. Tokens are few different numbers, so that calls look alike; times overlap as the
rate says. Calls that a `Service` reports more than once or delivers twice are billed once; failed calls are not billed.
"""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from spancost.core.call import Call

START_NS = 1_780_300_000_000_000_000
MODEL, PROVIDER = "gpt-4o-mini-2024-07-18", "openai"
GENAI, OPENLLMETRY, OPENINFERENCE, LANGCHAIN = (
    ("opentelemetry.instrumentation.openai_v2", "2.3"),
    ("opentelemetry.instrumentation.openai.v1", "0.61.0"),
    ("openinference.instrumentation.openai", "0.1.41"),
    ("openinference.instrumentation.langchain", "0.1.60"),
)
IDS = ("none", "issued", "small", "placeholder", "of_request", "uuid_of_request")
"""What response ids an emitter reports: none, those of OpenAI, 999 numbers as Ollama's, `N/A`, one for all calls of a
trace as vLLM's (a string or a UUID from the caller)."""
REPORTERS = ("none", "ancestor", "sibling", "detached", "gateway")
"""Who else reports a call: nobody, a framework above it or beside it in its trace, one in a trace of its own, or the
client of a gateway in another service and trace."""

Json = dict[str, Any]


class Service(NamedTuple):
    """One process.

    calls: how many in each request (0: calls are roots). rate: calls a second. outer_id: whether the second
    reporter also reports the id. retries, redelivered: shares of calls that fail once before, of spans sent twice.
    """

    name: str
    emitter: tuple[str, str] = GENAI
    ids: str = "issued"
    reporter: str = "none"
    outer_id: bool = True
    rate: float = 50
    calls: int = 3
    tokens: tuple[tuple[int, int], ...] = ((100, 10), (120, 10), (800, 200))
    retries: float = 0.0
    redelivered: float = 0.0
    has_instance: bool = True


class Traffic(NamedTuple):
    """Spans of services, in the order in which they end, each with its resource and scope; and the calls to pay for."""

    spans: list[tuple[Json, Json, Json]]
    billed: list[Call]

    def requests(self, size: int, spans: Sequence[tuple[Json, Json, Json]] | None = None) -> Iterator[Json]:
        """Yield the spans, or some of them, in requests of *size* spans."""
        spans = self.spans if spans is None else spans
        for first in range(0, len(spans), size):
            yield {
                "resourceSpans": [
                    {"resource": resource, "scopeSpans": [{"scope": scope, "spans": [span]}]}
                    for resource, scope, span in spans[first : first + size]
                ]
            }


def traffic(seed: int, services: Iterable[Service], number: int) -> Traffic:
    """Return traffic in which each service makes about *number* calls."""
    found = Traffic([], [])
    for place, service in enumerate(services):
        _Maker(random.Random(f"{seed}/{place}/{service.name}"), service, found).make(number)
    found.spans.sort(key=lambda one: (int(one[2]["endTimeUnixNano"]), one[2]["traceId"], one[2]["spanId"]))
    chance = random.Random(f"{seed}/again")
    shares = {service.name: service.redelivered for service in services}
    again = [one for one in found.spans if chance.random() < shares.get(_name(one[0]), 0)]
    found.spans.extend(again)
    return found


def _name(resource: Json) -> str:
    return str(resource["attributes"][0]["value"]["stringValue"])


class _Maker:
    def __init__(self, chance: random.Random, service: Service, into: Traffic) -> None:
        self.chance, self.service, self.into = chance, service, into
        self.resource = self._resource(service.name)
        self.clock = START_NS
        self.gateway = self._resource(f"{service.name}-client")

    def _resource(self, name: str) -> Json:
        about = {"service.name": name}
        if self.service.has_instance:
            about["service.instance.id"] = str(uuid.UUID(int=self.chance.getrandbits(128)))
        return {"attributes": _attributes(about)}

    def make(self, number: int) -> None:
        made = 0
        while made < number:
            calls = max(self.service.calls, 1)
            self._request(calls)
            made += calls

    def _request(self, calls: int) -> None:
        trace, root = self._id(128), self._id(64) if self.service.calls else ""
        of_request = f"chatcmpl-req_{self.chance.randrange(100)}"
        if self.service.ids == "uuid_of_request":
            of_request = f"chatcmpl-{uuid.UUID(int=self.chance.getrandbits(128))}"
        begun, ended, at = self.clock, self.clock, self.clock
        for _ in range(calls):
            ended = self._call(trace, root, at, of_request)
            at = ended + 3_000_000
            self.clock += int(self.chance.expovariate(self.service.rate) * 1e9)
        if root:
            self._add(self.resource, ("app", ""), trace, root, "", begun, ended + 5_000_000, {})

    def _call(self, trace: str, parent: str, at: int, of_request: str) -> int:
        service, chance = self.service, self.chance
        if chance.random() < service.retries:
            failed = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": PROVIDER, "gen_ai.request.model": MODEL}
            failed["error.type"] = "RateLimitError"
            span = self._id(64)
            self._add(self.resource, GENAI, trace, span, parent, at, at + 9_000_000, failed, is_error=True)
            at += 20_000_000
        begin, end = at + 2_000_000, at + 2_000_000 + chance.randrange(50_000_000, 1_500_000_000)
        tokens, response_id = chance.choice(service.tokens), self._response_id(of_request)
        outer = (begin - 1_500_000, end + 1_500_000, tokens, response_id if service.outer_id else None)
        above = self._id(64)
        if service.reporter == "ancestor":
            self._report(self.resource, LANGCHAIN, trace, above, parent, *outer)
            parent = above
        elif service.reporter == "sibling":
            self._report(self.resource, LANGCHAIN, trace, above, parent, *outer)
        elif service.reporter == "detached":
            self._report(self.resource, LANGCHAIN, self._id(128), above, "", *outer)
        elif service.reporter == "gateway":
            self._report(self.gateway, GENAI, self._id(128), above, "", *outer)
        self._report(self.resource, service.emitter, trace, self._id(64), parent, begin, end, tokens, response_id)
        usage = {"input_tokens": tokens[0], "output_tokens": tokens[1]}
        self.into.billed.append(Call(PROVIDER, MODEL, usage, begin, MODEL, "chat"))
        return end + 2_000_000

    def _response_id(self, of_request: str) -> str | None:
        ids = self.service.ids
        if ids == "issued":
            letters = self.chance.choices(string.ascii_letters + string.digits, k=29)
            return f"chatcmpl-{''.join(letters)}"
        return {
            "none": None,
            "small": f"chatcmpl-{self.chance.randrange(999)}",
            "placeholder": self.chance.choice(("N/A", "unknown", "0")),
        }.get(ids, of_request)

    def _report(
        self,
        resource: Json,
        emitter: tuple[str, str],
        trace: str,
        span: str,
        parent: str,
        begin: int,
        end: int,
        tokens: tuple[int, int],
        response_id: str | None,
    ) -> None:
        said: dict[str, Any]
        if emitter in (LANGCHAIN, OPENINFERENCE):
            said = {
                "openinference.span.kind": "LLM",
                "llm.provider": PROVIDER,
                "llm.model_name": MODEL,
                "llm.token_count.prompt": tokens[0],
                "llm.token_count.completion": tokens[1],
                "llm.response.id": response_id,
            }
        else:
            said = {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": PROVIDER,
                "gen_ai.request.model": MODEL,
                "gen_ai.response.model": MODEL,
                "gen_ai.usage.input_tokens": tokens[0],
                "gen_ai.usage.output_tokens": tokens[1],
                "gen_ai.response.id": response_id,
            }
        said = {key: value for key, value in said.items() if value is not None}
        self._add(resource, emitter, trace, span, parent, begin, end, said)

    def _add(
        self,
        resource: Json,
        emitter: tuple[str, str],
        trace: str,
        span: str,
        parent: str,
        begin: int,
        end: int,
        said: dict[str, Any],
        is_error: bool = False,
    ) -> None:
        raw = {
            "traceId": trace,
            "spanId": span,
            "parentSpanId": parent,
            "name": "chat" if said else "request",
            "startTimeUnixNano": str(begin),
            "endTimeUnixNano": str(end),
            "attributes": _attributes(said),
            "status": {"code": 2} if is_error else {},
        }
        self.into.spans.append((resource, {"name": emitter[0], "version": emitter[1]}, raw))

    def _id(self, bits: int) -> str:
        return f"{self.chance.getrandbits(bits) | 1:0{bits // 4}x}"


def _attributes(said: dict[str, Any]) -> list[Json]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in said.items()
    ]
