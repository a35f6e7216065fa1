# SPDX-License-Identifier: Apache-2.0
"""Spend by hour of the week, or by weekday, of a few past weeks; whole numbers only."""

from __future__ import annotations

from spancost.core.detect.rule import SpendSpike

HOUR_NS = 3600 * 10**9
HOURS = (HOUR_NS, 168)
DAYS = (24 * HOUR_NS, 7)
_WEEKS = 4
_NEVER = 1 << 200
_MOST_NOISE = 20_000
_QUIET = 10**13
"""Femto-dollars (one cent) added to both sides of a ratio, so that nothing against almost nothing is no noise."""


class Seasonal:
    """The running slot, its limit, and what the same slots of past weeks cost.

    begin_ns: of the slot. calls_before, femto_before: calls of the feature, and their cost, that are not in the slot.
    limit_femto: what the slot may cost before the rule looks.
    """

    __slots__ = (
        "begin_ns", "calls_before", "femto_before", "first_ns", "limit_femto", "noise", "past", "slot", "slot_ns",
        "slots", "usual",
    )  # fmt: skip

    def __init__(self, form: tuple[int, int]) -> None:
        """*form*: length of a slot, number of slots in a week."""
        self.slot_ns, self.slots = form
        self.slot = -1
        self.begin_ns = 0
        self.calls_before = 0
        self.femto_before = 0
        self.first_ns = 0
        self.limit_femto = _NEVER
        self.usual = 0
        self.noise = 1000
        self.past: list[list[int]] = []

    @property
    def quiet_femto(self) -> int:
        """What the feature may have cost before the rule looks."""
        return self.femto_before + self.limit_femto

    def turn(self, slot: int, first_ns: int, calls: int, cost_femto: int, rule: SpendSpike) -> None:
        """Close the running slot and those without a call since, and begin *slot* at *first_ns*.

        calls, cost_femto: those of the feature before it.
        """
        if not self.past:
            self.past = [[] for _ in range(self.slots)]
        if self.slot >= 0:
            if slot - self.slot > self.slots * _WEEKS:
                self.past = [[] for _ in range(self.slots)]
            else:
                self._close(self.slot, cost_femto - self.femto_before)
                for empty in range(self.slot + 1, slot):
                    self._close(empty, 0)
        self.slot, self.first_ns, self.begin_ns = slot, first_ns, slot * self.slot_ns
        self.calls_before, self.femto_before = calls, cost_femto
        is_hour = self.slot_ns == HOUR_NS
        floor, multiple = (rule.hour_femto, rule.hour_permille) if is_hour else (rule.day_femto, rule.day_permille)
        known = self.past[slot % self.slots]
        if len(known) < rule.weeks:
            self.limit_femto = _NEVER
            return
        self.usual = median(known)
        week = sum(each[-1] for each in self.past if each)
        times = max(multiple, 1000 + (self.noise - 1000) * rule.noise_times)
        self.limit_femto = max(floor, self.usual * times // 1000, week * rule.week_permille // 1000)

    def _close(self, slot: int, cost_femto: int) -> None:
        known = self.past[slot % self.slots]
        if len(known) >= 2:
            usual = median(known)
            less, more = (usual, cost_femto) if usual < cost_femto else (cost_femto, usual)
            ratio = min(_MOST_NOISE, (more + _QUIET) * 1000 // (less + _QUIET))
            self.noise += (ratio - self.noise) // (self.slots // 4 + 1)
        known.append(cost_femto)
        if len(known) > _WEEKS:
            del known[0]


def median(values: list[int]) -> int:
    """Return the middle of some values, the mean of two when their number is even."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) // 2
