# SPDX-License-Identifier: Apache-2.0
"""Budgets for LangChain and LangGraph: a callback handler. `model.invoke(…, config={"callbacks": [BudgetCallback()]})`.

Tried with langchain-core 1.8.3.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler  # type: ignore[import-not-found,unused-ignore]

from spancost.control.hooks.framework_calls import FrameworkCalls


class BudgetCallback(BaseCallbackHandler):  # type: ignore[misc,unused-ignore]
    """Reserves before each call of a model, and settles after it. `BudgetExceeded` leaves the call."""

    raise_error = True
    run_inline = True

    def __init__(self) -> None:
        self._calls = FrameworkCalls()

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Reserve."""
        self._begin(run_id, messages, kwargs)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Reserve."""
        self._begin(run_id, prompts, kwargs)

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Settle."""
        message = next((getattr(each, "message", None) for row in response.generations for each in row), None)
        usage = getattr(message, "usage_metadata", None) or (response.llm_output or {}).get("token_usage")
        self._calls.end(run_id, usage)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Settle."""
        self._calls.fail(run_id, error)

    def _begin(self, run_id: UUID, text: Any, kwargs: dict[str, Any]) -> None:
        asked, said = kwargs.get("invocation_params") or {}, kwargs.get("metadata") or {}
        model = asked.get("model") or asked.get("model_name") or said.get("ls_model_name")
        bound = asked.get("max_tokens") or asked.get("max_completion_tokens") or said.get("ls_max_tokens")
        self._calls.begin(run_id, said.get("ls_provider"), model, text, bound)
