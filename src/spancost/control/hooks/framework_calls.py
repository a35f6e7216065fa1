# SPDX-License-Identifier: Apache-2.0
"""What the hooks of all frameworks share: a reservation when a call begins, its settlement when it ends."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from spancost.control.budgets import setup
from spancost.control.budgets.budgets import Held
from spancost.control.budgets.facts import context_of
from spancost.core.budget.estimate import input_tokens
from spancost.core.budget.limit import CallFacts

_OPEN_KEPT = 10_000
USAGE_KEYS: Mapping[str, tuple[str, ...]] = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "cache_read_tokens": ("cache_read_tokens", "cached_tokens", "cache_read"),
}
"""Meter -> names that frameworks have for it, on the object of the usage or in its details."""
_DETAILS = ("input_tokens_details", "input_token_details", "prompt_tokens_details")


class FrameworkCalls:
    """The open calls of one hook, by the framework's own id.

    Where capture sees the calls as well, which reserves for them itself, nothing is done: a call is counted once.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[object, Held] = OrderedDict()

    def begin(self, call_id: object, provider: str | None, model: str | None, text: object, bound: object) -> None:
        """Reserve for a call; `BudgetExceeded` when a budget has too little left.

        text: what is sent, of which only the length counts. bound: the most output tokens, None when there is none.
        """
        made = setup.in_force()
        if made is None or _is_captured():
            return
        values: dict[str, str] = {}
        trace_id, session = context_of(values)
        values.update({key: name for key, name in (("provider", provider), ("model", model)) if name})
        most = bound if isinstance(bound, int) and bound > 0 else None
        facts = CallFacts(values, trace_id, session, input_tokens(len(str(text).encode())), most)
        held = made.budgets.reserve(facts)
        if held is not None:
            self._open[call_id] = held
            while len(self._open) > _OPEN_KEPT:  # their reservations expire, and count as spent
                self._open.popitem(last=False)

    def end(self, call_id: object, usage: object) -> None:
        """Settle a call at the cost of *usage*, an object or a mapping; at what was reserved when it says nothing."""
        held, made = self._open.pop(call_id, None), setup.in_force()
        if held is None or made is None:
            return
        found = meters_of(usage)
        if found:
            made.budgets.settle_usage(held, found)
        else:
            made.budgets.settle_reserved(held)

    def fail(self, call_id: object, error: BaseException) -> None:
        """Settle a call that failed: nothing, or its input when it was cancelled."""
        held, made = self._open.pop(call_id, None), setup.in_force()
        if held is not None and made is not None:
            made.budgets.settle(held, None, is_lost=not isinstance(error, Exception))


def meters_of(usage: object) -> dict[str, int]:
    """Return the meters that a framework's *usage* reports; its input includes what was read from the cache."""
    places = [usage, *(_get(usage, name) for name in _DETAILS)]
    found: dict[str, int] = {}
    for meter, names in USAGE_KEYS.items():
        value = next((value for name in names for place in places if (value := _get(place, name)) is not None), None)
        if isinstance(value, int) and value >= 0:
            found[meter] = value
    return found if found.get("input_tokens") or found.get("output_tokens") else {}


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def _is_captured() -> bool:
    from spancost.capture.instrumentor import CaptureInstrumentor

    return bool(CaptureInstrumentor().is_instrumented_by_opentelemetry)
