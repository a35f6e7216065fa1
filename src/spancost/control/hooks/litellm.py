# SPDX-License-Identifier: Apache-2.0
"""Budgets for LiteLLM's proxy and router: a custom logger. `litellm.callbacks = [BudgetLogger()]`.

Its hook before a call runs in the proxy only. In a program that calls `litellm.completion` itself, capture refuses
calls. Tried with litellm 1.110.2.
"""

from __future__ import annotations

from typing import Any

from litellm.integrations.custom_logger import CustomLogger  # type: ignore[import-not-found,unused-ignore]

from spancost.control.budgets.exceeded import BudgetExceeded
from spancost.control.hooks.framework_calls import FrameworkCalls

_CALL_ID = "litellm_call_id"


class BudgetLogger(CustomLogger):  # type: ignore[misc,unused-ignore]
    """Reserves before each call of the proxy, and settles after it. A refused call is answered with status 429."""

    def __init__(self) -> None:
        super().__init__()
        self._calls = FrameworkCalls()

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: Any
    ) -> Any:
        """Reserve; the answer of a refused call has the body of `BudgetExceeded`."""
        provider, _, model = str(data.get("model") or "").rpartition("/")
        bound = data.get("max_tokens") or data.get("max_completion_tokens") or data.get("max_output_tokens")
        text = data.get("messages") or data.get("input") or data.get("prompt")
        try:
            self._calls.begin(data.get(_CALL_ID), provider or None, model or None, text, bound)
        except BudgetExceeded as refused:
            from fastapi import HTTPException  # type: ignore[import-not-found,unused-ignore]

            raise HTTPException(status_code=429, detail=refused.body()["error"]) from refused
        return data

    async def async_log_success_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Settle."""
        self._calls.end(kwargs.get(_CALL_ID), getattr(response_obj, "usage", None))

    async def async_log_failure_event(self, kwargs: Any, response_obj: Any, start_time: Any, end_time: Any) -> None:
        """Settle."""
        error = kwargs.get("exception")
        self._calls.fail(kwargs.get(_CALL_ID), error if isinstance(error, BaseException) else Exception())
