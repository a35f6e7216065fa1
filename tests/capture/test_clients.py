# SPDX-License-Identifier: Apache-2.0
"""Real client libraries against the provider server: the trace costs what the server bills, and results are the same.

Clients that are not installed are left out; `make test-capture` installs them all.
"""

from __future__ import annotations

import asyncio
import gc
import json
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import spancost
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.testing.provider_server import ProviderServer
from spancost.testing.reply import Reply, Scenario

ASK = [{"role": "user", "content": "Where is my parcel?"}]
KEY = "not-a-key"
pytestmark = pytest.mark.filterwarnings("ignore")


def openai_sync(server: ProviderServer) -> list[Any]:
    """Chat, stream, responses and embeddings."""
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key=KEY, base_url=server.url_for("api.openai.com") + "/v1")
    one = client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
    stream = client.chat.completions.create(
        model="gpt-4o-mini", messages=ASK, stream=True, stream_options={"include_usage": True}
    )
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    with client.responses.stream(model="gpt-4o-mini", input="hi") as events:
        last = events.get_final_response()
    vectors = client.embeddings.create(model="text-embedding-3-small", input=["hi"])
    return [one.choices[0].message.content, text, last.output_text, len(vectors.data)]


def openai_async(server: ProviderServer) -> list[Any]:
    """The same, asynchronously."""
    openai = pytest.importorskip("openai")

    async def ask() -> list[Any]:
        async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url_for("api.openai.com") + "/v1") as client:
            one = await client.chat.completions.create(model="gpt-4o-mini", messages=ASK)
            text = ""
            async for event in await client.responses.create(model="gpt-4o-mini", input="hi", stream=True):
                text += getattr(event, "delta", "")
        return [one.choices[0].message.content, text]

    return asyncio.run(ask())


def anthropic_both(server: ProviderServer) -> list[Any]:
    """Messages, and their stream, sync and async."""
    anthropic = pytest.importorskip("anthropic")
    base = server.url_for("api.anthropic.com")
    client = anthropic.Anthropic(api_key=KEY, base_url=base)
    one = client.messages.create(model="claude-sonnet-4-5", max_tokens=64, messages=ASK)
    with client.messages.stream(model="claude-sonnet-4-5", max_tokens=64, messages=ASK) as stream:
        text = "".join(stream.text_stream)

    async def ask() -> str:
        other = anthropic.AsyncAnthropic(api_key=KEY, base_url=base)
        async with other.messages.stream(model="claude-sonnet-4-5", max_tokens=64, messages=ASK) as events:
            return "".join([piece async for piece in events.text_stream])

    return [one.content[0].text, text, asyncio.run(ask())]


def groq_both(server: ProviderServer) -> list[Any]:
    """Chat and stream of the groq client (httpx)."""
    groq = pytest.importorskip("groq")
    client = groq.Groq(api_key=KEY, base_url=server.url_for("api.groq.com"))
    one = client.chat.completions.create(model="llama-3.3-70b-versatile", messages=ASK)
    stream = client.chat.completions.create(model="llama-3.3-70b-versatile", messages=ASK, stream=True)
    return [one.choices[0].message.content, "".join(c.choices[0].delta.content or "" for c in stream if c.choices)]


def cohere_both(server: ProviderServer) -> list[Any]:
    """Chat and stream of the cohere client (httpx)."""
    cohere = pytest.importorskip("cohere")
    client = cohere.ClientV2(api_key=KEY, base_url=server.url_for("api.cohere.com"))
    one = client.chat(model="command-a-03-2025", messages=ASK)
    events = list(client.chat_stream(model="command-a-03-2025", messages=ASK))
    return [one.message.content[0].text, len(events)]


def mistral_both(server: ProviderServer) -> list[Any]:
    """Chat and stream of the mistralai client (httpx2)."""
    client_module = pytest.importorskip("mistralai.client")
    client = client_module.Mistral(api_key=KEY, server_url=server.url_for("api.mistral.ai"))
    one = client.chat.complete(model="mistral-small-latest", messages=ASK)
    events = list(client.chat.stream(model="mistral-small-latest", messages=ASK))
    return [one.choices[0].message.content, len(events)]


