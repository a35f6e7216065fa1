# SPDX-License-Identifier: Apache-2.0
"""Three-way comparison of catalogue locks, current catalogues and the card, one provider at a time."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.pricing import edit
from tools.pricing.classify import Change, Judge
from tools.pricing.decisions import Decisions
from tools.pricing.deltas import Delta, deltas
from tools.pricing.new_models import Newcomers, Unknown
from tools.pricing.ours import Ours, Stated, close
from tools.pricing.rows import Row
from tools.pricing.sides import CATALOGUES, Catalogue
from tools.pricing.statement import order


@dataclass
class Side:
    """A catalogue as it was last time and as it is now."""

    before: Catalogue
    after: Catalogue


@dataclass
class Outcome:
    """What a run makes of one provider: *text* is its file as proposed, None when nothing in it changes."""

    provider: str
    proposals: list[Row] = field(default_factory=list)
    issues: list[Row] = field(default_factory=list)
    text: str | None = None

    def open_in(self, catalogue: str) -> list[Delta]:
        """Return what a person must still decide about a catalogue's words: it stays out of the lock."""
        return [delta for row in self.issues for delta in row.deltas if delta.catalogue == catalogue]


def propose(provider: str, sides: list[Side], ours: Ours, providers: Path, decisions: Decisions) -> Outcome:
    """Return what to change in a provider's file, and what to decide. Reads the file, writes nothing."""
    outcome = Outcome(provider)
    news = [delta for side in sides for delta in deltas(side.before, side.after, provider, ours.day)]
    path = providers / f"{provider}.yaml"
    if not news:
        return outcome
    if not path.exists():
        # What was never taken in needs no upkeep; a new name of such a provider does.
        fresh = [delta for delta in news if delta.kind == "new"]
        if fresh and decisions.about(provider, ["*"], "new", None) is None:
            row = Row(provider, f"{len(fresh)} new", "", "new provider", reason="unknown_provider", deltas=fresh)
            row.values = {delta.catalogue: delta.name for delta in fresh}
            outcome.issues.append(row)
        return outcome
    text = path.read_text(encoding="utf-8")
    run = _Run(provider, sides, ours, decisions, edit.load(text))
    rows = run.rows(news)
    outcome.proposals = [row for row in rows if not row.reason]
    outcome.issues = [row for row in rows if row.reason]
    if outcome.proposals:
        outcome.text = edit.dump(run.content)
    return outcome


class _Run:
    def __init__(self, provider: str, sides: list[Side], ours: Ours, decisions: Decisions, content: Any) -> None:
        self.provider, self.ours, self.decisions, self.content = provider, ours, decisions, content
        self.before = {side.after.name: side.before for side in sides}
        self.after = {side.after.name: side.after for side in sides}
        self.stated = Stated.collect(ours, provider, list(self.after.values()))
        self.classify = Judge(provider, content, self.stated, decisions, ours.day, _note(sides))
        self.changes: dict[tuple[Any, ...], Change] = {}
        self.unknown = Unknown()

    def rows(self, news: list[Delta]) -> list[Row]:
        """Return every row of the provider, in the order of the models."""
        rows = [row for delta in news if (row := self._sort(delta)) is not None]
        first = self.after.get(CATALOGUES[0], Catalogue(CATALOGUES[0], ""))
        rows += Newcomers(self.provider, self.ours, self.decisions, self.content).rows(self.unknown, first, self.stated)
        self._agree_on_days()
        for model in sorted({change.model for change in self.changes.values()}):
            rows += self.classify.model(model, [change for change in self.changes.values() if change.model == model])
        return sorted(_merged(rows), key=lambda row: (row.model, row.fact))

    def _sort(self, delta: Delta) -> Row | None:
        """Put a delta among the changes or the unknown names, or return the row it makes by itself."""
        stated = self.after[delta.catalogue].providers.get(self.provider, {}).get(delta.name)
        target = self.stated.targets.get((delta.catalogue, delta.name))
        if delta.kind == "gone":
            return self._gone(delta)
        if stated is None:
            return None
        if target is None:
            if delta.kind in ("new", "unread") or not self._was_priced(delta):
                self.unknown.add(replace(delta, kind="new"), stated)
            return None
        if delta.kind == "new":
            for start, prices in stated.periods.items():
                later = order(start) > self.ours.day
                if later or start == stated.current(self.ours.day):
                    for fact, price in prices.items():
                        dated = start if later else None
                        self._change(replace(delta, start=start, fact=fact, now=price, dated=dated), target)
            return None
        if delta.kind == "price":
            self._change(delta, target)
            return None
        if delta.kind == "name":
            return self._name(delta, target.model)
        reason = {"past": "history", "withdrawn": "withdrawn", "unread": "unread"}[delta.kind]
        return self._alone(delta, target.model, reason)

    def _agree_on_days(self) -> None:
        """When one catalogue has a start day and the other has the same price, use that day."""
        for (model, fact, dated), change in list(self.changes.items()):
            undated = self.changes.get((model, fact, None))
            if dated and dated <= self.ours.day and undated is not None and close(undated.now, change.now):
                change.deltas += undated.deltas
                del self.changes[model, fact, None]

    def _was_priced(self, delta: Delta) -> bool:
        stated = self.before[delta.catalogue].providers.get(self.provider, {}).get(delta.name)
        return stated is not None and any(stated.periods.values())

    def _change(self, delta: Delta, target: Any) -> None:
        fact = target.fact(delta.fact)
        key = (target.model, fact, delta.dated)
        change = self.changes.setdefault(key, Change(target.model, fact, delta.dated))
        change.deltas.append(delta)

    def _gone(self, delta: Delta) -> Row | None:
        target = self.ours.find(self.provider, delta.catalogue, delta.name)
        if target is None or any(c == delta.catalogue for c, *_ in self.stated.by_model.get(target.model, ())):
            return None
        return self._alone(delta, target.model, "removed")

    def _name(self, delta: Delta, model: str) -> Row | None:
        name = delta.about.lower()
        if self.ours.find(self.provider, "", name.replace("*date", "-20260101")) is not None:
            return None
        decision = self.decisions.about(self.provider, [model, delta.name, name], name, None)
        if decision is not None and decision.decision == "reject":
            return None
        edit.add_name(self.content["models"][model], name)
        return Row(self.provider, model, name, "new name", values={delta.catalogue: delta.name}, deltas=[delta])

    def _alone(self, delta: Delta, model: str, reason: str) -> Row | None:
        if self.decisions.about(self.provider, [model, delta.name], reason, delta.now) is not None:
            return None
        fact = delta.fact.text if delta.kind == "past" and delta.fact.meter != "*" else delta.name
        row = Row(self.provider, model, fact, reason, reason=reason, deltas=[delta])
        row.new, row.start = delta.now, "" if delta.kind == "gone" else delta.start
        row.values = {delta.catalogue: delta.name}
        return row


def _merged(rows: list[Row]) -> list[Row]:
    """Return the rows with those put together that ask the same question about one entry."""
    found: dict[tuple[str, ...], Row] = {}
    for row in rows:
        key = (row.model, row.reason, row.start) if row.reason in ("removed", "history") else (str(id(row)),)
        if key in found:
            found[key].deltas += row.deltas
            found[key].values = {**row.values, **found[key].values}
        else:
            found[key] = row
    return list(found.values())


def _note(sides: list[Side]) -> str:
    """Return the start of a price without a known day."""
    moved = [side for side in sides if side.before.version != side.after.version]
    between = ", ".join(f"{side.after.name} {side.before.version} and {side.after.version}" for side in moved)
    return f"at the latest; seen between {between}" if moved else "at the latest"
