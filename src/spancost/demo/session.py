# SPDX-License-Identifier: Apache-2.0
"""One run of the demo: real clients, a real instrumentation, the processor, the real exporter, all on loopback."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import anthropic
import openai
from openinference.instrumentation.anthropic import AnthropicInstrumentor
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry import trace

from spancost import LLMCostProcessor
from spancost.demo.agent import SupportAgent
from spancost.testing import Charge, OtlpReceiver, ProviderServer, ReceivedSpan, Scenario
from spancost.testing.tracing import traced

QUESTION = "My order 1042 has not arrived. What now?"
_KEY = "no-key-needed"


class Session(NamedTuple):
    """The result of a run: the spans as a backend received them, the same as OTLP JSON Lines, and the bill."""

    spans: list[ReceivedSpan]
    otlp_lines: str
    charges: tuple[Charge, ...]


def run() -> Session:
    """Run the agent once. It sets the process's tracer provider, as an application does."""
    os.environ["NO_PROXY"] = "127.0.0.1"  # without this, the exporter would use a proxy for loopback
    scenario = Scenario.load(Path(__file__).parent / "scenario.json")
    with ProviderServer(scenario) as server, OtlpReceiver() as receiver:
        provider = traced(receiver, [LLMCostProcessor()], resource={"service.name": "support-agent"})
        trace.set_tracer_provider(provider)
        OpenAIInstrumentor().instrument(tracer_provider=provider)
        AnthropicInstrumentor().instrument(tracer_provider=provider)
        with (
            openai.OpenAI(
                api_key=_KEY,
                base_url=f"{server.url}/v1",
                max_retries=0,
                http_client=openai.DefaultHttpxClient(trust_env=False),
            ) as openai_client,
            anthropic.Anthropic(
                api_key=_KEY,
                base_url=server.url,
                max_retries=0,
                http_client=anthropic.DefaultHttpxClient(trust_env=False),
            ) as anthropic_client,
        ):
            SupportAgent(openai_client, anthropic_client, provider.get_tracer("support_agent")).answer(QUESTION)
        provider.shutdown()
        return Session(receiver.spans, receiver.json_lines(), server.bill.charges)
