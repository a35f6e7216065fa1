# SPDX-License-Identifier: Apache-2.0
"""Models that the card does not have yet: entries of their own, or further names of entries it has."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tools.pricing import edit, guards
from tools.pricing.catalogue import Entry, plain
from tools.pricing.decisions import Decisions
from tools.pricing.deltas import Delta
from tools.pricing.merge import AGREED, merge, same_price
from tools.pricing.ours import Ours, Stated
from tools.pricing.rows import Row
from tools.pricing.sides import Catalogue
from tools.pricing.statement import Fact, Statement, order

_DATE = re.compile(r"[-@](?:\d{8}|\d{4}-\d{2}-\d{2})$")


@dataclass
class Unknown:
    """Names of one provider that find nothing on the card, by catalogue."""

    deltas: dict[tuple[str, str], Delta] = field(default_factory=dict)
    statements: dict[tuple[str, str], Statement] = field(default_factory=dict)

    def add(self, delta: Delta, stated: Statement) -> None:
        """Take in a name."""
        self.deltas[delta.catalogue, delta.name] = delta
        self.statements[delta.catalogue, delta.name] = stated

    def entries(self, catalogue: str) -> list[tuple[str, Entry]]:
        """Return (name, entry) of one catalogue's names."""
        found = [(name, s.entry) for (other, name), s in sorted(self.statements.items()) if other == catalogue]
        return [(name, entry) for name, entry in found if entry is not None]


class Newcomers:
    """Judges the unknown names of a provider and writes what may go in into its file."""

    def __init__(self, provider: str, ours: Ours, decisions: Decisions, content: Any) -> None:
        self.provider, self.ours, self.decisions, self.content = provider, ours, decisions, content

    def rows(self, unknown: Unknown, first: Catalogue, stated: Stated) -> list[Row]:
        """Return a row for each entry or name that is not settled; those without a reason are in the file."""
        first_names = _index(first.providers.get(self.provider, {}))
        rows, news = [], {}
        row_of_provider = self.ours.mapping.providers.get(self.provider)
        if row_of_provider is None or row_of_provider.genai_prices_adds:
            news = {entry.id: entry for _, entry in unknown.entries("genai-prices") if entry.periods}
        alone, behind = [], defaultdict(list)
        for name, entry in unknown.entries("litellm"):
            short = self.ours.mapping.short(self.provider, name)
            if short is None:
                continue
            entry_of_name = Entry(short, {short}, entry.periods, entry.source, marks=set(entry.marks))
            behind[short].append(name)
            known = _lookup(first_names, short)
            target = stated.targets.get(("genai-prices", known)) if known else None
            if known and target is not None and known not in news:
                rows += self._name(unknown.deltas["litellm", name], short, target.model, entry_of_name, first, known)
            else:
                alone.append(entry_of_name)
        merged = merge(news, alone, lambda name: _lookup(first_names, name), lambda name, exact: False)
        disagree = {name for name, _, _ in merged.conflicts}
        for entry in merged.entries.values():
            own = [unknown.deltas["litellm", full] for name in sorted(entry.names) for full in behind.get(name, ())]
            own += [unknown.deltas["genai-prices", entry.id]] if entry.id in news else []
            rows += self._entry(entry, own, bool(disagree & entry.names), unknown, {*merged.entries})
        return rows

    def _name(
        self, delta: Delta, name: str, model: str, entry_of_name: Entry, first: Catalogue, known: str
    ) -> list[Row]:
        """A name that the first catalogue gives to an entry of ours, and the second prices."""
        stated = first.providers[self.provider][known]
        prices = {fact.meter: price for fact, price in stated.at(self.ours.day).items() if fact[:2] == ((), 0)}
        row = Row(self.provider, model, name, "new name", deltas=[delta])
        row.values = {"genai-prices": known, "litellm": name}
        decision = self.decisions.about(self.provider, [model, name], name, None)
        if decision is not None and decision.decision == "reject":
            return []
        if not same_price(prices, entry_of_name.periods[0].table.rates) and decision is None:
            row.reason = "disagree"
            return [row]
        edit.add_name(self.content["models"][model], name.lower())
        return [row]

    def _entry(self, entry: Entry, own: list[Delta], disagree: bool, unknown: Unknown, others: set[str]) -> list[Row]:
        rates = entry.periods[-1].table.rates if entry.periods else {}
        price = rates.get("input_tokens")
        row = Row(
            self.provider, entry.id, "", "new model", None, price, entry.periods[0].start if entry.periods else ""
        )
        row.deltas = own
        row.fact = ", ".join(f"{meter} {plain(value)}" for meter, value in rates.items() if value)
        for delta in own:
            row.values.setdefault(delta.catalogue, delta.name)
        decision = self.decisions.about(self.provider, [entry.id, *entry.names], "new", price)
        if decision is not None and decision.decision == "reject":
            return []
        if any(unknown.statements[d.catalogue, d.name].unread for d in own):
            row.reason = "unread"
        elif not rates:
            row.reason = "no_rate"
        elif self._is_a_place(entry, others):
            row.reason = "place"
        elif decision is None:
            row.reason = "disagree" if disagree else self._guard(entry) or ""
        if not row.reason:
            dated = {name.removesuffix("*date").lower() for name in entry.names if name.endswith("*date")}
            entry.names = {
                name
                for name in entry.names
                if self.ours.find(self.provider, "", name) is None
                and not (_DATE.search(name) and _DATE.sub("", name).lower() in dated)
            }
            agreed = len({delta.catalogue for delta in own}) > 1
            entry.marks = {AGREED} if agreed else set()
            edit.add_model(self.content, entry, self.ours.day)
        return [row]

    def _is_a_place(self, entry: Entry, others: set[str]) -> bool:
        """Return whether a rule for names would read this one as another entry's at a place."""
        for name, _ in self.ours.card.model_names.candidates(self.provider, entry.id):
            if name != entry.id.lower() and (name in others or self.ours.find(self.provider, "", name)):
                return True
        return False

    def _guard(self, entry: Entry) -> str | None:
        stated: dict[Fact, Decimal] = {}
        for period in entry.periods:
            if order(period.start) > self.ours.day:
                return "future"
            for when, table in [({}, period.table), *period.variants]:
                for bound, rates in [(0, table.rates), *table.steps]:
                    conditions = tuple(sorted(when.items()))
                    stated.update({Fact(conditions, bound, meter): price for meter, price in rates.items()})
        if not any(stated.values()):
            return "zero"

        for fact in stated:
            steps = [bound for when, bound, meter in stated if (when, meter) == (fact.when, fact.meter) and bound]
            if met := guards.of_table(fact, stated.get, steps):
                return met
        return None


def _index(statements: dict[str, Statement]) -> dict[str, str]:
    return {spelled.lower(): name for name, s in statements.items() for spelled in {*s.names, name}}


def _lookup(index: dict[str, str], name: str) -> str | None:
    lowered = name.lower()
    return index.get(lowered) or (index.get(_DATE.sub("", lowered) + "*date") if _DATE.search(lowered) else None)
