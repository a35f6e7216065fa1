# SPDX-License-Identifier: Apache-2.0
"""The enabled processors of this process, for `attribution` and `record_outcome`, which belong to none of them."""

from __future__ import annotations

import itertools
import weakref
from typing import Any, Protocol

from spancost.core.record import CallRecord
from spancost.core.span import Span


class Member(Protocol):
    """What the registry asks of a processor. is_own: the program set it up itself, and not zero code."""

    is_own: bool

    def yield_to(self, own: Any, /) -> None:
        """Let a processor that the program set up finish the spans of this one, which zero code set up."""

    def tags_in_use(self) -> None:
        """Take note that tags are put into contexts from now on."""

    def outcome_recorded(self, span_id: int, order: int, text: str) -> None:
        """Keep the outcome that was recorded on an open span."""

    def count(self, span: Span) -> CallRecord | None:
        """Count the call of a span that does not exist, because the sampler dropped it; return its record."""


class Registry:
    """Members are held weakly: a processor that nobody else holds leaves by itself.

    uses_tags: whether tags were ever put into a context; while not, spans start without a look at their context.
    tags_refused, outcomes_dropped: tags and outcomes that could not be used, whoever the processors are.
    events_failed: events that the SDK of the host refused.
    """

    def __init__(self) -> None:
        self.uses_tags = False
        self.tags_refused = 0
        self.outcomes_dropped = 0
        self.events_failed = 0
        self._members: dict[int, weakref.ref[Member]] = {}
        self._order = itertools.count(1)

    def join(self, member: Member) -> None:
        """Tell *member* from now on what the public functions record."""
        key = id(member)
        self._members[key] = weakref.ref(member, lambda _: self._members.pop(key, None))
        if self.uses_tags:
            member.tags_in_use()
        if member.is_own:
            for each in self._alive():
                if not each.is_own:
                    each.yield_to(member)

    def leave(self, member: Member) -> None:
        """Tell *member* nothing any more."""
        self._members.pop(id(member), None)

    def tags_in_use(self) -> None:
        """Tell every member, the first time, that tags are put into contexts."""
        if not self.uses_tags:
            self.uses_tags = True
            for member in self._alive():
                member.tags_in_use()

    def outcome_recorded(self, span_id: int, text: str) -> None:
        """Tell every member of an outcome on an open span."""
        order = next(self._order)
        for member in self._alive():
            member.outcome_recorded(span_id, order, text)

    @property
    def has_members(self) -> bool:
        """Whether any processor is there to count a call."""
        return bool(self._members)

    def count(self, span: Span) -> CallRecord | None:
        """Have the member that joined last count the call of a span that the sampler dropped; return its record."""
        members = self._alive()
        return members[-1].count(span) if members else None

    def _alive(self) -> list[Member]:
        # `list` of a dictionary's values is one step: other threads may join meanwhile.
        return [member for reference in list(self._members.values()) if (member := reference()) is not None]


PROCESS = Registry()
"""The registry of this process."""
