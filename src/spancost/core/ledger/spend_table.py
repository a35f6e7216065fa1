# SPDX-License-Identifier: Apache-2.0
"""Sums of cost, calls and tokens by chosen attributes: exact integers, bounded, never falling once they were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from spancost.core.call import Quantity
from spancost.core.ledger.span_plan import PlannedCall
from spancost.core.ledger.tallies import Tallies, Tally
from spancost.core.record import CallRecord
from spancost.core.semconv import (
    APP_OUTCOME,
    LLM_COST_REASON,
    LLM_COST_SOURCE,
    LLM_COST_STATUS,
    LLM_MODEL,
    LLM_OPERATION,
    LLM_PRICING_VERSION,
    LLM_PROVIDER,
    LLM_SERVICE_TIER,
)
from spancost.core.span import Attributes

COST, REQUESTS, UNPRICED, INPUT, CACHE_READ, CACHE_WRITE, OUTPUT, REASONING = range(8)
"""Places of the sums of a series: femto-dollars, calls, calls without a cost, and tokens of five disjoint types."""
TOKEN_TYPES: Mapping[int, str] = {
    INPUT: "input",
    CACHE_READ: "cache_read",
    CACHE_WRITE: "cache_write",
    OUTPUT: "output",
    REASONING: "reasoning",
}
FIELDS: Mapping[str, str] = {
    LLM_PROVIDER: "provider",
    LLM_MODEL: "model",
    LLM_OPERATION: "operation",
    LLM_COST_STATUS: "status",
    LLM_COST_REASON: "reason",
    LLM_COST_SOURCE: "source",
    LLM_SERVICE_TIER: "tier",
    LLM_PRICING_VERSION: "pricing_version",
    APP_OUTCOME: "outcome",
    "session.id": "session_id",
    "error.type": "error",
}
"""Attribute -> field of a record; every other attribute is one of its tags."""
OTHER: Final = "other"
"""The value of the attributes of a series that holds the calls of many."""
LIMIT: Final = 1_500
"""Series of one table at most. OpenTelemetry SDKs keep 2,000 for each instrument and fold the rest their own way."""
TOKEN_LIMIT: Final = 1_900
"""Series of tokens at most, one for each token type of a series."""
RESERVE: Final = 100
"""Of the series those that are kept for the calls of one model and many values of tags."""


_OF_CALLS = frozenset((APP_OUTCOME, "session.id", "error.type"))
"""Attributes that differ from call to call of one plan."""


class Series:
    """The sums of the calls that agree in the chosen attributes.

    read: the greatest value of each sum that was read. named: bits of the token types that have a series of their own.
    """

    __slots__ = ("attributes", "is_folded", "named", "read", "sums", "tallies")

    def __init__(self, attributes: Mapping[str, str], is_folded: bool = False) -> None:
        self.attributes = attributes
        self.is_folded = is_folded
        self.sums = [0] * 8
        self.read = [0] * 8
        self.named = 0
        self.tallies: list[Tally] = []

    def total(self) -> list[int]:
        """Return all sums."""
        found = self.sums.copy()  # before the tallies: what moves meanwhile is read later, never twice
        for tally in self.tallies.copy():
            number, unpriced, femto, usage = tally.total()
            found[REQUESTS] += number
            found[UNPRICED] += unpriced
            found[COST] += femto
            _add_tokens(usage, found, 1)
        return found

    def absorb(self) -> None:
        """Take what its tallies counted into the sums, and drop them."""
        rest = Series(self.attributes)
        rest.tallies, self.tallies = self.tallies, []
        for place, found in enumerate(rest.total()):
            self.sums[place] += found

    def value(self, place: int, found: int) -> int:
        """Return a sum to report: a correction never takes it below what was reported before."""
        if found < self.read[place]:
            return self.read[place]
        self.read[place] = found
        return found


class SpendTable:
    """Sums `CallRecord`s by *attributes* (names as on spans). Not thread-safe: one writer and one reader at a time.

    A correction takes a call out again. What was read already stays level until later calls of the series make up for
    it, so that every series is monotonic and the sum of all is exact in the end.
    """

    def __init__(self, attributes: Sequence[str], limit: int = LIMIT) -> None:
        self.attributes = tuple(attributes)
        self._limit = limit
        self._reserve = min(RESERVE, limit // 2)
        self._fields = tuple(name for name in attributes if name in FIELDS)
        self._tags = tuple(name for name in attributes if name not in FIELDS)
        places = [CallRecord._fields.index(FIELDS[name]) for name in self._fields]
        # A getter of one place returns no tuple; a place that is read twice changes nothing.
        self._values: Any = itemgetter(*places, places[0]) if places else _nothing
        self.takes_plans = _OF_CALLS.isdisjoint(self._fields)
        """Whether the plan, the tags and the resource of a call determine its series."""
        self._tallies = Tallies(self._tags)
        self.clear()

    def clear(self) -> None:
        """Forget all sums: in a forked child, whose parent reports them."""
        self._series: dict[tuple[Any, ...], Series] = {}
        self._tallies.clear()
        self._token_series = 0

    @property
    def folded(self) -> int:
        """Calls that are in a series of `other` values, because as many series as may be exist."""
        return sum(series.total()[REQUESTS] for series in list(self._series.values()) if series.is_folded)

    def __len__(self) -> int:
        return len(self._series)

    def add(self, record: CallRecord) -> None:
        """Count a call."""
        self._sum(record, 1)

    def subtract(self, record: CallRecord) -> None:
        """Take a call out that was counted, because another span reports it."""
        self._sum(record, -1)

    def learn(self, planned: PlannedCall, tags: Attributes, resource: object, record: CallRecord) -> None:
        """Remember the series of a call that was added by its *record*, for calls of its plan, tags and resource.

        tags: the attributes of the span. resource: of the span.
        """
        series = self._series.get(self._key(record))
        if series is None:
            return
        if self._tallies.is_full:
            self._tallies.clear()
            for each in self._series.values():
                each.absorb()
        tally = self._tallies.learn(planned, tags, resource)
        if tally is not None:
            series.tallies.append(tally)

    def attributes_of(self, record: CallRecord) -> Mapping[str, str]:
        """Return the attributes of the series of a record that was added."""
        series = self._series.get(self._key(record))
        return dict.fromkeys(self.attributes, OTHER) if series is None else series.attributes

    def _key(self, record: CallRecord) -> tuple[Any, ...]:
        return (self._values(record), *map(record.tags.get, self._tags))

    def _sum(self, record: CallRecord, sign: int) -> None:
        key = (self._values(record), *map(record.tags.get, self._tags))
        series = self._series.get(key) or self._open(key, record)
        sums = series.sums
        femto = record.cost_femto
        sums[REQUESTS] += sign
        if femto is None:
            sums[UNPRICED] += sign
        else:
            sums[COST] += femto * sign
        usage = record.usage
        if usage:
            _add_tokens(usage, sums, sign)

    def _open(self, key: tuple[Any, ...], record: CallRecord) -> Series:
        """Return a new series; when there are too many, that of the model and of `other` tags, or of `other` alone."""
        if len(self._series) < self._limit - self._reserve:
            return self._new(key, record)
        by_model = record._replace(tags=dict.fromkeys(self._tags, OTHER))
        by_nothing = by_model._replace(**{FIELDS[name]: OTHER for name in self._fields})  # type: ignore[arg-type]
        for folded in (by_model, by_nothing):
            key = self._key(folded)
            found = self._series.get(key)
            if found is not None:
                return found
            if len(self._series) < self._limit - 1:
                return self._new(key, folded, is_folded=True)
        return self._new(key, by_nothing, is_folded=True)

    def _new(self, key: tuple[Any, ...], record: CallRecord, is_folded: bool = False) -> Series:
        found = {name: getattr(record, FIELDS[name]) for name in self._fields}
        found.update((name, record.tags.get(name)) for name in self._tags)
        attributes = {name: value for name, value in found.items() if value is not None}
        series = self._series[key] = Series(attributes, is_folded)
        return series

    def read(self, place: int) -> Iterator[tuple[int, Mapping[str, str]]]:
        """Yield the sum at *place* and the attributes of each series that has any; money only where a cost is known."""
        for series in list(self._series.values()):
            sums = series.total()
            has_any = sums[REQUESTS] > sums[UNPRICED] if place == COST else sums[place]
            if has_any or series.read[place]:
                yield series.value(place, sums[place]), series.attributes

    def read_tokens(self) -> Iterator[tuple[int, Mapping[str, str], str]]:
        """Yield tokens, attributes and token type of each series; beyond `TOKEN_LIMIT` of them folded into `other`."""
        other = dict.fromkeys(TOKEN_TYPES, 0)
        for series in list(self._series.values()):
            sums = series.total()
            for place, name in TOKEN_TYPES.items():
                value = series.value(place, sums[place])
                if not value:
                    continue
                bit = 1 << place
                if not series.named & bit and self._token_series < TOKEN_LIMIT:
                    self._token_series += 1
                    series.named |= bit
                if series.named & bit:
                    yield value, series.attributes, name
                else:
                    other[place] += value
        attributes = dict.fromkeys((*self._fields, *self._tags), OTHER)
        for place, value in other.items():
            if value:
                yield value, attributes, TOKEN_TYPES[place]

    def move_into(self, into: SpendTable) -> None:
        """Add the sums of this table, and what was read of them, to *into*, which has the same attributes."""
        for key, series in list(self._series.items()):
            kept = into._series.get(key)
            if kept is None:
                into._series[key] = series
                continue
            for place, found in enumerate(series.total()):
                # Both were read separately: what both reported together must not fall.
                kept.read[place] += series.value(place, found)
                kept.sums[place] += found
            kept.named |= series.named
        into._token_series = max(into._token_series, self._token_series)
        self.clear()


def _add_tokens(usage: Mapping[str, Quantity], sums: list[int], sign: int) -> None:
    """Add the tokens of a call, whose meters contain each other, to disjoint sums."""
    get = usage.get
    given, made = get("input_tokens"), get("output_tokens")
    if given:
        tokens = int(given)
        read, written = get("cache_read_tokens"), get("cache_write_tokens")
        if read:
            part = min(int(read), tokens)
            sums[CACHE_READ] += part * sign
            tokens -= part
        if written:
            part = min(int(written), tokens)
            sums[CACHE_WRITE] += part * sign
            tokens -= part
        sums[INPUT] += tokens * sign
    if made:
        tokens = int(made)
        thought = get("reasoning_tokens")
        if thought:
            part = min(int(thought), tokens)
            sums[REASONING] += part * sign
            tokens -= part
        sums[OUTPUT] += tokens * sign


def _nothing(_: CallRecord) -> None:
    """Stand in for the values of no field."""
