# SPDX-License-Identifier: Apache-2.0
"""Attribution across services: the leak of OpenTelemetry's own baggage, and that ours does not have it.

Real httpx and httpx2 with their real instrumentations, against a server on loopback that is spoken to as a proxy, so
that the requests keep the hosts they are meant for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import httpx2
import pytest
from opentelemetry import baggage, context, propagate, trace
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor, HTTPXClientInstrumentor
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from spancost import attribution
from spancost.otel import attribution as attribution_module
from spancost.otel.baggage import AttributionPropagator, destination
from spancost.otel.processor import LLMCostProcessor
from tests.otel.processor.simple import Set

PROVIDERS = [
    "api.openai.com",
    "eu.api.openai.com",
    "api.anthropic.com",
    "generativelanguage.googleapis.com",
    "us-central1-aiplatform.googleapis.com",
    "my-resource.openai.azure.com",
    "bedrock-runtime.us-east-1.amazonaws.com",
    "api.mistral.ai",
    "api.groq.com",
    "api.deepseek.com",
    "openrouter.ai",
]
CLIENTS: list[Any] = [httpx, httpx2]


class _Server(BaseHTTPRequestHandler):
    received: dict[str, dict[str, str]]

    def do_GET(self) -> None:
        host = urlsplit(self.path).hostname or self.headers["host"]
        self.server.received[host] = {key.lower(): value for key, value in self.headers.items()}  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Any]:
    """A server that answers anything; `received` maps the host asked for to the request's headers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as running:
        running.received = {}  # type: ignore[attr-defined]
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def provider() -> Iterator[TracerProvider]:
    """Both clients instrumented, the propagators as they were afterwards."""
    made = TracerProvider(shutdown_on_exit=False)
    before = propagate.get_global_textmap()
    instrumentors = [HTTPXClientInstrumentor(), HTTPX2ClientInstrumentor()]
    for instrumentor in instrumentors:
        instrumentor.instrument(tracer_provider=made)
    yield made
    for instrumentor in instrumentors:
        instrumentor.uninstrument()
    propagate.set_global_textmap(before)


def get(client: Any, server: Any, host: str) -> dict[str, str]:
    """The headers that *host* receives."""
    with client.Client(proxy=f"http://127.0.0.1:{server.server_port}", trust_env=False) as opened:
        opened.get(f"http://{host}/v1/models")
    headers: dict[str, str] = server.received.pop(host)
    return headers


@pytest.mark.parametrize("client", CLIENTS)
def test_opentelemetrys_own_baggage_leaks_to_a_provider(client: Any, server: Any, provider: TracerProvider) -> None:
    """What happens without us: the tenant's id goes to whoever is called."""
    token = context.attach(baggage.set_baggage("app.workspace_id", "ws_42"))
    try:
        assert "ws_42" in get(client, server, "api.openai.com")["baggage"]
    finally:
        context.detach(token)


@pytest.mark.parametrize("client", CLIENTS)
def test_attribution_is_never_sent_unless_switched_on(client: Any, server: Any, provider: TracerProvider) -> None:
    """Not to a provider, not to a service of one's own."""
    provider.add_span_processor(LLMCostProcessor())
    with attribution(feature="search", workspace_id="ws_42"):
        for host in ("api.openai.com", "orders.internal"):
            headers = get(client, server, host)
            assert "baggage" not in headers
            assert "traceparent" in headers


@pytest.mark.parametrize("client", CLIENTS)
def test_allowed_tags_go_to_services_and_nothing_goes_to_providers(
    client: Any, server: Any, provider: TracerProvider
) -> None:
    """The application's own baggage is kept from providers too; the trace context goes everywhere."""
    provider.add_span_processor(LLMCostProcessor(baggage="send", baggage_keys=["feature", "team"]))
    token = context.attach(baggage.set_baggage("tenant", "t1"))
    try:
        with attribution(feature="search", workspace_id="ws_42"):
            sent = get(client, server, "orders.internal")["baggage"]
            assert sorted(sent.split(",")) == ["app.feature=search", "tenant=t1"]
            for host in PROVIDERS:
                headers = get(client, server, host)
                assert "baggage" not in headers, host
                assert "traceparent" in headers, host
    finally:
        context.detach(token)


async def _async_get(client: Any, server: Any, host: str) -> dict[str, str]:
    async with client.AsyncClient(proxy=f"http://127.0.0.1:{server.server_port}", trust_env=False) as opened:
        await opened.get(f"http://{host}/v1/models")
    headers: dict[str, str] = server.received.pop(host)
    return headers


@pytest.mark.parametrize("client", CLIENTS)
def test_async_clients_are_held_to_the_same(client: Any, server: Any, provider: TracerProvider) -> None:
    """One rule, both kinds."""
    provider.add_span_processor(LLMCostProcessor(baggage="send", baggage_keys=["feature"]))
    with attribution(feature="search"):
        assert asyncio.run(_async_get(client, server, "orders.internal"))["baggage"] == "app.feature=search"
        assert "baggage" not in asyncio.run(_async_get(client, server, "api.anthropic.com"))


def test_tags_go_only_to_the_hosts_that_are_named(server: Any, provider: TracerProvider) -> None:
    """With their subdomains, and no others that end alike."""
    provider.add_span_processor(
        LLMCostProcessor(baggage="send", baggage_keys=["feature"], baggage_hosts=["corp.example"])
    )
    with attribution(feature="search"):
        for host, goes in (("corp.example", True), ("a.corp.example", True), ("notcorp.example", False)):
            assert ("baggage" in get(httpx, server, host)) is goes, host


