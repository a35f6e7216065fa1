# SPDX-License-Identifier: Apache-2.0
"""Budgets for Pydantic AI: a model around a model. `Agent(BudgetModel("openai:gpt-4o"))`.

Tried with pydantic-ai-slim 2.68.0.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pydantic_ai.models.wrapper import WrapperModel  # type: ignore[import-not-found,unused-ignore]

from spancost.control.hooks.framework_calls import FrameworkCalls


class BudgetModel(WrapperModel):  # type: ignore[misc,unused-ignore]
    """Reserves before each call of the model inside, and settles after it. `BudgetExceeded` leaves the run."""

    def __init__(self, wrapped: Any) -> None:
        super().__init__(wrapped)
        self._calls = FrameworkCalls()

    async def request(self, messages: Any, model_settings: Any, model_request_parameters: Any) -> Any:
        """Reserve, ask the model, settle."""
        call = object()
        self._begin(call, messages, model_settings)
        try:
            response = await super().request(messages, model_settings, model_request_parameters)
        except BaseException as error:
            self._calls.fail(call, error)
            raise
        self._calls.end(call, response.usage)
        return response

    @asynccontextmanager
    async def request_stream(
        self, messages: Any, model_settings: Any, model_request_parameters: Any, run_context: Any = None
    ) -> AsyncIterator[Any]:
        """Reserve, ask the model, settle when the stream is closed."""
        call = object()
        self._begin(call, messages, model_settings)
        try:
            async with super().request_stream(
                messages, model_settings, model_request_parameters, run_context
            ) as response:
                yield response
                usage = response.usage
        except BaseException as error:
            self._calls.fail(call, error)
            raise
        self._calls.end(call, usage() if callable(usage) else usage)

    def _begin(self, call: object, messages: Any, settings: Any) -> None:
        self._calls.begin(
            call, self.wrapped.system, self.wrapped.model_name, messages, (settings or {}).get("max_tokens")
        )
