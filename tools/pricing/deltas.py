# SPDX-License-Identifier: Apache-2.0
"""Differences of a catalogue from its lock, fact by fact, and which of them stay open in the lock."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from tools.pricing.sides import Catalogue
from tools.pricing.statement import Fact, Prices, Statement, order

Kind = Literal["price", "past", "withdrawn", "new", "gone", "unread", "name"]
_WHOLE = Fact((), 0, "*")


@dataclass(frozen=True)
class Delta:
    """One change of a catalogue's word about one of its models.

    *start*: the period there; *dated*: the start that the catalogue states, None without one;
    *was*, *now*: the price (None: not stated); *about*: the name, for a further name.
    """

    catalogue: str
    provider: str
    name: str
    kind: Kind
    start: str = "launch"
    fact: Fact = _WHOLE
    was: Decimal | None = None
    now: Decimal | None = None
    dated: str | None = None
    about: str = ""


def deltas(before: Catalogue, after: Catalogue, provider: str, day: str) -> Iterator[Delta]:
    """Yield the differences of *after* from *before* in a provider's models, as of *day*."""
    old, new = before.providers.get(provider, {}), after.providers.get(provider, {})
    for name in sorted({*old, *new}):
        first = Delta(after.name, provider, name, "price")
        if name not in new:
            yield replace(first, kind="gone")
        elif name not in old:
            yield replace(first, kind="new")
        else:
            yield from _of_model(first, old[name], new[name], day)


def _of_model(first: Delta, old: Statement, new: Statement, day: str) -> Iterator[Delta]:
    if old.unread != new.unread:
        yield replace(first, kind="unread")
        return
    for name in sorted(new.names - old.names):
        yield replace(first, kind="name", about=name)
    current = new.current(day)
    for start in sorted({*old.periods, *new.periods}, key=order):
        if start not in new.periods:
            kind: Kind = "withdrawn" if order(start) > day else "past"
            yield replace(first, kind=kind, start=start)
        elif order(start) < order(current):
            for fact, was, now in _differences(old.periods.get(start, {}), new.periods[start]):
                yield replace(first, kind="past", start=start, fact=fact, was=was, now=now)
        else:
            is_new = start not in old.periods
            base = old.at(start) if is_new else old.periods[start]
            dated = start if is_new or order(start) > day else None
            for fact, was, now in _differences(base, new.periods[start]):
                yield replace(first, start=start, fact=fact, was=was, now=now, dated=dated)


def _differences(old: Prices, new: Prices) -> Iterator[tuple[Fact, Decimal | None, Decimal | None]]:
    for fact in sorted({*old, *new}):
        was, now = old.get(fact), new.get(fact)
        if was != now:
            yield fact, was, now


def settled(before: Catalogue, after: Catalogue, providers: Iterable[str], open_: Iterable[Delta]) -> Catalogue:
    """Return the lock to keep: *after* for *providers*, except what is still open, which stays as it was *before*."""
    providers = list(providers)
    # The version is that of the provider who was asked longest ago.
    whole = {*before.providers, *after.providers} <= set(providers)
    kept = Catalogue(after.name, (after if whole else before).version, dict(before.providers), after.left_out)
    for provider in providers:
        kept.providers[provider] = copy.deepcopy(after.providers.get(provider, {}))
    for delta in open_:
        _reopen(kept.providers[delta.provider], before.providers.get(delta.provider, {}), delta)
    return kept


def _reopen(kept: dict[str, Statement], before: dict[str, Statement], delta: Delta) -> None:
    name = delta.name
    if delta.kind == "new":
        kept.pop(name, None)
    elif delta.kind in ("gone", "unread"):
        kept[name] = before[name]
    elif delta.kind == "name":
        kept[name].names.discard(delta.about)
    elif delta.kind == "withdrawn" or delta.fact == _WHOLE:
        kept[name].periods[delta.start] = before[name].periods[delta.start]
    elif delta.start not in before[name].periods:
        # Its era is not known before it is settled whole.
        kept[name].periods.pop(delta.start, None)
    elif delta.was is None:
        kept[name].periods[delta.start].pop(delta.fact, None)
    else:
        kept[name].periods[delta.start][delta.fact] = delta.was
