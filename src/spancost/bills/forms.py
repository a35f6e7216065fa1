# SPDX-License-Identifier: Apache-2.0
"""Forms of bill files as data (billing/sources/*.yaml): which file a form fits, and the cells that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from spancost.bills.line import BillError, BillLine

Row = Mapping[str, str]
_MEANINGS_KEPT = 4_096


class Pattern(NamedTuple):
    """A rule for a text of a bill: what it means when it matches. `unit` is the number of units of one quantity."""

    name: str
    match: re.Pattern[str]
    fields: Mapping[str, str]
    unit: int | None


class Meaning(NamedTuple):
    """What a rule read from a text; None for what it does not say."""

    rule: str
    model: str | None
    meter: str | None
    tier: str | None
    endpoint: str | None
    context: str | None
    category: str | None
    unit: int | None


class Cell:
    """Columns of which the first with a value counts, and a table from its text to our word."""

    def __init__(self, source: Mapping[str, Any] | Sequence[str] | None) -> None:
        """*source* is `{columns, values, default}`, a list of columns, or None for a cell that is never there."""
        given: Mapping[str, Any] = source if isinstance(source, Mapping) else {"columns": list(source or ())}
        self.columns: tuple[str, ...] = tuple(given.get("columns", ()))
        self.values: Mapping[str, Any] | None = given.get("values")
        self.default: str | None = given.get("default")

    def raw(self, row: Row) -> str | None:
        """Return the text of the first column with one, the default without."""
        for column in self.columns:
            text = row.get(column, "").strip()
            if text:
                return text
        return self.default

    def word(self, row: Row) -> str | None:
        """Return the text, or what the table makes of it; a text that the table lacks stays; "" is None."""
        for column in self.columns:
            text = row.get(column, "").strip().lower()
            if text:
                found = text if self.values is None else str(self.values.get(text, text))
                if found:
                    return found
        return self.default


class Form:
    """One form of a file."""

    def __init__(self, source: Mapping[str, Any], patterns: Mapping[str, Sequence[Pattern]]) -> None:
        """*source* is a form of billing/compiled/sources.json."""
        self.id: str = source["id"]
        self.lag_hours: int = source["lag_hours"]
        self.rounded: str | None = source.get("rounded")
        self.same_as: str | None = source.get("same_as")
        """A form whose table, in the same file, states the same money in more detail."""
        self.file: str = source["file"]
        self.path: tuple[str, ...] = tuple(source.get("rows", ()))
        self._needs: list[list[str]] = source.get("needs_one") or [source.get("needs", [])]
        self._without: list[str] = source.get("without", [])
        self._equals: Mapping[str, str] = source.get("equals", {})
        provider = source.get("provider")
        self.provider: str | None = provider if isinstance(provider, str) else None
        self.provider_cell = Cell(source.get("provider_of") or (provider if isinstance(provider, dict) else None))
        time = source["time"]
        self.start, self.end = Cell(time["start"]), Cell(time.get("end"))
        self.length: str | None = time.get("length")
        names = ("account", "project", "model", "tier", "endpoint", "context", "currency", "category")
        self.cells: Mapping[str, Cell] = {name: Cell(source.get(name)) for name in names}
        self.amount, self.list_amount = Cell(source.get("amount")), Cell(source.get("list_amount"))
        self.amount_unit: str = (source.get("amount") or {}).get("unit", "usd")
        self.list_unit: str = (source.get("list_amount") or {}).get("unit", "usd")
        self.unit_price = Cell(source.get("unit_price"))
        self.quantity = Cell(source.get("quantity"))
        self.quantity_unit = Cell((source.get("quantity") or {}).get("unit"))
        self.quantities: Sequence[Mapping[str, Any]] = source.get("quantities", ())
        text = source.get("text") or {}
        self.text = Cell(text)
        self.constant_text: str | None = text.get("constant")
        self.patterns: Sequence[Pattern] = patterns[text["patterns"]] if text else ()
        self._meanings: dict[str, Meaning | None] = {}
        keep = source.get("keep")
        self.keep = Cell(keep)
        self.keep_match = re.compile(keep["match"]) if keep else None

    def fits(self, columns: frozenset[str], row: Row | None) -> bool:
        """Return whether a table with these columns (in lower case) has this form; *row* is its first row."""
        if not any(columns.issuperset(needs) for needs in self._needs) or columns.intersection(self._without):
            return False
        return row is None or all(row.get(key, value) == value for key, value in self._equals.items())

    @property
    def columns(self) -> frozenset[str]:
        """Return every column that the form reads."""
        cells = [
            self.start, self.end, self.amount, self.list_amount, self.unit_price, self.quantity, self.quantity_unit,
            self.text, self.keep, self.provider_cell, *self.cells.values(),
        ]  # fmt: skip
        held = {column for cell in cells for column in cell.columns}
        for wide in self.quantities:
            held.update([wide.get("column", ""), *wide.get("less", ())])
        return frozenset(held)

    def meaning(self, text: str) -> Meaning | None:
        """Return what the first rule that matches *text* makes of it; None when no rule matches."""
        if text not in self._meanings:
            if len(self._meanings) >= _MEANINGS_KEPT:
                self._meanings.clear()
            self._meanings[text] = self._meaning(text)
        return self._meanings[text]

    def _meaning(self, text: str) -> Meaning | None:
        plain = " ".join(text.split()).lower()
        for pattern in self.patterns:
            found = pattern.match.match(plain)
            if found is not None:
                given = {name: value for name, value in found.groupdict().items() if value}
                fields = {**given, **pattern.fields}
                return Meaning(
                    pattern.name,
                    fields.get("model"),
                    fields.get("meter"),
                    fields.get("tier"),
                    fields.get("endpoint"),
                    fields.get("context"),
                    fields.get("category"),
                    pattern.unit,
                )
        return None


class Forms:
    """All forms, and the names of models that bills have instead of the card's."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        """*content* is billing/compiled/sources.json."""
        patterns = {
            name: [
                Pattern(
                    f"{name}[{index}]",
                    re.compile(row["match"]),
                    {key: row[key] for key in ("meter", "tier", "endpoint", "context", "category") if key in row},
                    row.get("unit"),
                )
                for index, row in enumerate(table)
            ]
            for name, table in content["patterns"].items()
        }
        self.forms = [Form(form, patterns) for form in content["forms"]]
        self._by_id = {form.id: form for form in self.forms}
        self._rewrites: list[tuple[re.Pattern[str], str]] = [
            (re.compile(row["match"]), row["to"]) for row in content["rewrites"]
        ]

    def form_for(self, where: str, columns: frozenset[str], row: Row | None, kind: str) -> Form:
        """Return the form of a table; BillError says which columns it has when no form fits."""
        for form in self.forms:
            if form.file in (kind, "any") and form.fits(columns, row):
                return form
        shown = ", ".join(sorted(columns)[:12])
        raise BillError(
            f"{where}: found the columns {shown or 'none'}; expected a bill of one of "
            f"{', '.join(sorted({form.id.split('_')[0] for form in self.forms}))}"
        )

    def by_id(self, form_id: str) -> Form:
        """Return the form named *form_id*; KeyError when there is none."""
        return self._by_id[form_id]

    def rewritten(self, model: str) -> str:
        """Return the card's spelling of a billing name, as far as a rewrite knows it."""
        plain = " ".join(model.split()).lower()
        for match, template in self._rewrites:
            found = match.match(plain)
            if found is not None:
                for index, value in enumerate(found.groups(), 1):
                    template = template.replace(f"${index}", value or "")
                return template.replace(" ", "-")
        return model


def is_unmapped(line: BillLine) -> bool:
    """Return whether nothing is known of a line of usage: which meter or, for tokens, which model it is."""
    return line.mapped_by is None
