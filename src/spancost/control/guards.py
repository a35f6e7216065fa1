# SPDX-License-Identifier: Apache-2.0
"""Places for a guard: callables that see a call before it is sent, and may stop it, and after it was answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from spancost.core.call import Cost
from spancost.core.wire.reading import WireReading


class CallStopped(Exception):
    """Raised by a guard, or a subclass of it, to keep a call from being sent; it reaches the application as it is."""


class CallRequest(NamedTuple):
    """A call that is about to be sent. provider and model are None when nothing tells them before the answer."""

    provider: str | None
    model: str | None
    operation: str | None
    host: str


class CallResult(NamedTuple):
    """A call that was answered: what it used and what that costs at list price (an unpriced cost says why)."""

    asked: CallRequest
    reading: WireReading
    cost: Cost


Before = Callable[[CallRequest], None]
After = Callable[[CallResult], None]
_Guard = TypeVar("_Guard", Before, After)

before: list[Before] = []
after: list[After] = []


def before_call(guard: Before) -> Callable[[], None]:
    """Have *guard* called before each captured call is sent; return a function that takes it away again.

    A `CallStopped` that it raises stops the call and reaches the application. Any other exception is counted and
    logged, and the call is sent.
    """
    return _registered(before, guard)


def after_call(guard: After) -> Callable[[], None]:
    """Have *guard* called after each captured call was answered; return a function that takes it away again.

    Whatever it raises is counted and logged: the application has its answer already.
    """
    return _registered(after, guard)


def _registered(guards: list[_Guard], guard: _Guard) -> Callable[[], None]:
    guards.append(guard)

    def remove() -> None:
        if guard in guards:
            guards.remove(guard)

    return remove
