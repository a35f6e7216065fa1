# SPDX-License-Identifier: Apache-2.0
"""Puts every difference between calls and a bill into its class: quantities first, then rates."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from spancost.bills.difference import (
    CACHE_SPLIT,
    DUPLICATED,
    MATCHED,
    NOT_BILLED,
    NOT_INSTRUMENTED,
    ONLY_IN_SPANS,
    ONLY_ON_BILL,
    OPEN,
    QUANTITY,
    RATE,
    RETRIED,
    TIER_MOVED,
    UNIT_SLIP,
    UNPRICED,
    Difference,
)
from spancost.bills.sides import ALL, INPUT_PARTS, REQUESTS, Counts, Key, Side

ZERO = Fraction(0)
_RELATIVE = Fraction(1, 10**6)
"""Amounts that differ by less are equal: providers round each line."""
_POWERS = tuple(Fraction(10) ** power for power in (-6, -3, -2, 2, 3, 6))
_NEAR = Fraction(1, 5)
"""A ratio this near to a power of ten may be that power and other differences."""


class Facts(NamedTuple):
    """What is known beside both sides.

    Attributes:
        counts: calls and failed calls by day, provider and model.
        repeats: calls that look like copies of another, by day, provider and model; of `days_beyond` only.
        open_from: first day that the source may still change.
        rounded: unit to which each row of the bill is rounded, 0 when it is exact.
        price: USD a unit of a key by the rate card, None for what it does not price.
        same_ratio: keys without a quantity whose amounts differ by one ratio on several days: a price, not a number.
    """

    counts: Mapping[tuple[date, str, str], Counts]
    repeats: Mapping[tuple[date, str, str], int]
    open_from: date
    rounded: Fraction = ZERO
    price: Callable[[Key], Fraction | None] = lambda key: None
    same_ratio: frozenset[Key] = frozenset()


def classified(bill: Mapping[Key, Side], ours: Mapping[Key, Side], facts: Facts) -> list[Difference]:
    """Return every key of both sides with its class; the dollars of the classes add up to bill less ours."""
    found: list[Difference] = []
    slips = _slips(bill, ours)
    facts = facts._replace(same_ratio=_same_ratio(bill, ours))
    billed = {(key.provider, key.model) for key in bill}
    spent = {(key.provider, key.model) for key in ours}
    places: dict[tuple[date, str, str], set[Key]] = {}
    for key in (*bill, *ours):
        places.setdefault((key.day, key.provider, key.model), set()).add(key)
    for place, keys in sorted(places.items()):
        pairs = {key: (bill.get(key), ours.get(key)) for key in sorted(keys)}
        factor = slips.get(place[1])
        if factor is not None:
            found += _unit_slips(pairs, factor)
            pairs = {key: (_scaled(one, factor), two) for key, (one, two) in pairs.items()}
        if place[0] >= facts.open_from:
            found += [_row(OPEN, None, key, one, two) for key, (one, two) in pairs.items()]
        elif place[1:] not in spent:
            found += [_row(ONLY_ON_BILL, NOT_INSTRUMENTED, key, one, two) for key, (one, two) in pairs.items()]
        elif place[1:] not in billed:
            found += [_row(ONLY_IN_SPANS, None, key, one, two) for key, (one, two) in pairs.items()]
        else:
            found += _at_place(pairs, facts)
    return found


def days_beyond(bill: Mapping[Key, Side], ours: Mapping[Key, Side]) -> set[date]:
    """Return the days (or first days of periods) on which the spans may have more than the bill.

    Only there `Facts.repeats` is asked for.
    """
    found = set()
    for key, side in ours.items():
        other = bill.get(key)
        if other is None:
            continue
        if other.quantity is None or side.quantity is None:
            is_beyond = other.usd != side.usd
        else:
            is_beyond = side.quantity > other.quantity
        if is_beyond:
            found.add(key.day)
    return found


def _at_place(pairs: Mapping[Key, tuple[Side | None, Side | None]], facts: Facts) -> Iterator[Difference]:
    """Yield the differences of one day and model: the parts, then the amounts for everything a row used."""
    wholes = {key: pair for key, pair in pairs.items() if key.meter == ALL}
    parts = list(_of_parts({key: pair for key, pair in pairs.items() if key.meter != ALL}, facts))
    yield from parts
    for key, (one, two) in wholes.items():
        told = [row for row in parts if row.tier == (key.tier or None) and row.meter != REQUESTS]
        is_told = any(row.bill_quantity is not None for row in told)
        yield from _of_whole(key, one, two, told if is_told else (), facts)


def _of_parts(pairs: Mapping[Key, tuple[Side | None, Side | None]], facts: Facts) -> Iterator[Difference]:
    """Yield the differences of meters: moved between tiers, split of the cache, then key by key."""
    left = dict(pairs)
    for meter in dict.fromkeys(key.meter for key in pairs):
        moved = [key for key in left if key.meter == meter]
        if len({key.tier for key in moved}) > 1 and _is_moved(moved, left, facts):
            for key in moved:
                yield from _moved(key, *left.pop(key), TIER_MOVED, facts)
    for tier in dict.fromkeys(key.tier for key in left):
        parts = [key for key in left if key.tier == tier and key.meter in INPUT_PARTS]
        if len(parts) > 1 and _is_moved(parts, left, facts):
            for key in parts:
                yield from _moved(key, *left.pop(key), CACHE_SPLIT, facts)
    for key, (one, two) in left.items():
        yield from _compared(key, one, two, facts)


def _of_whole(
    key: Key, bill: Side | None, ours: Side | None, told: Sequence[Difference], facts: Facts
) -> Iterator[Difference]:
    """Yield the difference of an amount for everything: a price when all quantities agree, else of their cause."""
    is_known = bill is not None and ours is not None and bill.usd and ours.usd is not None and not ours.unpriced
    if not is_known or not told or bill is None or ours is None:
        yield from _compared(key, bill, ours, facts)
    elif abs((bill.usd or ZERO) - (ours.usd or ZERO)) <= _tolerance(bill, ours, facts):
        yield _row(MATCHED, None, key, bill, ours)
    elif all(row.name == MATCHED for row in told):
        yield _row(RATE, None, key, bill, ours)._replace(detail=_prices(bill, ours))
    else:
        largest = max(told, key=lambda row: abs((row.bill_quantity or ZERO) - (row.ours_quantity or ZERO)))
        yield _row(QUANTITY, largest.cause, key, bill, ours)


def _moved(key: Key, bill: Side | None, ours: Side | None, cause: str, facts: Facts) -> Iterator[Difference]:
    """Yield the row of a part of a total that agrees: the part itself may agree, too."""
    if bill is not None and ours is not None and not _step(key, bill, ours, facts)[1]:
        yield from _compared(key, bill, ours, facts)
    else:
        yield _row(QUANTITY, cause, key, bill, ours)


def _is_moved(keys: Sequence[Key], pairs: Mapping[Key, tuple[Side | None, Side | None]], facts: Facts) -> bool:
    """Return whether the quantities of *keys* agree in sum and not one by one."""
    total = slack = ZERO
    directions = set()
    for key in keys:
        more, direction, loose = _step(key, *pairs[key], facts)
        if more is None:
            return False
        directions.add(direction)
        total += more
        slack += loose
    return directions >= {-1, 1} and abs(total) <= slack


def _step(key: Key, bill: Side | None, ours: Side | None, facts: Facts) -> tuple[Fraction | None, int, Fraction]:
    """Return how much more the bill has (None when unknown), 1, 0 or -1 for its direction, and how exact that is.

    A bill without quantities has those that its amounts pay for at the card's price.
    """
    own = ZERO if ours is None else ours.quantity
    held, slack = ZERO if bill is None else bill.quantity, ZERO
    if held is None and bill is not None and bill.usd is not None:
        price = facts.price(key)
        if price:
            held = bill.usd / price
            slack = _tolerance(bill, ours or Side(), facts) / price
    if held is None or own is None:
        return None, 0, ZERO
    more = held - own
    return more, 0 if abs(more) <= slack else 1 if more > 0 else -1, slack


def _compared(key: Key, bill: Side | None, ours: Side | None, facts: Facts) -> Iterator[Difference]:
    """Yield the differences of one key: of the quantity at the price of one side, then of the price."""
    if bill is None or ours is None:
        name, cause = (ONLY_ON_BILL, NOT_INSTRUMENTED) if ours is None else (ONLY_IN_SPANS, None)
        if bill is not None and not (bill.quantity or bill.usd):
            return
        if ours is not None and bill is None and not (ours.quantity or ours.usd):
            return
        yield _row(name, cause, key, bill, ours)
        return
    if ours.unpriced and bill.usd is not None:
        yield _row(UNPRICED, None, key, bill, ours)
        return
    excess = _excess(bill, ours)
    if not excess:
        yield _priced(key, bill, ours, facts)
        return
    moved = excess * _price(bill, ours)
    cause = _cause(key, excess, facts)
    row = _row(QUANTITY, cause, key, bill, ours)
    rest = ZERO if bill.usd is None or ours.usd is None else bill.usd - ours.usd - moved
    if bill.usd is None or ours.usd is None or abs(rest) <= _tolerance(bill, ours, facts):
        yield row
        return
    yield row._replace(usd=moved)
    yield _row(RATE, None, key, None, None)._replace(usd=rest, detail=_prices(bill, ours))


def _priced(key: Key, bill: Side, ours: Side, facts: Facts) -> Difference:
    """Return the class of a key whose quantities agree, or that has none."""
    if bill.usd is None or ours.usd is None:
        return _row(MATCHED, None, key, bill, ours)._replace(usd=ZERO)
    if not bill.usd and ours.usd:
        return _row(NOT_BILLED, None, key, bill, ours)
    if abs(bill.usd - ours.usd) <= _tolerance(bill, ours, facts):
        return _row(MATCHED, None, key, bill, ours)
    if bill.quantity is None and key not in facts.same_ratio:
        cause = _cause(key, bill.usd - ours.usd, facts)
        return _row(QUANTITY, cause, key, bill, ours)
    return _row(RATE, None, key, bill, ours)._replace(detail=_prices(bill, ours))


def _cause(key: Key, excess: Fraction, facts: Facts) -> str | None:
    place = (key.day, key.provider, key.model)
    if excess < 0:
        return DUPLICATED if facts.repeats.get(place) else None
    return RETRIED if facts.counts.get(place, Counts()).failed else NOT_INSTRUMENTED


def _excess(bill: Side, ours: Side) -> Fraction:
    """Return how much more the bill has than the spans; 0 where a side has no quantity."""
    if bill.quantity is None or ours.quantity is None:
        return ZERO
    return bill.quantity - ours.quantity


def _price(bill: Side, ours: Side) -> Fraction:
    """Return dollars a unit: ours, else the bill's."""
    for side in (ours, bill):
        if side.usd is not None and side.quantity:
            return side.usd / side.quantity
    return ZERO


