# SPDX-License-Identifier: Apache-2.0
"""Small traffic whose bill is known, made to be miscounted: alike calls, streams that overlap, stacks of reporters.

Each client of a process is reported by a stack of reporters, from the outermost to the one nearest to the wire; every
call of it by all of them. Within a trace two clients call different models. Ids are issued, missing or small numbers.
Calls fail and are made again, agents report the sum of their calls (traced or not), tools run agents, a gateway is
another process.
"""

from __future__ import annotations

import random
import string
import uuid
from typing import Any, NamedTuple

from spancost.core.call import Call
from spancost.testing.traffic import START_NS, Traffic

PROVIDER = "openai"
MODELS = ("gpt-4o-mini-2024-07-18", "gpt-4o-2024-08-06")
TOKENS = ((100, 10), (100, 10), (100, 12), (300, 80))
NOT_TRACED = (7_001, 911)
"""Tokens of calls that only the sum of their agent reports: no sum of traced calls is like theirs."""
MS = 1_000_000

Json = dict[str, Any]


class Reporter(NamedTuple):
    """An emitter: whether its span is current in the call, may lie in a trace of its own, reports ids; its words."""

    scope: str
    is_current: bool
    is_detached: bool = False
    has_ids: bool = True
    words: str = "gen_ai"


FRAMEWORKS = (
    Reporter("acme.framework", True),
    Reporter("acme.wrapper", True, has_ids=False),
    Reporter("openinference.instrumentation.langchain", False, True, False, "openinference"),
    Reporter("litellm", False, True),
    Reporter("openlit.instrumentation.langchain", False, True, False),
)
CLIENTS = (
    Reporter("opentelemetry.instrumentation.openai_v2", True),
    Reporter("opentelemetry.instrumentation.openai.v1", False, True),
    Reporter("openinference.instrumentation.openai", True, False, False, "openinference"),
)
CAPTURE = Reporter("spancost.capture", True, words="capture")


class Client(NamedTuple):
    """A client of a process. stack: its reporters. silent: those that report no usage of its streams.

    retries: share of calls that fail once before. gateway: the reporters in the process of a gateway, which passes the
    provider's ids on. Two issued ids are two calls: a gateway with ids of its own is counted twice.
    """

    stack: tuple[Reporter, ...]
    model: str
    ids: str
    silent: frozenset[str]
    retries: float
    gateway: tuple[Reporter, ...]


class Context(NamedTuple):
    """Where a call is made: its trace and the current span, "" for none."""

    trace: str
    parent: str


class Made(NamedTuple):
    """Traffic, how many calls were billed whose usage no span reports, and what it was made of."""

    traffic: Traffic
    unknown: int
    story: list[str]
    has_gateway: bool


def adversarial(seed: int, shows_identity: bool = False) -> Made:
    """Return the traffic of a seed: one or two processes, a few requests, few calls.

    shows_identity: every span reports its call's usage and the id that the provider issued, and there are no agents.
    """
    chance = random.Random(seed)
    maker = _Maker(chance, shows_identity)
    for number in range(chance.choice((1, 1, 2))):
        maker.process(f"service-{number}")
    spans = maker.into.spans
    spans.sort(key=lambda one: (int(one[2]["endTimeUnixNano"]), one[2]["traceId"], one[2]["spanId"]))
    spans.extend([one for one in spans if chance.random() < 0.1])
    return Made(maker.into, maker.unknown, maker.story, maker.has_gateway)


