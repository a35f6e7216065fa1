# SPDX-License-Identifier: Apache-2.0
"""Budgets for the OpenAI Agents SDK: run hooks. `Runner.run(agent, input, hooks=BudgetHooks())`.

Tried with openai-agents 0.24.0.
"""

from __future__ import annotations

from typing import Any

from agents import RunHooks  # type: ignore[import-not-found,unused-ignore]

from spancost.control.hooks.framework_calls import FrameworkCalls


class BudgetHooks(RunHooks):  # type: ignore[misc,type-arg,unused-ignore]
    """Reserves before each call of a model, and settles after it. `BudgetExceeded` leaves the run.

    The SDK tells no hook of a call that fails: its reservation expires, and counts as spent.
    """

    def __init__(self, provider: str = "openai") -> None:
        """provider: of the models whose names do not tell it."""
        self._calls = FrameworkCalls()
        self._provider = provider

    async def on_llm_start(self, context: Any, agent: Any, system_prompt: Any, input_items: Any) -> None:
        """Reserve."""
        model = getattr(agent.model, "model", agent.model)
        bound = getattr(agent.model_settings, "max_tokens", None)
        name = model if isinstance(model, str) else None
        self._calls.begin(id(context), self._provider, name, [system_prompt, input_items], bound)

    async def on_llm_end(self, context: Any, agent: Any, response: Any) -> None:
        """Settle."""
        self._calls.end(id(context), response.usage)
