# SPDX-License-Identifier: Apache-2.0
"""A support agent as one might write it: retrieval, a plan, a tool loop on a cached prompt, a streamed reply.

It contains no cost code except three `attribution` blocks, which name the purpose of each part.
"""

from __future__ import annotations

import anthropic
import openai
from anthropic.types import MessageParam, TextBlockParam, ToolParam, ToolUseBlock
from opentelemetry import trace

from spancost import attribution, record_outcome

ARTICLES = (
    "Refunds: an order that has not arrived within 14 days is refunded in full, shipping included.",
    "Tracking: the state of an order is in its tracking record; a parcel without a scan for 5 days is lost.",
    "Gift cards: a gift card cannot be returned, and its balance does not expire.",
    "Opening hours: the shop answers on weekdays from 9 to 17.",
)
HANDBOOK: list[TextBlockParam] = [
    {
        "type": "text",
        "text": "You are the support agent of a shop. Be brief and kind; promise nothing that is not here.",
    },
    {"type": "text", "text": "\n".join(ARTICLES), "cache_control": {"type": "ephemeral"}},
]
FIND_ORDER: ToolParam = {
    "name": "find_order",
    "description": "Return the tracking record of an order.",
    "input_schema": {"type": "object", "properties": {"number": {"type": "integer"}}, "required": ["number"]},
}
EMBEDDER = "text-embedding-3-small"
PLANNER = "gpt-5-mini"
TOOL_USER = "claude-haiku-4-5"
WRITER = "gpt-4.1-mini"
TONE_CHECKER = "acme-tone-2"
"""A model of the shop's own, which no rate card can know."""


class SupportAgent:
    """Answers one question; the clients and the tracer are given."""

    def __init__(
        self, openai_client: openai.OpenAI, anthropic_client: anthropic.Anthropic, tracer: trace.Tracer
    ) -> None:
        self._openai = openai_client
        self._anthropic = anthropic_client
        self._tracer = tracer

    def answer(self, question: str) -> str:
        """Return the reply to *question*."""
        with self._tracer.start_as_current_span("POST /support"), attribution(team="support", environment="demo"):
            with attribution(feature="search"):
                facts = self._retrieve(question)
            with attribution(feature="order-help"):
                plan = self._plan(question, facts)
                finding = self._look_up(question, plan)
            with attribution(feature="reply"):
                reply = self._write(question, finding)
                self._check_tone(reply)
            record_outcome("success")
            return reply

    def _retrieve(self, question: str) -> str:
        """Return the article nearest to *question*, by the product of their embeddings."""
        with self._tracer.start_as_current_span("retrieve"):
            inputs = [question, *ARTICLES]
            first, *rest = (
                item.embedding for item in self._openai.embeddings.create(model=EMBEDDER, input=inputs).data
            )
            nearness = [sum(a * b for a, b in zip(first, vector, strict=True)) for vector in rest]
            return ARTICLES[nearness.index(max(nearness))]

    def _plan(self, question: str, facts: str) -> str:
        with self._tracer.start_as_current_span("plan"):
            made = self._openai.responses.create(
                model=PLANNER,
                instructions=f"Plan the next step. Known: {facts}",
                input=question,
                max_output_tokens=1_500,  # without a bound, a budget reserves the most that the model can put out
            )
            return made.output_text

    def _look_up(self, question: str, plan: str) -> str:
        """Let the model use its tool until it has an answer; a provider that is overloaded is asked once more."""
        messages: list[MessageParam] = [{"role": "user", "content": f"{question}\nPlan: {plan}"}]
        with self._tracer.start_as_current_span("tool loop"):
            while True:
                message = self._ask(messages)
                calls = [block for block in message.content if isinstance(block, ToolUseBlock)]
                if not calls:
                    return "".join(block.text for block in message.content if block.type == "text")
                messages.append({"role": "assistant", "content": message.content})
                messages += [self._use_tool(call) for call in calls]

    def _ask(self, messages: list[MessageParam]) -> anthropic.types.Message:
        for _ in range(2):
            try:
                return self._anthropic.messages.create(
                    model=TOOL_USER, max_tokens=800, system=HANDBOOK, messages=messages, tools=[FIND_ORDER]
                )
            except anthropic.InternalServerError as error:
                overloaded = error
        raise overloaded

    def _use_tool(self, call: ToolUseBlock) -> MessageParam:
        with self._tracer.start_as_current_span(f"tool {call.name}"):
            found = "order 1042: handed to the carrier 9 days ago, last scan 6 days ago"
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": found}]}

    def _write(self, question: str, finding: str) -> str:
        with self._tracer.start_as_current_span("write reply"):
            stream = self._openai.chat.completions.create(
                model=WRITER,
                max_completion_tokens=800,
                messages=[
                    {"role": "system", "content": f"Answer the customer. What was found: {finding}"},
                    {"role": "user", "content": question},
                ],
                stream=True,
                stream_options={"include_usage": True},
            )
            return "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)

    def _check_tone(self, reply: str) -> None:
        with self._tracer.start_as_current_span("check tone"):
            self._openai.chat.completions.create(
                model=TONE_CHECKER,
                max_completion_tokens=800,
                messages=[{"role": "user", "content": f"Is this kind? {reply}"}],
            )