class _Maker:
    def __init__(self, chance: random.Random, shows_identity: bool) -> None:
        self.chance, self.shows_identity = chance, shows_identity
        self.into = Traffic([], [])
        self.unknown, self.has_gateway = 0, False
        self.story: list[str] = []

    def process(self, name: str) -> None:
        chance = self.chance
        about: Json = {"service.name": name}
        self.has_instance = chance.random() < 0.8
        if self.has_instance:
            about["service.instance.id"] = str(uuid.UUID(int=chance.getrandbits(128)))
        self.resource = {"attributes": _attributes(about)}
        self.gateway = {
            "attributes": _attributes({"service.name": "gateway", "service.instance.id": f"{name}-gateway"})
        }
        self.captures = chance.random() < 0.4
        clients = [self._client() for _ in range(chance.choice((1, 2)))]
        for _ in range(chance.choice((1, 2, 3))):
            by_model = {client.model: client for client in chance.sample(clients, len(clients))}
            self._request(list(by_model.values()), chance.randrange(40) * MS)

    def _client(self) -> Client:
        chance = self.chance
        stack = [reporter for reporter in FRAMEWORKS if chance.random() < 0.25]
        stack += [reporter for reporter in CLIENTS if chance.random() < 0.45]
        if self.captures:
            stack.append(CAPTURE)
        if not stack:
            stack = [chance.choice(CLIENTS)]
        chance.shuffle(stack)
        stack.sort(key=lambda reporter: (reporter is CAPTURE, reporter in CLIENTS))
        silent = frozenset(reporter.scope for reporter in stack if chance.random() < 0.15)
        ids = chance.choice(("issued", "issued", "none", "small", "placeholder"))
        if self.shows_identity:
            silent, ids = frozenset(), "issued"
        gateway = (chance.choice((CLIENTS[0], CAPTURE)),) if self.has_instance and chance.random() < 0.15 else ()
        return Client(tuple(stack), chance.choice(MODELS), ids, silent, chance.choice((0, 0, 0.5)), gateway)

    def _request(self, clients: list[Client], at: int) -> None:
        chance, trace = self.chance, self._id(128)
        begin = end = START_NS + at
        if chance.random() < 0.4:
            self._call(chance.choice(clients), Context(trace, ""), begin, 0)
            return
        root = self._id(64)
        at = begin + MS
        for _ in range(chance.choice((1, 2, 3))):
            make = self._agent if not self.shows_identity and chance.random() < 0.25 else self._call
            ended = make(chance.choice(clients), Context(trace, root), at, 0)
            end = max(end, ended)
            if chance.random() < 0.6:
                at = ended + 3 * MS
            else:
                at += chance.randrange(1, 30) * MS
        self._span("app", Context(trace, ""), root, (begin, end + MS), {})

    def _agent(self, client: Client, context: Context, at: int, depth: int) -> int:
        """Run an agent that reports the sum of its calls, traced or not; its tool may call a model or run an agent."""
        chance, above = self.chance, self._id(64)
        inner, end, total = Context(context.trace, above), at + MS, [0, 0]
        is_traced = chance.random() < 0.7
        self.story.append(f"{'  ' * depth}agent of {client.model}{'' if is_traced else ', not traced'}")
        for _ in range(chance.choice((1, 2, 3))):
            before = len(self.into.billed)
            if is_traced:
                end = self._call(client, inner, end + MS, 2)
            else:
                self._bill(client, (NOT_TRACED[0] + chance.randrange(100_000), NOT_TRACED[1]), end + MS)
                end += 50 * MS
            for call in self.into.billed[before:]:
                total = [total[0] + int(call.usage["input_tokens"]), total[1] + int(call.usage["output_tokens"])]
            if chance.random() < 0.3:
                tool = self._agent if depth < 1 and chance.random() < 0.5 else self._call
                end = tool(client, inner, end + MS, depth + 1)
        words = _WORDS["gen_ai"]
        said = {"gen_ai.operation.name": "invoke_agent", words["provider"]: PROVIDER, words["model"]: client.model}
        said |= {words["input"]: total[0], words["output"]: total[1]}
        self._span("acme.agents", context, above, (at, end + MS), said)
        return end + 2 * MS

    def _bill(self, client: Client, tokens: tuple[int, int], at: int) -> None:
        usage = {"input_tokens": tokens[0], "output_tokens": tokens[1]}
        self.into.billed.append(Call(PROVIDER, client.model, usage, at, client.model, "chat"))

    def _call(self, client: Client, context: Context, at: int, depth: int) -> int:
        """Make a call, and perhaps others while it is open; return when it has ended."""
        chance = self.chance
        if chance.random() < client.retries:
            said = self._said(client, CLIENTS[0], TOKENS[0], None, False) | {"error.type": "RateLimitError"}
            self._span(CLIENTS[0].scope, context, self._id(64), (at, at + 9 * MS), said, is_error=True)
            at += 12 * MS
        is_stream = depth < 2 and chance.random() < 0.5
        tokens, response_id = chance.choice(TOKENS), self._response_id(client)
        layers = len(client.stack)
        begin, length = at + 2 * MS * layers, chance.randrange(20, 400) * MS
        placed = [self._id(64) for _ in client.stack]
        inner, contexts, enriched = context, [], ""
        for number, reporter in enumerate(client.stack):
            own_trace = self.has_instance and reporter.is_detached and chance.random() < 0.5 and not client.gateway
            contexts.append(Context(self._id(128), "") if own_trace else inner)
            if reporter.is_current and reporter is not CAPTURE and not own_trace:
                inner = Context(inner.trace, placed[number])
                enriched = placed[number]
        end = begin + length
        if is_stream:
            during = begin + 3 * MS
            for _ in range(chance.choice((0, 1, 1, 2))):
                during = self._call(client, inner, during, depth + 1) + 2 * MS
            end = max(end, during)
        told = [r for r in client.stack if r is CAPTURE or not (is_stream and r.scope in client.silent)]
        told += list(client.gateway)
        if told:
            self._bill(client, tokens, begin)
        else:
            self.unknown += 1
        names = " > ".join(f"{r.scope}{'' if r in told else ' (silent)'}" for r in client.stack)
        times = f"{(begin - START_NS) // MS}-{(end - START_NS) // MS}"
        self.story.append(f"{'  ' * depth}{client.model} {tokens} id={response_id} {times}: {names} {client.gateway}")
        attributes = [self._said(client, reporter, tokens, response_id, reporter in told) for reporter in client.stack]
        if CAPTURE in client.stack and enriched and chance.random() < 0.6:
            attributes[placed.index(enriched)].update(attributes.pop())
        elif CAPTURE in client.stack:
            inner = Context(inner.trace, placed[-1])
        for number, said in enumerate(attributes):
            reporter, margin = client.stack[number], 2 * MS * (layers - number - 1)
            times = (begin - margin, end + margin)
            self._span(reporter.scope, contexts[number], placed[number], times, said)
        for reporter in client.gateway:
            resource, self.resource, self.has_gateway = self.resource, self.gateway, True
            said = self._said(client, reporter, tokens, response_id, True)
            self._span(reporter.scope, inner, self._id(64), (begin + MS, end - MS), said)
            self.resource = resource
        return end + 2 * MS * layers

    def _said(
        self, client: Client, reporter: Reporter, tokens: tuple[int, int], response_id: str | None, is_told: bool
    ) -> Json:
        names = _WORDS[reporter.words]
        said: Json = {**names["kind"], names["provider"]: PROVIDER, names["model"]: client.model}
        if is_told:
            said |= {names["input"]: tokens[0], names["output"]: tokens[1]}
        if response_id is not None and (reporter.has_ids or self.shows_identity):
            said[names["id"]] = response_id
        return said

    def _response_id(self, client: Client) -> str | None:
        chance = self.chance
        if client.ids == "issued":
            return f"chatcmpl-{''.join(chance.choices(string.ascii_letters + string.digits, k=29))}"
        return {"small": f"chatcmpl-{chance.randrange(3)}", "placeholder": "N/A"}.get(client.ids)

    def _span(
        self, scope: str, context: Context, span: str, times: tuple[int, int], said: Json, is_error: bool = False
    ) -> None:
        raw = {
            "traceId": context.trace,
            "spanId": span,
            "parentSpanId": context.parent,
            "name": "chat" if said else "request",
            "startTimeUnixNano": str(times[0]),
            "endTimeUnixNano": str(times[1]),
            "attributes": _attributes(said),
            "status": {"code": 2} if is_error else {},
        }
        self.into.spans.append((self.resource, {"name": scope, "version": ""}, raw))

    def _id(self, bits: int) -> str:
        return f"{self.chance.getrandbits(bits) | 1:0{bits // 4}x}"


_WORDS: dict[str, Any] = {
    "gen_ai": {
        "kind": {"gen_ai.operation.name": "chat"},
        "provider": "gen_ai.provider.name",
        "model": "gen_ai.request.model",
        "input": "gen_ai.usage.input_tokens",
        "output": "gen_ai.usage.output_tokens",
        "id": "gen_ai.response.id",
    },
    "openinference": {
        "kind": {"openinference.span.kind": "LLM"},
        "provider": "llm.provider",
        "model": "llm.model_name",
        "input": "llm.token_count.prompt",
        "output": "llm.token_count.completion",
        "id": "llm.response.id",
    },
    "capture": {
        "kind": {"llm.capture": "usage", "llm.operation": "chat"},
        "provider": "llm.provider",
        "model": "llm.model",
        "input": "llm.meter.input_tokens",
        "output": "llm.meter.output_tokens",
        "id": "llm.request_id",
    },
}


def _attributes(said: Json) -> list[Json]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in said.items()
    ]
