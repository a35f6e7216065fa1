# SPDX-License-Identifier: Apache-2.0
"""The provider on loopback: real clients read its answers, and its bill is what they used at list price."""

from __future__ import annotations

import gzip
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from spancost.testing import PriceList, ProviderServer, Reply, Scenario, ToolCall, Usage
from spancost.testing.clients import http_client

SAY: Any = [{"role": "user", "content": "hello"}]
LONG = "A sentence that the provider can keep. " * 200
OPTIONS: Any = {"include_usage": True}
OPEN: list[Any] = []


@pytest.fixture
def server() -> Iterator[ProviderServer]:
    with ProviderServer() as made:
        yield made


@pytest.fixture(autouse=True)
def opened() -> Iterator[None]:
    """Close the clients a test made."""
    yield
    while OPEN:
        OPEN.pop().close()


def gpt(server: ProviderServer, retries: int = 0) -> openai.OpenAI:
    made = openai.OpenAI(api_key="not-a-key", base_url=f"{server.url}/v1", max_retries=retries)
    OPEN.append(made)
    return made


def claude(server: ProviderServer) -> anthropic.Anthropic:
    made = anthropic.Anthropic(api_key="not-a-key", base_url=server.url, max_retries=0)
    OPEN.append(made)
    return made


def post(url: str, body: dict[str, Any], **headers: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"content-type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


def test_it_starts_and_stops_within_a_blink() -> None:
    """Every test may have a server of its own."""
    began = time.perf_counter()
    with ProviderServer():
        pass
    assert time.perf_counter() - began < 0.5


def test_the_bill_is_the_usage_the_client_was_told_at_list_price(server: ProviderServer) -> None:
    """gpt-5-mini: 0.25 and 2 USD a million, reasoning inside the output."""
    told = gpt(server).chat.completions.create(model="gpt-5-mini", messages=SAY).usage
    assert told is not None
    (charge,) = server.bill.charges
    assert charge.usage == Usage(told.prompt_tokens, output_tokens=told.completion_tokens, reasoning_tokens=64)
    assert charge.usd == Fraction(told.prompt_tokens * 25 + told.completion_tokens * 200, 10**8)
    assert charge.model == "gpt-5-mini-2025-08-07"


def test_the_same_request_gets_the_same_answer() -> None:
    """Nothing is random but the ids."""
    texts = []
    for _ in range(2):
        with ProviderServer() as server:
            texts.append(gpt(server).responses.create(model="gpt-5", input="hello").output_text)
    assert texts[0] == texts[1] != ""


def test_ids_differ_between_servers() -> None:
    """An id that came twice would make the second call a duplicate."""
    ids = set()
    for _ in range(2):
        with ProviderServer() as server:
            ids.add(gpt(server).chat.completions.create(model="gpt-4o", messages=SAY).id)
    assert len(ids) == 2


def test_a_stream_says_usage_only_when_it_was_asked(server: ProviderServer) -> None:
    """As OpenAI does; it is billed in any case."""
    made = gpt(server)
    silent = list(made.chat.completions.create(model="gpt-4o-mini", messages=SAY, stream=True))
    told = list(made.chat.completions.create(model="gpt-4o-mini", messages=SAY, stream=True, stream_options=OPTIONS))
    assert all(chunk.usage is None for chunk in silent)
    assert told[-1].usage is not None and told[-1].choices == []
    assert len(server.bill.charges) == 2


def test_anthropic_writes_a_marked_prompt_once_and_reads_it_after(server: ProviderServer) -> None:
    """The rest of the prompt is plain input; the hour costs twice the input price."""
    system: Any = [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral", "ttl": "1h"}}]
    ask = claude(server).messages.create
    first = ask(model="claude-haiku-4-5", max_tokens=9, system=system, messages=SAY).usage
    second = ask(model="claude-haiku-4-5", max_tokens=9, system=system, messages=SAY).usage
    assert first.cache_creation is not None
    assert first.cache_creation.ephemeral_1h_input_tokens == first.cache_creation_input_tokens
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 1024
    assert first.input_tokens == second.input_tokens < 10
    wrote, read = (charge.usd for charge in server.bill.charges)
    assert wrote is not None and read is not None
    assert wrote - read == Fraction(second.cache_read_input_tokens) * Fraction("1.9") / 10**6


def test_automatic_caches_keep_whole_steps_of_a_prefix(server: ProviderServer) -> None:
    """OpenAI's cached tokens are multiples of 128, from 1024 on, and inside the prompt tokens."""
    messages: Any = [{"role": "system", "content": LONG}, *SAY]
    made = gpt(server)
    used = [made.chat.completions.create(model="gpt-4o", messages=messages).usage for _ in range(2)]
    cached = [usage.prompt_tokens_details.cached_tokens for usage in used if usage and usage.prompt_tokens_details]
    assert cached[0] == 0
    assert cached[1] is not None and cached[1] >= 1024 and cached[1] % 128 == 0


def test_streams_are_read_by_the_clients_own_accumulators(server: ProviderServer) -> None:
    """Text, tool arguments and usage come out of the stream as they come out of the document."""
    call = ToolCall("find_order", {"number": 7})
    server.scenario = Scenario([Reply(text="Let me look.", tool_calls=(call,), thinking="An order.")] * 2)
    whole = claude(server).messages.create(model="claude-opus-4-5", max_tokens=99, messages=SAY)
    with claude(server).messages.stream(model="claude-opus-4-5", max_tokens=99, messages=SAY) as stream:
        streamed = stream.get_final_message()
    keys = {"type", "text", "thinking", "name", "input"}
    kept = [[block.model_dump(include=keys) for block in message.content] for message in (whole, streamed)]
    assert kept[0] == kept[1]
    assert whole.usage.output_tokens == streamed.usage.output_tokens


def test_a_scenario_is_data_and_says_what_it_does_not_know(tmp_path: Path) -> None:
    """Replies are taken in order by those they match; a key that means nothing is refused."""
    path = tmp_path / "scenario.json"
    replies = [{"when": {"model": "gpt-4o"}, "text": "four", "times": 2}, {"text": "any"}]
    path.write_text(json.dumps({"replies": replies}))
    with ProviderServer(Scenario.load(path)) as server:
        made = gpt(server)
        said = [
            made.chat.completions.create(model=name, messages=SAY).choices[0].message.content
            for name in ("gpt-4o-mini", "gpt-4o", "gpt-4o")
        ]
        assert said == ["any", "four", "four"]
        assert server.scenario.remaining() == 0
    path.write_text(json.dumps({"replies": [{"txet": "typo"}]}))
    with pytest.raises(ValueError, match=r"scenario\.json, replies\[0\]: found txet; expected keys among .*text"):
        Scenario.load(path)


def test_errors_are_the_providers_own_and_are_not_billed(server: ProviderServer) -> None:
    """429 with retry-after: the client tries again, and only what was served is charged."""
    server.scenario = Scenario([Reply(status=429, retry_after=0.01)])
    made = gpt(server, retries=1)
    made.chat.completions.create(model="gpt-4o-mini", messages=SAY)
    assert [exchange.status for exchange in server.exchanges] == [429, 200]
    assert len(server.bill.charges) == 1
    server.scenario = Scenario([Reply(status=529, error="Overloaded")])
    with pytest.raises(anthropic.APIStatusError, match="Overloaded"):
        claude(server).messages.create(model="claude-haiku-4-5", max_tokens=9, messages=SAY)


def test_a_stream_that_breaks_off_is_billed_as_served(server: ProviderServer) -> None:
    """The client sees the connection end in the middle of the body."""
    server.scenario = Scenario([Reply(cut_after_events=3)])
    with pytest.raises((httpx.RemoteProtocolError, httpx2.RemoteProtocolError, openai.APIConnectionError)):
        list(gpt(server).chat.completions.create(model="gpt-4o-mini", messages=SAY, stream=True))
    assert len(server.bill.charges) == 1


def test_a_model_without_a_list_price_is_served_and_its_amount_is_not_known(server: ProviderServer) -> None:
    """The bill invents nothing either."""
    gpt(server).chat.completions.create(model="model-of-tomorrow", messages=SAY)
    (charge,) = server.bill.charges
    assert (charge.model, charge.usd) == ("model-of-tomorrow", None)
    assert server.bill.total_usd == 0


def test_a_compressed_answer_is_gzip(server: ProviderServer) -> None:
    """For clients that decode on their own."""
    server.scenario = Scenario([Reply(compressed=True, text="zipped")])
    _, headers, body = post(f"{server.url}/v1/chat/completions", {"model": "gpt-4o", "messages": SAY})
    assert headers["content-encoding"] == "gzip"
    assert json.loads(gzip.decompress(body))["choices"][0]["message"]["content"] == "zipped"


def test_the_host_a_client_means_tells_the_provider(server: ProviderServer) -> None:
    """Azure's deployment is a name of its own; the response says the model."""
    made = openai.AzureOpenAI(
        api_key="not-a-key",
        api_version="2024-10-21",
        azure_endpoint="https://shop.openai.azure.com",
        http_client=http_client(httpx2, server),
    )
    OPEN.append(made)
    answer = made.chat.completions.create(model="support-mini", messages=SAY)
    (charge,) = server.bill.charges
    assert (charge.provider, answer.model) == ("azure.ai.openai", "gpt-4o-mini-2024-07-18")
    assert server.exchanges[0].host == "shop.openai.azure.com"


@pytest.mark.parametrize(
    ("host", "path", "provider", "usage"),
    [
        ("api.x.ai", "/v1/chat/completions", "x_ai", {"completion_tokens": 18, "total_tokens": 93}),
        ("api.groq.com", "/openai/v1/chat/completions", "groq", {"completion_tokens": 82, "total_tokens": 93}),
        ("openrouter.ai", "/api/v1/chat/completions", "openrouter", {"cost": 0.0, "completion_tokens": 18}),
    ],
)
def test_providers_of_one_wire_keep_their_habits(
    server: ProviderServer, host: str, path: str, provider: str, usage: dict[str, Any]
) -> None:
    """xAI leaves reasoning out of completion_tokens; OpenRouter says its cost."""
    models = {"x_ai": "grok-4.6", "groq": "openai/gpt-oss-120b", "openrouter": "of-tomorrow"}
    body = {"model": models[provider], "messages": [{"role": "user", "content": "hello, you"}]}
    _, _, answer = post(server.url_for(host) + path, body)
    found = json.loads(answer)["usage"]
    assert usage == {key: found[key] for key in usage}
    assert server.bill.charges[0].provider == provider


def test_keys_and_prompts_are_not_kept(server: ProviderServer) -> None:
    """What the server remembers can be printed."""
    gpt(server).chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "secret-prompt"}])
    kept = repr((server.exchanges, server.bill.charges))
    assert "not-a-key" not in kept and "secret-prompt" not in kept
    assert server.exchanges[0].headers["content-type"] == "application/json"


def test_a_price_list_with_no_rate_for_a_used_meter_has_no_amount() -> None:
    """Nothing is charged at zero for want of a price."""
    prices = PriceList.published()
    assert prices.amount("groq", "llama-3.3-70b-versatile", Usage(10, cache_read_tokens=5)) is None
    assert prices.amount("openai", "gpt-4o", Usage(10), service_tier="of-tomorrow") is None
    assert prices.amount("openai", "gpt-4o", Usage(10)) == Fraction("0.000025")
