# SPDX-License-Identifier: Apache-2.0
"""Putting two catalogues' words about one provider together. The first is believed where it knows a name exactly; the
second adds names it agrees on, facts the first is silent about, and entries of its own."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from tools.pricing.catalogue import Entry, PricePeriod, Rates, Table, plain

_DATE = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$")
_DUST = Decimal("1e-9")
AGREED = "agreed"
"""The basis of an entry whose price is in both catalogues."""


@dataclass
class Merged:
    """A provider's entries by id, and the names on which the catalogues disagree: (name, first, second)."""

    entries: dict[str, Entry]
    conflicts: list[tuple[str, Rates, Rates]] = field(default_factory=list)


def merge(
    first: dict[str, Entry],
    second: Iterable[Entry],
    find: Callable[[str], str | None],
    believe_second: Callable[[str, bool], bool] = lambda name, exact: not exact,
) -> Merged:
    """Return *first* with *second* merged in; *find* gives the id of the first's entry that a name would match
    there, *believe_second* decides by name, and by whether the first has exactly this name, who is right."""
    merged = Merged({key: copy.deepcopy(entry) for key, entry in first.items()})
    owner = {name.lower(): entry.id for entry in merged.entries.values() for name in entry.names}
    alone: list[Entry] = []
    for entry in second:
        name = entry.id
        exact = owner.get(name.lower())
        known = exact or find(name)
        if known is None or known not in merged.entries:
            alone.append(entry)
            continue
        target = merged.entries[known]
        if same_price(target.periods[current(target)].table.rates, entry.periods[0].table.rates):
            target.names.add(name)
            target.marks.add(AGREED)
            owner[name.lower()] = known
            enrich(target, entry)
            continue
        merged.conflicts.append((name, target.periods[current(target)].table.rates, entry.periods[0].table.rates))
        if believe_second(name, exact is not None):
            target.names = {other for other in target.names if other.lower() != name.lower()}
            alone.append(entry)
        else:
            target.names.add(name)
            owner[name.lower()] = known
    for entry in grouped(alone):
        for name in entry.names:
            other = owner.get(name.lower())
            if other and other != entry.id:
                merged.entries[other].names = {n for n in merged.entries[other].names if n.lower() != name.lower()}
        if entry.id in merged.entries:
            kept = merged.entries[entry.id].names
            entry.names |= {name for name in kept if owner.get(name.lower(), entry.id) == entry.id}
        merged.entries[entry.id] = entry
        owner.update({name.lower(): entry.id for name in entry.names})
    return merged


def current(entry: Entry, day: str = "2026-11-21") -> int:
    """Return the index of the era that holds on a day."""
    return max(i for i, period in enumerate(entry.periods) if period.start == "launch" or period.start <= day)


def same_price(one: Rates, other: Rates) -> bool:
    """Return whether input and output (or, without them, all common meters) cost the same."""
    meters = [m for m in ("input_tokens", "output_tokens") if one.get(m) or other.get(m)]
    meters = meters or sorted(set(one) & set(other))
    return bool(meters) and all(
        (meter in one and meter in other and abs(one[meter] - other[meter]) <= _DUST * max(one[meter], other[meter]))
        # A second catalogue states an output of 0 for what has none.
        or (not one.get(meter) and not other.get(meter))
        for meter in meters
    )


def enrich(target: Entry, entry: Entry) -> None:
    """Add rates of *entry* that *target* does not have, in every period with the same or a proportional price."""
    other = entry.periods[0]
    target.marks |= entry.marks
    now = target.periods[current(target)]
    for meter, price in other.table.rates.items():
        if meter not in now.table.rates:
            for period in target.periods:
                if same_price(period.table.rates, other.table.rates):
                    period.table.rates[meter] = price
                    _enrich_steps(period.table, other.table, meter)
    if not now.table.steps and other.table.steps and other.table.rates.get("input_tokens"):
        now.table.steps = copy.deepcopy(other.table.steps)
    for when, table in other.variants:
        known = next((known for other, known in now.variants if other == when), None)
        if known is None:
            now.variants.append((when, copy.deepcopy(table)))
            continue
        for meter, price in table.rates.items():
            if meter not in known.rates:
                known.rates[meter] = price
                _enrich_steps(known, table, meter)


def _enrich_steps(table: Table, other: Table, meter: str) -> None:
    other_steps = dict(other.steps)
    for bound, rates in table.steps:
        if meter in other_steps.get(bound, {}) and meter not in rates:
            rates[meter] = other_steps[bound][meter]


def spread_variants(entry: Entry) -> None:
    """Give the other eras the variants of the current one: as they are at the same price, scaled when in proportion."""
    now = entry.periods[current(entry)]
    for period in entry.periods:
        for when, table in now.variants:
            if any(known == when for known, _ in period.variants):
                continue
            if period.table.rates == now.table.rates and period.table.steps == now.table.steps:
                period.variants.append((when, copy.deepcopy(table)))
                continue
            ratio = _ratio(now.table, table)
            if ratio is not None:
                period.variants.append((when, _scaled(period.table, ratio)))


def _ratio(base: Table, table: Table) -> Decimal | None:
    ratios = {
        (price / base.rates[meter]).quantize(Decimal("1e-6"))
        for meter, price in table.rates.items()
        if base.rates.get(meter) and meter in ("input_tokens", "output_tokens")
    }
    return ratios.pop() if len(ratios) == 1 else None


def _scaled(table: Table, ratio: Decimal) -> Table:
    def tokens(rates: Rates) -> Rates:
        return {meter: price * ratio for meter, price in rates.items() if meter.endswith("_tokens")}

    return Table(tokens(table.rates), [(bound, tokens(rates)) for bound, rates in table.steps])


def grouped(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with those of one name but for a date, and one price, put together."""
    groups: dict[tuple[str, str], Entry] = {}
    for entry in sorted(entries, key=lambda entry: (len(entry.id), entry.id)):
        key = (_DATE.sub("", entry.id).lower(), fingerprint(entry))
        if key in groups:
            groups[key].names |= entry.names
            groups[key].marks |= entry.marks
        else:
            groups[key] = copy.deepcopy(entry)
    return list(groups.values())


def fingerprint(entry: Entry) -> str:
    """Return a text that is the same for entries with the same eras."""

    def table(value: Table) -> str:
        steps = [(bound, sorted((m, plain(p)) for m, p in rates.items())) for bound, rates in value.steps]
        return repr((sorted((m, plain(p)) for m, p in value.rates.items()), steps))

    def period(value: PricePeriod) -> str:
        return repr((value.start, table(value.table), sorted((sorted(w.items()), table(t)) for w, t in value.variants)))

    return repr([period(value) for value in entry.periods])
