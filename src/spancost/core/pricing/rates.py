# SPDX-License-Identifier: Apache-2.0
"""What one entry offers a call with certain facts: dated eras, long-context steps, windows of the day, and their rates.

Everything that does not depend on the quantities or the time of one call is worked out here, once for each match.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

Rate = tuple[int, int]
"""Femto-dollars for one unit, as numerator and denominator."""
Caveat = tuple[str, str]
"""(status, reason)."""

_SECONDS_PER_DAY = 86_400


class RateSet:
    """The rates that hold for a call once era, variant, window and step are chosen; `rate_id` names that choice."""

    __slots__ = (
        *(
            "caveat",
            "estimates",
            "implied",
            "is_split_assumed",
            "linear_costs",
            "minimum",
            "published",
            "rate_id",
            "rates",
        ),
    )

    def __init__(
        self,
        rate_id: str,
        published: Mapping[str, Rate],
        rates: Mapping[str, Rate],
        minimum: Mapping[str, int],
        implied: tuple[str, ...],
        caveat: Caveat | None,
        is_split_assumed: bool = False,
        estimates: Collection[str] = (),
    ) -> None:
        """*estimates*: meters that are billed at the rate of a total only as an estimate, whatever the units say."""
        self.rate_id = rate_id
        self.is_split_assumed = is_split_assumed
        self.estimates = estimates
        self.implied = implied
        self.published = published
        self.rates = rates
        self.minimum = minimum
        self.caveat = caveat
        self.linear_costs: dict[tuple[str, ...], Any] = {}


class Step:
    """A whole-request step: it holds when the quantity of `meter` is above (or at) `bound`."""

    __slots__ = ("bound", "level", "meter")

    def __init__(self, meter: str, bound: int, level: RateSet) -> None:
        self.meter = meter
        self.bound = bound
        self.level = level


class Window:
    """Minutes of certain days in UTC in which other levels hold."""

    __slots__ = ("base", "days", "minutes", "not_on", "steps")

    def __init__(
        self,
        days: int,
        minutes: Sequence[Sequence[int]],
        not_on: frozenset[int],
        base: RateSet,
        steps: tuple[Step, ...],
    ) -> None:
        self.days = days
        self.minutes = minutes
        self.not_on = not_on
        self.base = base
        self.steps = steps

    def holds(self, at_seconds: int) -> bool:
        """Tell whether an instant (seconds since the epoch) lies in the window."""
        day, second = divmod(at_seconds, _SECONDS_PER_DAY)
        # 1970-01-01 was a Thursday; bit 0 is Monday.
        if not self.days >> ((day + 3) % 7) & 1 or day in self.not_on:
            return False
        return any(start * 60 <= second < end * 60 for start, end in self.minutes)


class PricePeriod:
    """The levels that hold from an instant on: `base`, then steps in rising order, then windows, the last wins."""

    __slots__ = ("base", "from_ns", "source", "steps", "until_ns", "windows")

    def __init__(
        self,
        from_ns: int | None,
        until_ns: int | None,
        base: RateSet,
        steps: tuple[Step, ...],
        windows: tuple[Window, ...],
        source: Mapping[str, Any],
    ) -> None:
        self.from_ns = from_ns
        self.until_ns = until_ns
        self.base = base
        self.steps = steps
        self.windows = windows
        self.source = source

    def level(self, usage: Mapping[str, Any], at_ns: int) -> RateSet:
        """Return the level that holds for *usage* at an instant inside the era."""
        level, steps = self.base, self.steps
        for window in self.windows:
            if window.holds(at_ns // 1_000_000_000):
                level, steps = window.base, window.steps
        for step in steps:
            quantity = usage.get(step.meter)
            if quantity is not None and quantity >= step.bound:
                level = step.level
        return level


class ResolvedRates:
    """The eras of a match, newest first; `only` is the level when there is no choice to make."""

    __slots__ = ("only", "periods")

    def __init__(self, periods: tuple[PricePeriod, ...]) -> None:
        self.periods = periods
        one = periods[0] if len(periods) == 1 else None
        is_plain = one is not None and one.from_ns is None and one.until_ns is None and not (one.steps or one.windows)
        self.only: RateSet | None = one.base if one is not None and is_plain else None

    def period(self, at_ns: int) -> PricePeriod | None:
        """Return the era that holds at an instant, None when there is none."""
        for period in self.periods:
            if (period.from_ns is None or at_ns >= period.from_ns) and (
                period.until_ns is None or at_ns < period.until_ns
            ):
                return period
        return None

    def levels(self) -> Iterator[RateSet]:
        """Yield every level of every era."""
        for period in self.periods:
            yield period.base
            yield from (step.level for step in period.steps)
            for window in period.windows:
                yield window.base
                yield from (step.level for step in window.steps)
