# SPDX-License-Identifier: Apache-2.0
"""What a catalogue says that it did not say last time, fact by fact; and which of it stays unsettled in the lock."""

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

    *start*: the era there; *dated*: the instant from which the catalogue says it holds, None when it says none;
    *was*, *now*: the price (None: not stated); *about*: the name, for a further name.
    """

    catalogue: str
    seller: str
    name: str
    kind: Kind
    start: str = "launch"
    fact: Fact = _WHOLE
    was: Decimal | None = None
    now: Decimal | None = None
    dated: str | None = None
    about: str = ""


def deltas(before: Catalogue, after: Catalogue, seller: str, day: str) -> Iterator[Delta]:
    """Yield what *after* says otherwise than *before* about a seller's models, as of *day*."""
    old, new = before.sellers.get(seller, {}), after.sellers.get(seller, {})
    for name in sorted({*old, *new}):
        first = Delta(after.name, seller, name, "price")
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
    for start in sorted({*old.eras, *new.eras}, key=order):
        if start not in new.eras:
            kind: Kind = "withdrawn" if order(start) > day else "past"
            yield replace(first, kind=kind, start=start)
        elif order(start) < order(current):
            for fact, was, now in _differences(old.eras.get(start, {}), new.eras[start]):
                yield replace(first, kind="past", start=start, fact=fact, was=was, now=now)
        else:
            is_new = start not in old.eras
            base = old.at(start) if is_new else old.eras[start]
            dated = start if is_new or order(start) > day else None
            for fact, was, now in _differences(base, new.eras[start]):
                yield replace(first, start=start, fact=fact, was=was, now=now, dated=dated)


def _differences(old: Prices, new: Prices) -> Iterator[tuple[Fact, Decimal | None, Decimal | None]]:
    for fact in sorted({*old, *new}):
        was, now = old.get(fact), new.get(fact)
        if was != now:
            yield fact, was, now


def settled(before: Catalogue, after: Catalogue, sellers: Iterable[str], open_: Iterable[Delta]) -> Catalogue:
    """Return the lock to keep: *after* for *sellers*, except what is still open, which stays as it was *before*."""
    sellers = list(sellers)
    # The version is that of the seller who was asked longest ago.
    whole = {*before.sellers, *after.sellers} <= set(sellers)
    kept = Catalogue(after.name, (after if whole else before).version, dict(before.sellers), after.left_out)
    for seller in sellers:
        kept.sellers[seller] = copy.deepcopy(after.sellers.get(seller, {}))
    for delta in open_:
        _reopen(kept.sellers[delta.seller], before.sellers.get(delta.seller, {}), delta)
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
        kept[name].eras[delta.start] = before[name].eras[delta.start]
    elif delta.start not in before[name].eras:
        # Its era is not known before it is settled whole.
        kept[name].eras.pop(delta.start, None)
    elif delta.was is None:
        kept[name].eras[delta.start].pop(delta.fact, None)
    else:
        kept[name].eras[delta.start][delta.fact] = delta.was
