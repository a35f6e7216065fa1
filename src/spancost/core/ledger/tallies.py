# SPDX-License-Identifier: Apache-2.0
"""Sums of the calls of one plan, one result of pricing and the same tags: the part of a series that is added fastest.

To count a call is to append it to a list. The calls of a list are added up together, which takes a third of the time
of adding each.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any, Final, TypeAlias

from spancost.core.ledger.span_plan import Outcome, PlannedCall
from spancost.core.span import Attributes

TALLIES: Final = 2_048
"""Tallies and their kinds at most; one more, and all are evicted."""
CALLS: Final = 32
"""Calls of a tally that wait to be added up; one takes about 300 bytes."""
_AMOUNTS, _FEMTO = itemgetter(2), itemgetter(3)  # of a planned call


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


def add_planned(planned: PlannedCall, tags: Attributes, resource: object) -> bool:
    """Count a call; False when no tally of its kind is known (see `Tallies.learn`).

    tags: the attributes of the span. resource: of the span.
    """
    try:
        counted_resource, values, by_tags = planned[1].counter
        calls = by_tags[None if values is None else values(tags)]
    except (KeyError, TypeError, ValueError):  # none is known, or a tag is no key: an application may set anything
        return False
    if counted_resource is not resource:
        return False
    calls.append(planned)
    if len(calls) > CALLS:
        calls[:] = (_sum(calls),)
    return True


class Tallies:
    """The tallies of one table, by result of pricing, resource and *tags*. Not thread-safe: one writer.

    They hang on the outcomes of a ledger's plans, where `add_planned` finds them at once: one table a ledger.
    """

    def __init__(self, tags: tuple[str, ...]) -> None:
        self._tags = tags
        self._number = 0
        self._kinds: dict[tuple[int, int], _Kind] = {}

    def clear(self) -> None:
        """Forget all tallies; their series keep what they counted."""
        for outcome, _, _ in self._kinds.values():
            outcome.counter.clear()
        self._number, self._kinds = 0, {}

    @property
    def is_full(self) -> bool:
        """Whether they are to be evicted before a further one is made."""
        return self._number + len(self._kinds) >= TALLIES

    def learn(self, planned: PlannedCall, tags: Attributes, resource: object) -> Tally | None:
        """Return a new tally for calls of the kind of *planned*; None when there is one, or a tag is no key."""
        plan, outcome, _, _, _ = planned
        names = tuple(name for name in self._tags if name in plan.keys.tags)
        values = itemgetter(*names) if names else None
        _, _, by_tags = self._kinds.setdefault((id(outcome), id(resource)), (outcome, resource, {}))
        outcome.counter[:] = (resource, values, by_tags)  # that of the last resource, where spans have several
        tally = Tally(plan.meters)
        try:
            found = by_tags.setdefault(None if values is None else values(tags), tally.calls)
        except TypeError:
            return None
        if found is not tally.calls:
            return None
        self._number += 1
        return tally


def _sum(calls: list[Any]) -> tuple[int, int, int, tuple[int, ...]]:
    """Return the sums that *calls* begins with and the calls after them as one."""
    number, unpriced, femto, amounts = calls[0]
    if len(calls) == 1:
        return calls[0]  # type: ignore[no-any-return]
    added = calls[1:]
    costs = list(map(_FEMTO, added))
    if None in costs:  # all are: the calls agree in the result of pricing
        unpriced, costs = unpriced + len(costs), []
    sums = map(sum, zip(amounts, *map(_AMOUNTS, added)))  # noqa: B905, a total may come after the meters
    return number + len(added), unpriced, sum(costs, femto), tuple(sums)


_Kind: TypeAlias = "tuple[Outcome, object, dict[Any, list[Any]]]"
"""An outcome and a resource, kept alive because their ids are a key, and the calls of each tally by their tags."""
