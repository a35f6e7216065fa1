# SPDX-License-Identifier: Apache-2.0
"""What a run finds: proposals, and what a person must decide; as Markdown tables that read well in a review."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from tools.pricing.deltas import Delta
from tools.pricing.guards import REASONS
from tools.pricing.ours import shown
from tools.pricing.sides import CATALOGUES


@dataclass
class Row:
    """One price, name or model. *reason* is "" for a proposal, else the guard that holds it back.

    *kind*: changed, corrected, added, scheduled, new model, new name, or a catalogue change. *values*: by catalogue.
    """

    provider: str
    model: str
    fact: str
    kind: str
    old: Fraction | None = None
    new: Decimal | None = None
    start: str = ""
    values: dict[str, str] = field(default_factory=dict)
    reason: str = ""
    deltas: list[Delta] = field(default_factory=list)

    @property
    def change(self) -> str:
        """The change in per cent, "" where there is none."""
        if not self.old or self.new is None:
            return ""
        return f"{float(Fraction(self.new) / self.old - 1) * 100:+.1f} %"

    def cells(self) -> list[str]:
        """The row as the table shows it."""
        price = "" if self.old is None and self.new is None else f"{shown(self.old)} → {shown(self.new)}"
        values = [self.values.get(catalogue, "") for catalogue in CATALOGUES]
        return [self.model, self.fact, price, self.change, *values, self.start, self.reason or self.kind]


# Reasons of which there are many and nothing but the model to say.
LISTED = ("removed",)
HEADS = ["model", "fact", "old → new", "change", *CATALOGUES, "from"]


def report(proposals: list[Row], issues: list[Row]) -> str:
    """Return the proposals by provider, then what needs a decision, with what each reason means."""
    parts = []
    for title, rows, last in (("Proposed", proposals, "kind"), ("Needs a decision", issues, "reason")):
        for provider in sorted({row.provider for row in rows}):
            own = [row for row in rows if row.provider == provider]
            shown_rows = [row.cells() for row in own if row.reason not in LISTED]
            parts.append(f"## {title}: {provider} ({len(own)})\n")
            parts += [table([*HEADS, last], shown_rows)] if shown_rows else []
            for reason in LISTED:
                models = [row.model for row in own if row.reason == reason]
                parts += [f"`{reason}` ({len(models)}): {', '.join(models)}\n"] if models else []
    met = [reason for reason in REASONS if any(row.reason == reason for row in issues)]
    if met:
        parts.append("\n".join(f"- `{reason}`: {REASONS[reason]}" for reason in met) + "\n")
    counts = f"{len(proposals)} proposed, {len(issues)} to decide"
    return "\n".join([*parts, counts]) + "\n"


def table(heads: list[str], rows: Iterable[list[str]]) -> str:
    """Return a Markdown table with columns as wide as they need to be."""
    lines = [heads, *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
    return "\n".join([text[0], "|" + "|".join("-" * (w + 2) for w in widths) + "|", *text[1:]]) + "\n"