def test_where_the_destination_is_not_known_no_tag_is_sent() -> None:
    """No client span, or one that says no host; tags in the application's own baggage are taken out too."""
    propagator = _propagator(send=True)
    made = Set()
    here = baggage.set_baggage("app.team", "growth", baggage.set_baggage("tenant", "t1"))
    here = attribution_module.with_tags({"app.feature": "search"}, here)
    with made.tracer.start_as_current_span("client", context=here, kind=trace.SpanKind.CLIENT) as span:
        carrier: dict[str, str] = {}
        propagator.inject(carrier, trace.set_span_in_context(span, here))
    assert carrier["baggage"] == "tenant=t1"
    assert propagator.counts["baggage_unknown_host"] == 1


@pytest.mark.parametrize(
    ("attributes", "host"),
    [
        ({"url.full": "https://api.openai.com:443/v1"}, "api.openai.com"),
        ({"http.url": "http://User:pw@API.OpenAI.com/v1"}, "api.openai.com"),
        ({"url.full": "https://api.openai.com./v1"}, "api.openai.com"),
        ({"server.address": "api.openai.com."}, "api.openai.com"),
        ({"server.address": "Orders.internal"}, "orders.internal"),
        ({"net.peer.name": "10.0.0.1"}, "10.0.0.1"),
        ({"http.host": "orders.internal:8080"}, "orders.internal"),
        ({"url.full": "not a url", "server.address": ""}, None),
        ({"url.full": 3}, None),
        ({}, None),
    ],
)
def test_the_destination_is_what_the_client_span_says(attributes: dict[str, Any], host: str | None) -> None:
    """In the newer and the older conventions; a server's own address is no destination."""
    made = Set()
    for kind in trace.SpanKind:
        span = made.tracer.start_span("span", kind=kind, attributes=attributes)
        found = destination(trace.set_span_in_context(span))
        assert found == (host if kind in (trace.SpanKind.CLIENT, trace.SpanKind.PRODUCER) else None)


def test_incoming_tags_count_only_when_accepted_and_allowed() -> None:
    """Anybody can forge a header: it is off, allow-listed, checked for form, and what the service itself says wins."""
    carrier = {"baggage": "app.feature=search,app.team=forged,app.experiment=caf%C3%A9+x"}
    assert attribution_module.tags(_propagator(accept=False).extract(carrier)) == {}
    accepted = _propagator(accept=True, tags=("feature", "experiment")).extract(carrier)
    assert attribution_module.tags(accepted) == {"app.feature": "search"}
    own = attribution_module.with_tags({"app.feature": "own"}, context.Context())
    assert attribution_module.tags(_propagator(accept=True).extract(carrier, own)) == {"app.feature": "own"}


def test_accepted_tags_land_on_the_spans_of_the_service() -> None:
    """From the header to the span."""
    made = Set()
    incoming = _propagator(accept=True).extract({"baggage": "app.feature=search"})
    made.tracer.start_span("server", context=incoming).end()
    assert made.kept.of("server") == {"app.feature": "search"}


@pytest.mark.parametrize("value", ["", "x" * 65, "a b", "café", "a,b", "a=b", 'a"b', "a\nb"])
def test_a_value_that_not_every_language_reads_alike_does_not_travel(value: str) -> None:
    """It is left out and counted."""
    made = Set()
    propagator = _propagator(send=True)
    with (
        attribution(feature=value),
        made.tracer.start_as_current_span(
            "client", kind=trace.SpanKind.CLIENT, attributes={"server.address": "orders.internal"}
        ),
    ):
        carrier: dict[str, str] = {}
        propagator.inject(carrier)
    assert "baggage" not in carrier
    assert propagator.counts["baggage_refused"] == 1


def test_what_is_not_understood_is_not_sent() -> None:
    """A fault of ours is counted; the headers of the trace still go."""

    def fails(host: str) -> bool:
        raise RuntimeError

    made = Set()
    propagator = AttributionPropagator(propagate.get_global_textmap(), ["feature"], fails, send=True, accept=False)
    here = baggage.set_baggage("tenant", "t1")
    with made.tracer.start_as_current_span(
        "client", context=here, kind=trace.SpanKind.CLIENT, attributes={"server.address": "orders.internal"}
    ) as span:
        carrier: dict[str, str] = {}
        propagator.inject(carrier, trace.set_span_in_context(span, here))
    assert "traceparent" in carrier
    assert "baggage" not in carrier
    assert propagator.counts["errors_baggage"] == 1


def test_propagators_without_baggage_are_told(provider: TracerProvider, caplog: pytest.LogCaptureFixture) -> None:
    """Switched on in one place and off in another."""
    propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator()]))
    LLMCostProcessor(baggage="send", baggage_keys=["feature"])
    LLMCostProcessor(baggage="send", baggage_keys=["feature"])
    assert caplog.text.count("OTEL_PROPAGATORS") == 1


def _propagator(*, send: bool = False, accept: bool = False, tags: tuple[str, ...] = ("feature",)) -> Any:
    return AttributionPropagator(
        propagate.get_global_textmap(), tags, lambda host: host == "api.openai.com", send=send, accept=accept
    )
