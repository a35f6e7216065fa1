# SPDX-License-Identifier: Apache-2.0
"""Meters: what each is inside of, per how many it is sold, and which rate it takes when it has none of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Meter(NamedTuple):
    """A thing counted and billed.

    inside: meters whose quantity includes this one's. per: how many units a published price is for.
    is_token: modifiers scale it. is_measure: a second measure of the same work, skipped when it has no rate.
    parent_rate: "exact", "estimate" or "none": what billing it at a parent's rate amounts to. implied: the quantity of
    a call that does not state it, where it has a rate.
    """

    name: str
    inside: tuple[str, ...]
    per: int
    is_token: bool
    is_measure: bool
    parent_rate: str
    implied: int


class Units:
    """The closed list of meters, in the order in which quantities are taken from the totals they are inside of."""

    def __init__(self, table: Mapping[str, Mapping[str, Any]]) -> None:
        """Read the `units` table of a card; its `order` numbers the meters."""
        rows = sorted(table.items(), key=lambda row: row[1]["order"])
        self.meters: dict[str, Meter] = {
            name: Meter(
                name,
                tuple(row.get("inside", ())),
                row["per"],
                row["kind"] == "token",
                row["kind"] == "measure",
                row.get("parent_rate", "none"),
                row.get("implied", 0),
            )
            for name, row in rows
        }
        self.ancestors: dict[str, tuple[str, ...]] = {name: self._ancestors(name) for name in self.meters}
        self.roots: dict[str, tuple[str, ...]] = {
            name: tuple(total for total in self.ancestors[name] if not self.meters[total].inside)
            for name in self.meters
        }
        self.deepest_first: tuple[str, ...] = tuple(sorted(self.meters, key=lambda name: -len(self.ancestors[name])))

    def _ancestors(self, name: str) -> tuple[str, ...]:
        """Return every meter that *name* is inside of, nearest first, each once."""
        found: list[str] = []
        queue = list(self.meters[name].inside)
        while queue:
            parent = queue.pop(0)
            if parent not in found:
                found.append(parent)
                queue.extend(self.meters[parent].inside)
        return tuple(found)
