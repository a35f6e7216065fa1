# SPDX-License-Identifier: Apache-2.0
"""Reports age, coverage and conflicts of the card against each catalogue, by provider."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tools.pricing.catalogue import plain
from tools.pricing.form import FormError, load_yaml
from tools.pricing.ours import Ours, Stated, Target, close, shown
from tools.pricing.rates import rate
from tools.pricing.rows import table
from tools.pricing.sides import CATALOGUES, Catalogue
from tools.pricing.statement import Fact, Statement

_BASE = [Fact((), 0, meter) for meter in ("input_tokens", "output_tokens")]


@dataclass
class ProviderReport:
    """One provider: models; days of checks (`unknown` among them); bases; priced and stated by catalogue; conflicts."""

    provider: str
    models: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    bases: Counter[str] = field(default_factory=Counter)
    stated: Counter[str] = field(default_factory=Counter)
    priced: Counter[str] = field(default_factory=Counter)
    missing: list[tuple[str, str]] = field(default_factory=list)
    conflicts: list[list[str]] = field(default_factory=list)

    def cells(self) -> list[str]:
        """The row of the overview."""
        days = sorted(day for day in self.checked if day != "unknown")
        coverage = [f"{self.priced[c]}/{self.stated[c]}" if self.stated[c] else "" for c in CATALOGUES]
        bases = [str(self.bases[basis]) for basis in ("page", "two_catalogues", "one_catalogue")]
        unknown, oldest = str(self.checked["unknown"]), days[0] if days else "-"
        return [self.provider, str(self.models), oldest, unknown, *bases, *coverage, str(len(self.conflicts))]


HEADS = ["provider", "models", "oldest check", "unchecked", "page", "two", "one", *CATALOGUES, "conflicts"]


def survey(provider: str, ours: Ours, providers: Path, locks: list[Catalogue]) -> ProviderReport:
    """Return the report of one provider; its file may be missing."""
    found = ProviderReport(provider)
    path = providers / f"{provider}.yaml"
    content = load_yaml(path) if path.exists() else {"models": {}}
    for model in content["models"].values():
        found.models += 1
        found.checked.update(period["checked"] for period in model["prices"])
        found.bases.update(period["basis"] for period in model["prices"])
    collected = Stated.collect(ours, provider, locks)
    for lock in locks:
        for name, stated in lock.providers.get(provider, {}).items():
            if not any(stated.periods.values()):
                continue
            found.stated[lock.name] += 1
            target = collected.targets.get((lock.name, name))
            if target is None:
                found.missing.append((lock.name, name))
                continue
            found.priced[lock.name] += 1
            found.conflicts += _conflicts(content, target, stated, lock.name, name, ours)
    return found


def _conflicts(
    content: dict[str, object], target: Target, stated: Statement, catalogue: str, name: str, ours: Ours
) -> list[list[str]]:
    prices: dict[Fact, Decimal] = stated.at(ours.day)
    model = content["models"][target.model]  # type: ignore[index]
    found = []
    for fact in _BASE:
        theirs = prices.get(fact)
        mine = rate(content, target.model, model, target.fact(fact), ours.seconds).price
        if theirs and not close(mine, theirs):
            found.append([target.model, fact.meter, shown(mine), f"{catalogue}: {name}", plain(theirs)])
    return found


def render(reports: list[ProviderReport], locks: list[Catalogue], details: bool) -> str:
    """Return the overview, the whole, and with *details* every name without a price and every conflict."""
    if not reports:
        raise FormError("report: found no provider; expected files in providers/ or a provider of the locks")
    whole = ProviderReport("all")
    for one in reports:
        whole.models += one.models
        for total, part in ((whole.checked, one.checked), (whole.bases, one.bases)):
            total.update(part)
        whole.stated.update(one.stated)
        whole.priced.update(one.priced)
        whole.conflicts += one.conflicts
    parts = [table(HEADS, [one.cells() for one in [*reports, whole]])]
    parts += [f"{lock.name} {lock.version}: {_left_out(lock)}\n" for lock in locks]
    for one in reports if details else ():
        if one.conflicts:
            heads = ["model", "fact", "card", "says", "price"]
            parts.append(f"## {one.provider}: the card says otherwise ({len(one.conflicts)})\n")
            parts.append(table(heads, one.conflicts))
        if one.missing:
            names = ", ".join(f"{name} ({catalogue})" for catalogue, name in one.missing)
            parts.append(f"## {one.provider}: not on the card ({len(one.missing)})\n\n{names}\n")
    return "\n".join(parts)


def _left_out(lock: Catalogue) -> str:
    rows = ", ".join(f"{provider} {count}" for provider, count in sorted(lock.left_out.items()))
    return f"{sum(lock.left_out.values())} models of providers left out ({rows})" if rows else "nothing left out"
