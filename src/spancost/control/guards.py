# SPDX-License-Identifier: Apache-2.0
"""Guards: callables that see a call before it is sent, and may stop it, and its record after it was answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from spancost.core.record import CallRecord, Cost


class CallStopped(Exception):
    """Raised by a guard, or a subclass of it, to keep a call from being sent; it reaches the application as it is."""


class CallRequest(NamedTuple):
    """A call that is about to be sent. provider and model are None when nothing reports them before the answer."""

    provider: str | None
    model: str | None
    operation: str | None
    host: str


class CallResult(NamedTuple):
    """A call that was answered.

    Attributes:
        request: the call as it was sent.
        record: its record, with the cost that is on its span. None when it is not counted: it failed before anything
            was billed, or another span carries its cost.
    """

    request: CallRequest
    record: CallRecord | None

    @property
    def cost(self) -> Cost | None:
        """Return the cost that is on the call's span, None when the call is not counted."""
        return None if self.record is None else self.record.cost


Before: TypeAlias = "Callable[[CallRequest], None]"
After: TypeAlias = "Callable[[CallResult], None]"


class Guards:
    """Registered guards. Both tuples are replaced, never changed: a guard may remove itself while it runs."""

    def __init__(self) -> None:
        self.before: tuple[list[Before], ...] = ()
        self.after: tuple[list[After], ...] = ()

    def before_call(self, guard: Before) -> Callable[[], None]:
        """Have *guard* called before each captured call is sent; return a function that removes it.

        A `CallStopped` that it raises stops the call and reaches the application. Any other exception is counted and
        logged, and the call is sent.
        """
        entry = [guard]  # of its own: one guard may be registered twice
        self.before = (*self.before, entry)

        def remove() -> None:
            self.before = tuple(each for each in self.before if each is not entry)

        return remove

    def after_call(self, guard: After) -> Callable[[], None]:
        """Have *guard* called after each captured call was answered; return a function that removes it.

        Where capture enriches the span of another instrumentation, the guard is called when that span ends. What it
        raises is counted and logged: the application has its answer already.
        """
        entry = [guard]  # of its own: one guard may be registered twice
        self.after = (*self.after, entry)

        def remove() -> None:
            self.after = tuple(each for each in self.after if each is not entry)

        return remove


PROCESS = Guards()
"""The guards of this process: those of `CaptureInstrumentor`, unless it is given others."""
before_call = PROCESS.before_call
after_call = PROCESS.after_call