def _prices(bill: Side, ours: Side) -> str:
    if bill.quantity is None and bill.usd and ours.usd:
        return f"the bill has {float(bill.usd / ours.usd):.4g} times the amount, on several days"
    one, two = (_per_million(side) for side in (bill, ours))
    return f"the bill has {one}, the spans have {two} USD per million"


def _per_million(side: Side) -> str:
    if side.usd is None or not side.quantity:
        return "no price"
    return f"{float(side.usd / side.quantity * 10**6):.6g}"


def _tolerance(bill: Side, ours: Side, facts: Facts) -> Fraction:
    """Return by how much two amounts may differ and be equal: half a unit of rounding for each row of the bill."""
    largest = max(abs(bill.usd or ZERO), abs(ours.usd or ZERO))
    return max(largest * _RELATIVE, facts.rounded * bill.rows / 2)


def _slips(bill: Mapping[Key, Side], ours: Mapping[Key, Side]) -> dict[str, Fraction]:
    """Return provider -> the power of ten by which nearly all its amounts are off."""
    ratios: dict[str, list[Fraction]] = {}
    for key, side in bill.items():
        other = ours.get(key)
        if other is not None and side.usd and other.usd:
            ratios.setdefault(key.provider, []).append(side.usd / other.usd)
    found = {}
    for provider, held in ratios.items():
        for power in _POWERS:
            near = sum(abs(ratio / power - 1) <= _NEAR for ratio in held)
            if near * 10 >= len(held) * 8:
                found[provider] = power
    return found