def google_both(server: ProviderServer) -> list[Any]:
    """Content and its stream: synchronous over httpx2, asynchronous over aiohttp."""
    genai = pytest.importorskip("google.genai")
    options = {"base_url": server.url_for("generativelanguage.googleapis.com")}
    client = genai.Client(api_key=KEY, http_options=options)
    ask: Any = {"model": "gemini-2.5-flash", "contents": "hi"}
    one = client.models.generate_content(**ask).text
    text = "".join(chunk.text or "" for chunk in client.models.generate_content_stream(**ask))

    async def other() -> list[str]:
        found = [(await client.aio.models.generate_content(**ask)).text]
        found += [chunk.text or "" async for chunk in await client.aio.models.generate_content_stream(**ask)]
        return [found[0], "".join(found[1:])]

    return [one, text, *asyncio.run(other())]


def litellm_both(server: ProviderServer) -> list[Any]:
    """Completion and stream: synchronous over httpx, asynchronous over aiohttp below httpx."""
    litellm = pytest.importorskip("litellm")
    ask: Any = {
        "model": "openai/gpt-4o-mini",
        "messages": ASK,
        "api_key": KEY,
        "api_base": server.url_for("api.openai.com") + "/v1",
    }
    streamed = {**ask, "stream": True, "stream_options": {"include_usage": True}}
    one = litellm.completion(**ask).choices[0].message.content
    text = "".join(chunk.choices[0].delta.content or "" for chunk in litellm.completion(**streamed))

    async def other() -> list[str]:
        first = (await litellm.acompletion(**ask)).choices[0].message.content
        pieces = [chunk.choices[0].delta.content or "" async for chunk in await litellm.acompletion(**streamed)]
        return [first, "".join(pieces)]

    return [one, text, *asyncio.run(other())]


