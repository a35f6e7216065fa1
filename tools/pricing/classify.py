# SPDX-License-Identifier: Apache-2.0
"""What becomes of changed prices of one entry: into the file, or to a person. Works on the loaded YAML it is given."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tools.pricing import edit, guards
from tools.pricing.catalogue import plain
from tools.pricing.decisions import Decisions
from tools.pricing.deltas import Delta
from tools.pricing.ours import Stated, close, end_of
from tools.pricing.rates import era_at, factors, is_token, rate, tables
from tools.pricing.rows import Row
from tools.pricing.statement import Fact


@dataclass
class Change:
    """A changed price of an entry, with its value per catalogue. *dated*: its start, None for now."""

    model: str
    fact: Fact
    dated: str | None
    deltas: list[Delta] = field(default_factory=list)

    @property
    def now(self) -> Decimal | None:
        """The price, None when it is no longer stated (by any of those that changed)."""
        return next((delta.now for delta in self.deltas if delta.now is not None), None)

    @property
    def was(self) -> Decimal | None:
        """The price before, None when none was stated."""
        return next((delta.was for delta in self.deltas if delta.was is not None), None)


class Judge:
    """Judges the changes of a provider; *content* is its file, edited by `model` when a change may go in."""

    def __init__(self, provider: str, content: Any, stated: Stated, decisions: Decisions, day: str, note: str) -> None:
        self.provider, self.content, self.stated = provider, content, stated
        self.decisions, self.day, self.note = decisions, day, note

    def model(self, model_id: str, changes: Iterable[Change]) -> list[Row]:
        """Put what may go in into the file; return a row for each change that is not settled, proposals among them."""
        # What holds now before what comes later, whole eras before additions, base tables before those of conditions.
        ordered = sorted(changes, key=lambda c: (c.dated or "", c.was is None, len(c.fact.when), c.fact.bound, c.fact))
        held: dict[int, str] = {}
        untouched = self.content["models"][model_id]
        while True:
            self.content["models"][model_id] = copy.deepcopy(untouched)
            rows = [self._one(change, held.get(index, "")) for index, change in enumerate(ordered)]
            # One price can only be judged beside the others when all are in; what then fails is taken out again.
            failed = {
                index: reason
                for index, row in enumerate(rows)
                if row is not None and not row.reason and (reason := self._beside(ordered[index]))
            }
            if not failed:
                return [row for row in rows if row is not None]
            held.update(failed)

    def _one(self, change: Change, held: str) -> Row | None:
        start = change.dated or self.day
        seconds = end_of(start)
        fact, now = change.fact, change.now
        provider, model = self.content, self.content["models"][change.model]
        ours = rate(provider, change.model, model, fact, seconds)
        if now is not None and close(ours.price, now):
            return None
        known = [change.model, *(delta.name for delta in change.deltas)]
        decision = self.decisions.about(self.provider, known, fact.text, now)
        if decision is not None and decision.decision == "reject":
            return None
        values = self._catalogue_values(change, start)
        own = ours.by != "none"
        old = ours.price if own else None
        row = Row(self.provider, change.model, fact.text, "changed", old, now, start, values, deltas=change.deltas)
        if now is None:
            still = any(close(price, ours.price) for _, _, price in self.stated.values(change.model, fact, start))
            noted = not own or still or decision is not None
            row.reason, row.kind = "fact_removed", "no longer stated"
            return None if noted else row
        row.reason = self._impossible(change, model, seconds, ours.by)
        if not row.reason and (decision is None or held in ("left_behind", "half_table")):
            row.reason = held or self._caveat(change, old, now, start) or self._misplaced(change, own, model, seconds)
        if row.reason:
            return row
        correct = decision is not None and decision.how == "correction"
        row.kind = "corrected" if correct else "scheduled" if start > self.day else "changed" if own else "added"
        self._write(change, model, seconds, plain(now), new_era=not correct and (own or change.dated is not None))
        return row

    def _impossible(self, change: Change, model: Any, seconds: int, by: str) -> str:
        index = era_at(model, seconds)
        if index is None or (change.dated and index + 1 < len(model["prices"])):
            return "history"
        period = model["prices"][index]
        if "windows" in period:
            return "by_hour"
        if by == "modifier":
            return "modifier"
        has_table = any(when == dict(change.fact.when) for when, _, _ in tables(period))
        return "place" if not has_table and change.fact.bound else ""

    def _caveat(self, change: Change, old: Fraction | None, now: Decimal, start: str) -> str:
        if start > self.day:
            return "future"
        stated = list(self.stated.values(change.model, change.fact, start))
        moved = {delta.catalogue for delta in change.deltas}
        others = [price for catalogue, _, price in stated if catalogue not in moved]
        if len({None if delta.now is None else plain(delta.now) for delta in change.deltas}) > 1:
            return "disagree" if len(moved) > 1 else "split"
        if others and not any(close(price, now) for price in others):
            return "disagree"
        if any(catalogue in moved and close(price, change.was) for catalogue, _, price in stated):
            return "split"
        if not close(old, change.was):
            return "curated"
        if old and any(f != 1 and close(now, old * f**sign) for f in self._factors(change.model) for sign in (1, -1)):
            return "factor"
        model = self.content["models"][change.model]
        charged = model["prices"][era_at(model, end_of(start)) or 0]["rates"].values()
        return guards.of_change(change.was, now, map(Fraction, charged)) or ""

    def _factors(self, model_id: str) -> set[Fraction]:
        return set(factors(self.content, model_id))

    def _misplaced(self, change: Change, own: bool, model: Any, seconds: int) -> str:
        """Return why an addition does not belong to the price that holds now."""
        if own or change.dated:
            return ""
        if model["prices"][era_at(model, seconds) or 0]["basis"] == "page":
            return "page"
        names = {(delta.catalogue, delta.name) for delta in change.deltas}
        for catalogue, name, target, stated in self.stated.by_model[change.model]:
            if (catalogue, name) not in names:
                continue
            for meter in ("input_tokens", "output_tokens"):
                base = stated.at(self.day).get(Fact((), 0, meter))
                fact = target.fact(Fact((), 0, meter))
                ours = rate(self.content, change.model, model, fact, seconds)
                # Where the card has no table for the place that a name states, there is nothing to compare.
                if base and not close(ours.price, base) and not (target.facts and ours.by == "none"):
                    return "curated"
        return ""

    def _write(self, change: Change, model: Any, seconds: int, price: str, new_era: bool) -> None:
        if new_era:
            edit.begin_era(model, change.dated or self.day, seconds, "" if change.dated else self.note)
        period = model["prices"][era_at(model, seconds) or 0]
        if not edit.set_price(period, change.fact, price):
            edit.add_variant(period, dict(change.fact.when), {**self._beside_it(change), change.fact.meter: price})
        if new_era:
            agreed = len({name for name, _, p in self._now(change) if close(p, change.now)}) > 1
            basis = "two_catalogues" if agreed and period["basis"] != "one_catalogue" else "one_catalogue"
            day = self.day if basis == "two_catalogues" else "unknown"
            edit.set_provenance(self.content, period, self._source(change), day, basis)

    def _beside_it(self, change: Change) -> dict[str, str]:
        """Return all that a catalogue states under the conditions of a new table: it replaces every rate of tokens."""
        delta = change.deltas[0]
        found: dict[str, str] = {}
        for catalogue, name, target, stated in self.stated.by_model[change.model]:
            if (catalogue, name) == (delta.catalogue, delta.name):
                for fact, price in stated.at(change.dated or self.day).items():
                    if not fact.bound and target.fact(fact).when == change.fact.when:
                        found[fact.meter] = plain(price)
        return found

    def _now(self, change: Change) -> list[tuple[str, str, Decimal]]:
        return list(self.stated.values(change.model, change.fact, change.dated or self.day))

    def _source(self, change: Change) -> str:
        delta = change.deltas[0]
        rows = self.stated.by_model[change.model]
        return next(s.source for catalogue, name, _, s in rows if (catalogue, name) == (delta.catalogue, delta.name))

    def _catalogue_values(self, change: Change, start: str) -> dict[str, str]:
        values: dict[str, str] = {}
        for catalogue, _, price in self.stated.values(change.model, change.fact, start):
            texts = values.setdefault(catalogue, "").split(" / ")
            values[catalogue] = " / ".join(sorted({*filter(None, texts), plain(price)}))
        for delta in change.deltas:
            words = values.setdefault(delta.catalogue, "nothing" if delta.now is None else "0")
            was = "" if delta.was is None else f" (was {plain(delta.was)})"
            values[delta.catalogue] = words + ("" if was in words else was)
        return values

    def _beside(self, change: Change) -> str | None:
        """Return the guard that a price meets among the others of its entry, once all are in."""
        model = self.content["models"][change.model]
        seconds = end_of(change.dated or self.day)
        period = model["prices"][era_at(model, seconds) or 0]
        steps = [bound for when, bound, _ in tables(period) if bound and when == dict(change.fact.when)]
        met = guards.of_table(
            change.fact, lambda fact: rate(self.content, change.model, model, fact, seconds).price, steps
        )
        if met is not None and self.decisions.about(self.provider, [change.model], change.fact.text, change.now):
            met = None
        met = met or self._half_table(change, period)
        return met or ("left_behind" if self._leaves_behind(change, model, seconds) else None)

    def _half_table(self, change: Change, period: Any) -> str | None:
        """Return the guard for a variant without a rate that the base has: the meter would not be billed."""
        own = next((rates for when, bound, rates in tables(period) if when == dict(change.fact.when) and not bound), {})
        sold = {meter for meter, price in period["rates"].items() if Fraction(price)}
        missing = {"input_tokens", "output_tokens"} & sold - set(own)
        return "half_table" if change.fact.when and is_token(change.fact.meter) and missing else None

    def _leaves_behind(self, change: Change, model: Any, seconds: int) -> bool:
        """Return whether a new base price has tables beside it that no catalogue confirms."""
        index = era_at(model, seconds) or 0
        if change.fact.when or change.fact.bound or change.was is None or not index or not is_token(change.fact.meter):
            return False
        before = {(tuple(sorted(w.items())), b): rates for w, b, rates in tables(model["prices"][index - 1])}
        for when, bound, rates in tables(model["prices"][index]):
            key = (tuple(sorted(when.items())), bound)
            text = rates.get(change.fact.meter)
            if key == ((), 0) or text is None or before.get(key, {}).get(change.fact.meter) != text:
                continue
            there = self.stated.values(change.model, Fact(*key, change.fact.meter), change.dated or self.day)
            if not any(close(price, Decimal(text)) for _, _, price in there):
                return True
        return False
