# SPDX-License-Identifier: Apache-2.0
"""Rates of one card entry for given facts: price periods, context tiers, windows of the day.

Everything that does not depend on the quantities or the time of a call is computed here, once per match.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

Rate = tuple[int, int]
"""Femto-dollars per unit, as numerator and denominator."""
Caveat = tuple[str, str]
"""(status, reason)."""


class Limits(NamedTuple):
    """The least and the greatest billed quantity of a call, by meter."""

    minimum: Mapping[str, int]
    maximum: Mapping[str, int]


_SECONDS_PER_DAY = 86_400


class RateSet:
    """Rates of a call after period, variant, window and context tier are chosen; `rate_id` names that choice."""

    __slots__ = (
        *(
            "caveat",
            "estimates",
            "implied",
            "is_split_assumed",
            "limits",
            "linear_costs",
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
        limits: Limits,
        implied: tuple[str, ...],
        caveat: Caveat | None,
        is_split_assumed: bool = False,
        estimates: Collection[str] = (),
    ) -> None:
        """*estimates*: meters whose price at the rate of a total is always an estimate, whatever the units say."""
        self.rate_id = rate_id
        self.is_split_assumed = is_split_assumed
        self.estimates = estimates
        self.implied = implied
        self.published = published
        self.rates = rates
        self.limits = limits
        self.caveat = caveat
        self.linear_costs: dict[tuple[str, ...], Any] = {}


class ContextTier:
    """Rates for long contexts: they apply to the whole request when the quantity of `meter` is at least `bound`."""

    __slots__ = ("bound", "meter", "rate_set")

    def __init__(self, meter: str, bound: int, rate_set: RateSet) -> None:
        self.meter = meter
        self.bound = bound
        self.rate_set = rate_set


class Window:
    """Minutes of certain days in UTC with other rates."""

    __slots__ = ("base", "days", "minutes", "not_on", "tiers")

    def __init__(
        self,
        days: int,
        minutes: Sequence[Sequence[int]],
        not_on: frozenset[int],
        base: RateSet,
        tiers: tuple[ContextTier, ...],
    ) -> None:
        self.days = days
        self.minutes = minutes
        self.not_on = not_on
        self.base = base
        self.tiers = tiers

    def holds(self, at_seconds: int) -> bool:
        """Return whether an instant (seconds since the epoch) is in the window."""
        day, second = divmod(at_seconds, _SECONDS_PER_DAY)
        # 1970-01-01 was a Thursday; bit 0 is Monday.
        if not self.days >> ((day + 3) % 7) & 1 or day in self.not_on:
            return False
        return any(start * 60 <= second < end * 60 for start, end in self.minutes)


class PricePeriod:
    """Rates from an instant on: `base`, then tiers in ascending order, then windows. The last match wins."""

    __slots__ = ("base", "from_ns", "source", "tiers", "until_ns", "windows")

    def __init__(
        self,
        from_ns: int | None,
        until_ns: int | None,
        base: RateSet,
        tiers: tuple[ContextTier, ...],
        windows: tuple[Window, ...],
        source: Mapping[str, Any],
    ) -> None:
        self.from_ns = from_ns
        self.until_ns = until_ns
        self.base = base
        self.tiers = tiers
        self.windows = windows
        self.source = source

    def rate_set(self, usage: Mapping[str, Any], at_ns: int) -> RateSet:
        """Return the rates of *usage* at an instant in this period."""
        rate_set, tiers = self.base, self.tiers
        for window in self.windows:
            if window.holds(at_ns // 1_000_000_000):
                rate_set, tiers = window.base, window.tiers
        for tier in tiers:
            quantity = usage.get(tier.meter)
            if quantity is not None and quantity >= tier.bound:
                rate_set = tier.rate_set
        return rate_set


class ResolvedRates:
    """The price periods of a match, newest first; `only` is set when there is exactly one rate set."""

    __slots__ = ("only", "periods")

    def __init__(self, periods: tuple[PricePeriod, ...]) -> None:
        self.periods = periods
        one = periods[0] if len(periods) == 1 else None
        is_single = one is not None and one.from_ns is None and one.until_ns is None and not (one.tiers or one.windows)
        self.only: RateSet | None = one.base if one is not None and is_single else None

    def period(self, at_ns: int) -> PricePeriod | None:
        """Return the price period at an instant, None when there is none."""
        for period in self.periods:
            if (period.from_ns is None or at_ns >= period.from_ns) and (
                period.until_ns is None or at_ns < period.until_ns
            ):
                return period
        return None

    def rate_set(self, usage: Mapping[str, Any], at_ns: int) -> RateSet | None:
        """Return the rates of *usage* at an instant, None when there are none."""
        if self.only is not None:
            return self.only
        period = self.period(at_ns)
        return None if period is None else period.rate_set(usage, at_ns)

    def rate_sets(self) -> Iterator[RateSet]:
        """Yield every rate set of every period."""
        for period in self.periods:
            yield period.base
            yield from (tier.rate_set for tier in period.tiers)
            for window in period.windows:
                yield window.base
                yield from (tier.rate_set for tier in window.tiers)
