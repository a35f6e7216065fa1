# SPDX-License-Identifier: Apache-2.0
"""Meters: the totals that include each, its billing unit, and its fallback rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Meter(NamedTuple):
    """A billable quantity.

    inside: meters whose quantity includes this one. per: number of units of a published price.
    is_token: modifiers scale it. is_measure: a second measure of the same work, skipped when it has no rate.
    parent_rate: "exact", "estimate" or "none": the accuracy of a parent's rate for it. implied: the quantity of a call
    that does not report it, if it has a rate.
    """

    name: str
    inside: tuple[str, ...]
    per: int
    is_token: bool
    is_measure: bool
    parent_rate: str
    implied: int


class Units:
    """The closed list of meters, in the order in which parts are subtracted from their totals."""

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
        self.unreported: dict[str, tuple[str, ...]] = {}
        """Total -> parts directly inside of it that leave it in doubt where they are sold apart and not reported."""
        for name, row in rows:
            if "unreported" in row:
                for total in row["inside"]:
                    self.unreported[total] = (*self.unreported.get(total, ()), name)
        self.ancestors: dict[str, tuple[str, ...]] = {name: self._ancestors(name) for name in self.meters}
        self.roots: dict[str, tuple[str, ...]] = {
            name: tuple(total for total in self.ancestors[name] if not self.meters[total].inside)
            for name in self.meters
        }
        self.deepest_first: tuple[str, ...] = tuple(sorted(self.meters, key=lambda name: -len(self.ancestors[name])))

    def _ancestors(self, name: str) -> tuple[str, ...]:
        """Return every meter that includes *name*, nearest first, each once."""
        found: list[str] = []
        queue = list(self.meters[name].inside)
        while queue:
            parent = queue.pop(0)
            if parent not in found:
                found.append(parent)
                queue.extend(self.meters[parent].inside)
        return tuple(found)
