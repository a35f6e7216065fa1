# SPDX-License-Identifier: Apache-2.0
"""Sums of the calls of one plan, one result of pricing and the same tags: the part of a series that is added fastest.

To count a call is to append it to a list. The calls of a list are added up together, which takes a third of the time
of adding each.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

from spancost.core.ledger.span_plan import PlannedCall
from spancost.core.span import Attributes

TALLIES: Final = 2_048
"""Tallies at most; one more, and all are evicted."""
CALLS: Final = 32
"""Calls of a tally that wait to be added up; one takes about 300 bytes."""


class Tally:
    """The calls of one kind. calls: the sums (number, number without a cost, femto-dollars, amounts), then each call.

    The writer changes the list in one step, and the reader copies it in one step: neither needs a lock.
    """

    __slots__ = ("calls", "meters")

    def __init__(self, meters: tuple[str, ...]) -> None:
        self.meters = meters
        self.calls: list[Any] = [(0, 0, 0, (0,) * len(meters))]

    def total(self) -> tuple[int, int, int, dict[str, int]]:
        """Return calls, calls without a cost, femto-dollars and the amount of each meter."""
        number, unpriced, femto, amounts = _sum(self.calls.copy())
        return number, unpriced, femto, dict(zip(self.meters, amounts, strict=True))


class Tallies:
    """The tallies of one table, by plan, result of pricing, resource and *tags*. Not thread-safe: one writer."""

    def __init__(self, tags: tuple[str, ...]) -> None:
        self._tags = tags
        self.clear()

    def clear(self) -> None:
        """Forget all tallies; their series keep what they counted."""
        self._number = 0
        self._resource: object = self
        self._known: dict[int, _Kind] = {}
        self._by_resource: dict[int, tuple[object, dict[int, _Kind]]] = {}

    @property
    def is_full(self) -> bool:
        """Whether they are to be evicted before a further one is made."""
        return self._number >= TALLIES

    def add(self, planned: PlannedCall, tags: Attributes, resource: object) -> bool:
        """Count a call; False when no tally of its kind is known.

        tags: the attributes of the span. resource: of the span.
        """
        if resource is not self._resource:
            self._switch(resource)
        try:
            _, values, by_tags = self._known[id(planned[1])]
            calls = by_tags[values(tags) if values is not None else None]
        except (KeyError, TypeError):  # an application may set anything for a tag
            return False
        calls.append(planned)
        if len(calls) > CALLS:
            calls[:] = (_sum(calls),)
        return True

    def learn(self, planned: PlannedCall, tags: Attributes, resource: object) -> Tally | None:
        """Return a new tally for calls of the kind of *planned*; None when there is one, or a tag is no key."""
        if resource is not self._resource:
            self._switch(resource)
        plan, outcome, _, _, _ = planned
        kind = self._known.get(id(outcome))
        if kind is None:
            names = tuple(name for name in self._tags if name in plan.keys.tags)
            kind = self._known[id(outcome)] = (outcome, itemgetter(*names) if names else None, {})
        _, values, by_tags = kind
        tally = Tally(plan.meters)
        try:
            if by_tags.setdefault(None if values is None else values(tags), tally.calls) is not tally.calls:
                return None
        except TypeError:
            return None
        self._number += 1
        return tally

    def _switch(self, resource: object) -> None:
        """Count calls of spans with another resource."""
        if id(resource) not in self._by_resource:
            self._by_resource[id(resource)] = (resource, {})
            self._number += 1
        self._resource, self._known = self._by_resource[id(resource)]


def _sum(calls: list[Any]) -> tuple[int, int, int, tuple[int, ...]]:
    """Return the sums that *calls* begins with and the calls after them as one."""
    number, unpriced, femto, amounts = calls[0]
    if len(calls) == 1:
        return calls[0]  # type: ignore[no-any-return]
    _, _, figures, costs, _ = zip(*calls[1:], strict=True)
    number += len(costs)
    unpriced += costs.count(None)
    femto += sum(filter(None, costs))
    return number, unpriced, femto, tuple(map(sum, zip(amounts, *figures)))  # noqa: B905, a total may come after the meters


_Kind = tuple[object, "Callable[[Attributes], Any] | None", dict[Any, list[Any]]]
"""An outcome, kept alive because its id is a key; what fetches the values of the tags; calls of each tally by them."""