def botocore_all(server: ProviderServer) -> list[Any]:
    """Converse, InvokeModel and their streams."""
    boto3 = pytest.importorskip("boto3")
    client = boto3.client(
        "bedrock-runtime",
        region_name="us-east-1",
        endpoint_url=server.url,
        aws_access_key_id=KEY,
        aws_secret_access_key=KEY,
    )
    name = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    body = json.dumps({"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64, "messages": ASK})
    one = client.converse(modelId=name, messages=messages)["output"]["message"]["content"][0]["text"]
    events = list(client.converse_stream(modelId=name, messages=messages)["stream"])
    invoked = json.loads(client.invoke_model(modelId=name, body=body)["body"].read())["content"][0]["text"]
    chunks = list(client.invoke_model_with_response_stream(modelId=name, body=body)["body"])
    return [one, len(events), invoked, len(chunks)]


def requests_both(server: ProviderServer) -> list[Any]:
    """An answer and a stream through requests."""
    requests = pytest.importorskip("requests")
    url = server.url_for("api.openai.com") + "/v1/chat/completions"
    ask: Any = {"model": "gpt-4o-mini", "messages": ASK}
    headers = {"authorization": f"Bearer {KEY}"}
    one = requests.post(url, json=ask, headers=headers, timeout=10).json()["choices"][0]["message"]["content"]
    streamed = {**ask, "stream": True, "stream_options": {"include_usage": True}}
    with requests.post(url, json=streamed, headers=headers, timeout=10, stream=True) as response:
        lines = [line for line in response.iter_lines() if line]
    return [one, len(lines), lines[-1]]


CLIENTS: dict[str, tuple[Callable[[ProviderServer], list[Any]], str]] = {
    "openai": (openai_sync, "openai"),
    "openai-async": (openai_async, "openai"),
    "anthropic": (anthropic_both, "anthropic"),
    "groq": (groq_both, "groq"),
    "cohere": (cohere_both, "cohere"),
    "mistralai": (mistral_both, "mistral_ai"),
    "google-genai": (google_both, "gcp.gemini"),
    "litellm": (litellm_both, "openai"),
    "botocore": (botocore_all, "aws.bedrock"),
    "requests": (requests_both, "openai"),
}


class Run:
    """What a client gave, what the server billed and which spans ended."""

    def __init__(self, name: str, *, captured: bool, scenario: Scenario | None = None, beside: Any = None) -> None:
        call, sold_by = CLIENTS[name]
        exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.add_span_processor(spancost.LLMCostProcessor())
        capture = CaptureInstrumentor()
        with ProviderServer(scenario) as server, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if captured:
                providers = {f"127.0.0.1:{server.port}": sold_by}
                capture.instrument(tracer_provider=provider, providers=providers)
            if beside is not None:
                beside.instrument(tracer_provider=provider)
            self.result: list[Any] = []
            self.error: str | None = None
            try:
                self.result = call(server)
            except Exception as error:
                self.error = type(error).__qualname__
            finally:
                if beside is not None:
                    beside.uninstrument()
                if captured:
                    capture.uninstrument()
                # Clients leave connections open; their warnings belong here, not into some later test.
                gc.collect()
        self.charges = server.bill.charges
        self.stats = dict(capture.stats)
        self.spans: tuple[ReadableSpan, ...] = exporter.get_finished_spans()

    def each(self, key: str) -> list[Any]:
        """Return one attribute of every span, in the order of the calls."""
        ordered = sorted(self.spans, key=lambda span: span.start_time or 0)
        return [(span.attributes or {}).get(key) for span in ordered]


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep clients from looking up their price lists and from talking to a metadata service."""
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    yield


@pytest.mark.parametrize("name", CLIENTS)
def test_the_cost_is_the_bill(name: str) -> None:
    """Every call has one span, with the tokens and the dollars that the server billed."""
    run = Run(name, captured=True)
    assert run.error is None
    assert run.each("llm.input_tokens") == [c.usage.input_tokens for c in run.charges]
    assert [n or 0 for n in run.each("llm.output_tokens")] == [c.usage.output_tokens for c in run.charges]
    billed = [None if c.usd is None else pytest.approx(float(c.usd), rel=1e-12) for c in run.charges]
    told = run.each("llm.request_cost_usd")
    assert [cost if bill is not None else None for cost, bill in zip(told, billed, strict=True)] == billed
    ids = {span_id for span_id in run.each("llm.request_id") if span_id}
    assert ids <= {charge.response_id for charge in run.charges} or name == "botocore"  # there it is the request's
    assert not [key for key in run.stats if key.startswith("errors")], run.stats


@pytest.mark.parametrize("name", CLIENTS)
def test_the_caller_cannot_tell(name: str) -> None:
    """Results are those of a run that nobody looked at."""
    assert Run(name, captured=True).result == Run(name, captured=False).result


@pytest.mark.parametrize("name", ["openai", "anthropic"])
def test_each_retry_is_an_attempt_of_its_own(name: str) -> None:
    """A refused attempt is an error that cost nothing; the next one is the call."""
    refused = Reply(status=429, error="slow down", retry_after=0.01)
    run = Run(name, captured=True, scenario=Scenario([refused]))
    assert run.each("error.type")[:2] == ["429", None]
    assert run.each("llm.request_cost_usd")[0] is None
    assert len(run.spans) == len(run.charges) + 1


def test_each_attempt_has_its_http_span_beneath() -> None:
    """With opentelemetry-instrumentation-httpx on, each attempt of a retried call holds its own request."""
    refused = Reply(status=429, error="slow down", retry_after=0.01)
    run = Run("groq", captured=True, scenario=Scenario([refused]), beside=HTTPXClientInstrumentor())
    attempts = [span for span in run.spans if span.name == "llm.request"]
    below = [span for span in run.spans if span.name != "llm.request"]
    assert len(below) == len(attempts) == len(run.charges) + 1
    assert {s.parent.span_id for s in below if s.parent} == {s.get_span_context().span_id for s in attempts}
    assert sorted(str((span.attributes or {}).get("error.type")) for span in attempts) == ["429", "None", "None"]


@pytest.mark.parametrize("name", ["openai", "anthropic", "requests", "botocore", "google-genai"])
def test_a_cut_answer_raises_as_ever_and_is_told(name: str) -> None:
    """What a client raises is what it raises uncaptured; the span of the cut answer has no full usage."""
    replies = [Reply(), Reply(cut_after_events=2, times=9)]
    bare, seen = (Run(name, captured=captured, scenario=Scenario(replies)) for captured in (False, True))
    assert (seen.error, seen.result) == (bare.error, bare.result)
    assert seen.each("llm.capture")[:1] == ["usage"]
    assert set(seen.each("llm.capture")[1:2]) <= {"no_usage", "partial_usage", "error"}
