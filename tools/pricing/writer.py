# SPDX-License-Identifier: Apache-2.0
"""Writing a provider's entries as the YAML that people then keep: one price a line, keys in a fixed order."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tools.pricing.catalogue import Entry, PricePeriod, Rates, Table, plain
from tools.pricing.merge import AGREED

PAGE = "page"
"""The basis of an entry whose price was read on the provider's own page."""

_BARE = re.compile(r"^[A-Za-z_][A-Za-z0-9_.+-]*$")
_ORDER = [
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "cache_write_12h_tokens",
    "output_tokens",
]


def text(value: str) -> str:
    """Return a scalar as YAML, quoted where it needs to be."""
    if _BARE.match(value) and value.lower() not in ("true", "false", "null", "yes", "no", "on", "off"):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def rates(values: Rates) -> str:
    """Return rates as a flow mapping, the usual meters first."""
    return "{" + ", ".join(f"{m}: {plain(values[m])}" for m in in_order(values)) + "}"


def in_order(meters: Iterable[str]) -> list[str]:
    """Return meters in the order in which a file has them."""
    known = set(meters)
    return [m for m in _ORDER if m in known] + sorted(known.difference(_ORDER))


def provider_yaml(provider: str, entries: dict[str, Entry], sources: dict[str, str], head: list[str], day: str) -> str:
    """Return the file of one provider; *sources* maps a key to a URL, *head* holds ready lines (modifiers, aliases)."""
    keys = {url: key for key, url in sources.items()}
    schema = "# yaml-language-server: $schema=../schema/provider.json"
    lines = [schema, "# SPDX-License-Identifier: Apache-2.0", f"provider: {text(provider)}", "sources:"]
    lines += [f"  {key}: {text(url)}" for key, url in sources.items()]
    lines += head
    lines.append("models:")
    for model_id in sorted(entries):
        entry = entries[model_id]
        lines += ["  " + line for line in model_lines(entry, keys[entry.source], day)]
    return "\n".join(lines) + "\n"


def model_lines(entry: Entry, source: str, day: str) -> list[str]:
    """Return the lines of one entry; *source* is a key of the file's sources."""
    lines = [f"{text(entry.id)}:"]
    names = sorted({name.lower() for name in entry.names} - {entry.id.lower()})
    if names:
        lines.append(f"  names: [{', '.join(text(name) for name in names)}]")
    if entry.note:
        lines.append(f"  note: {text(entry.note)}")
    lines.append("  prices:")
    for period in entry.periods:
        lines += [line[2:] for line in _era(period, source, *_provenance(entry, day))]
    return lines


def _provenance(entry: Entry, day: str) -> tuple[str, str]:
    """Return the day of the check and what it rests on."""
    if PAGE in entry.marks:
        return day, "page"
    return (day, "two_catalogues") if AGREED in entry.marks else ("unknown", "one_catalogue")


def _era(period: PricePeriod, source: str, checked: str, basis: str) -> list[str]:
    lines = [f"      - from: {period.start}", f"        rates: {rates(period.table.rates)}"]
    if period.table.steps:
        lines += ["        steps:", *_steps(period.table, "          ")]
    if period.variants:
        lines.append("        variants:")
        for when, table in sorted(period.variants, key=lambda pair: sorted(pair[0].items())):
            conditions = ", ".join(f"{key}: {value}" for key, value in sorted(when.items()))
            lines.append(f"          - when: {{{conditions}}}")
            lines.append(f"            rates: {rates(table.rates)}")
            if table.steps:
                lines += ["            steps:", *_steps(table, "              ")]
    for key, value in period.extra.items():
        lines += _extra(key, value)
    lines += [f"        source: {source}", f"        checked: {checked}", f"        basis: {basis}"]
    return lines


def _steps(table: Table, indent: str) -> list[str]:
    lines = []
    for bound, values in table.steps:
        # A bound just past a round number was published as "above" it.
        name, shown = ("above", bound - 1) if bound % 10 == 1 else ("at_least", bound)
        lines.append(f"{indent}- {{{name}: {shown}, rates: {rates(values)}}}")
    return lines


def _extra(key: str, value: Any) -> list[str]:
    if isinstance(value, list):
        return [f"        {key}:", *(f"          - {line}" for line in value)]
    return [f"        {key}: {value}"]
