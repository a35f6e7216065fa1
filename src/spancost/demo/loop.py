# SPDX-License-Identifier: Apache-2.0
"""The scene of `spancost demo --loop`: the agent calls one tool again and again, and a budget of the trace stops it.

The same agent runs twice on loopback: under the budget, and without it until its model has an answer.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import anthropic
import httpx2
import openai
from opentelemetry.sdk.trace import TracerProvider

from spancost import BudgetExceeded, LLMCostProcessor, Settings
from spancost.capture.instrumentor import CaptureInstrumentor
from spancost.config.budgets import of_lines
from spancost.config.detectors import default_rules
from spancost.control.budgets import setup
from spancost.control.guards import Guards
from spancost.core.detect.anomaly import Anomaly
from spancost.core.detect.detectors import detect
from spancost.core.record import CallRecord
from spancost.demo.agent import SupportAgent
from spancost.demo.session import QUESTION
from spancost.testing import ProviderServer, Reply, Scenario, ToolCall
from spancost.testing.clients import http_client

TURNS = 80
"""After so many turns the model of the demo has an answer."""
_KEY = "no-key-needed"


class Run(NamedTuple):
    """One run of the agent: the calls that were sent, what they were billed, and what stopped it, if anything did."""

    calls: int
    billed_usd: Fraction
    stopped: BudgetExceeded | None
    anomalies: list[Anomaly]


def run(budget_usd: str | None) -> Run:
    """Run the looping agent under a budget for its trace, or without one."""
    again = Reply(
        when={"model": "claude-haiku-4-5"},
        text="Let me look at the order.",
        tool_calls=(ToolCall("find_order", {"number": 1042}),),
        times=TURNS,
    )
    records: list[CallRecord] = []
    processor = LLMCostProcessor(
        Settings(detectors="off"),
        on_call=[lambda event: records.append(event) if isinstance(event, CallRecord) else None],
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    guards = Guards()
    if budget_usd is not None:
        made = setup.admission(of_lines([f"trace:{budget_usd}"], "--loop"))
        setup.put_in_force(made, guards)
    capture = CaptureInstrumentor()
    capture.instrument(tracer_provider=provider, guards=guards)
    try:
        with ProviderServer(Scenario([again])) as server:
            stopped = _answer(server, provider)
            charges = server.bill.charges
    finally:
        capture.uninstrument()
        provider.shutdown()
    billed = sum((charge.usd for charge in charges if charge.usd is not None), Fraction(0))
    return Run(len(charges), billed, stopped, detect(records, default_rules()))


def _answer(server: ProviderServer, provider: TracerProvider) -> BudgetExceeded | None:
    """Let the agent answer with real clients, whose requests go to *server*; return what stopped it."""
    options: dict[str, Any] = {"api_key": _KEY, "max_retries": 2}
    with (
        openai.OpenAI(http_client=http_client(httpx2, server), **options) as openai_client,
        anthropic.Anthropic(http_client=http_client(httpx2, server), **options) as anthropic_client,
    ):
        try:
            SupportAgent(openai_client, anthropic_client, provider.get_tracer("support_agent")).answer(QUESTION)
        except BudgetExceeded as refused:
            return refused
    return None