def _same_ratio(bill: Mapping[Key, Side], ours: Mapping[Key, Side]) -> frozenset[Key]:
    """Return the keys of bills without quantities whose amounts differ by the same ratio on two days or more.

    The day beside them may have a ratio in between: the price changed in the course of it.
    """
    series: dict[Key, list[tuple[Key, Fraction]]] = {}
    for key, side in sorted(bill.items(), key=lambda item: item[0]):
        other = ours.get(key)
        if side.quantity is None and side.usd and other is not None and other.usd:
            series.setdefault(key._replace(day=date.min), []).append((key, side.usd / other.usd))
    found: set[Key] = set()
    for held in series.values():
        places: dict[int, list[int]] = {}
        for place, (_, ratio) in enumerate(held):
            if round(ratio * 10_000) != 10_000:
                places.setdefault(round(ratio * 10_000), []).append(place)
        for same in places.values():
            if len(same) > 1:
                found |= {held[place][0] for place in same}
                low, high = sorted((Fraction(1), held[same[0]][1]))
                beside = (place for place in (same[0] - 1, same[-1] + 1) if 0 <= place < len(held))
                found |= {held[place][0] for place in beside if low < held[place][1] < high}
    return frozenset(found)


def _unit_slips(pairs: Mapping[Key, tuple[Side | None, Side | None]], factor: Fraction) -> Iterator[Difference]:
    for key, (bill, ours) in pairs.items():
        if bill is not None and bill.usd:
            row = _row(UNIT_SLIP, None, key, bill, ours)
            yield row._replace(usd=bill.usd - bill.usd / factor, detail=str(factor))


def _scaled(side: Side | None, factor: Fraction) -> Side | None:
    return side if side is None or side.usd is None else side._replace(usd=side.usd / factor)


def _row(name: str, cause: str | None, key: Key, bill: Side | None, ours: Side | None) -> Difference:
    billed, spent = (None if side is None else side.usd for side in (bill, ours))
    usd = (billed or ZERO) - (spent or ZERO) if billed is not None or (bill is None and spent is not None) else ZERO
    return Difference(
        name,
        cause,
        key.provider or None,
        key.model or None,
        key.meter,
        key.tier or None,
        key.day,
        None if ours is None else ours.quantity,
        None if bill is None else bill.quantity,
        spent,
        billed,
        usd,
    )
