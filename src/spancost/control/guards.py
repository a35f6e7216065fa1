# SPDX-License-Identifier: Apache-2.0
"""Guards: callables that see a call before it is sent, and may stop it, and its record after it was answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, NamedTuple, Protocol, TypeAlias

from spancost.core.record import CallRecord, Cost


class CallStopped(Exception):
    """Raised by a guard, or a subclass of it, to keep a call from being sent; it reaches the application as it is.

    Attributes:
        span_attributes: what the span of the stopped call says; it has none when this is empty.
    """

    span_attributes: Mapping[str, str | int | float | bool] = {}
    is_retryable: ClassVar[bool] = False


class CallRequest(NamedTuple):
    """A call that is about to be sent.

    Attributes:
        provider, model, operation: None when nothing reports them before the answer.
        host: where it goes.
        size: bytes of its body, when an admission wants to know. encoded, images: bytes of base64 among them, and the
            number of their runs.
        output_bound: the most output tokens that the request allows, over all its choices; None when it sets no bound.
        number: of the call in this process; 0 when it is not the first thing that is counted of its request.
    """

    provider: str | None
    model: str | None
    operation: str | None
    host: str
    size: int = 0
    encoded: int = 0
    images: int = 0
    output_bound: int | None = None
    number: int = 0


class CallResult(NamedTuple):
    """A call that was answered.

    Attributes:
        request: the call as it was sent.
        record: its record, with the cost that is on its span. None when it is not counted: it failed before anything
            was billed, or another span carries its cost.
        is_lost: the request was sent, and no answer says what it used: the application or a time limit ended it.
    """

    request: CallRequest
    record: CallRecord | None
    is_lost: bool = False

    @property
    def cost(self) -> Cost | None:
        """Return the cost that is on the call's span, None when the call is not counted."""
        return None if self.record is None else self.record.cost


Before: TypeAlias = "Callable[[CallRequest], None]"
After: TypeAlias = "Callable[[CallResult], None]"


class Change(NamedTuple):
    """What is changed in a request before it is sent: its model, and the bound of its output in tokens.

    span_attributes: what the span of the call says of it.
    """

    model: str | None = None
    output_bound: int | None = None
    span_attributes: Mapping[str, str | int | float | bool] = {}


Meter: TypeAlias = "Callable[[int], CallStopped | None]"
"""Called with the output tokens of a stream so far; what it returns is raised where the stream is read."""


class Admission(Protocol):
    """Decides last whether a call is sent, and hears of each call that it admitted: budgets."""

    @property
    def waits(self) -> bool:
        """Whether `admit` may wait for another process, so that an event loop should not run it itself."""

    @property
    def cuts(self) -> bool:
        """Whether it watches streams."""

    def meter(self, request: CallRequest) -> Meter | None:
        """Return what watches the stream that answers an admitted call, None when nothing does."""

    def admit(self, request: CallRequest, may_change: bool) -> Change | None:
        """Return what is to be changed in *request*, None for nothing; raise `CallStopped` to stop the call.

        may_change: whether the client lets its request be changed.
        """

    def settle(self, result: CallResult) -> None:
        """Take note of what a call cost."""

    def release(self, request: CallRequest) -> None:
        """Take note that an admitted call was not sent."""


class Guards:
    """Registered guards. Both tuples are replaced, never changed: a guard may remove itself while it runs.

    Attributes:
        admission: decides after all guards, None when nothing does.
    """

    def __init__(self) -> None:
        self.before: tuple[list[Before], ...] = ()
        self.after: tuple[list[After], ...] = ()
        self.admission: Admission | None = None

    @property
    def hears_results(self) -> bool:
        """Whether anything wants to know what calls cost."""
        return bool(self.after) or self.admission is not None

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
