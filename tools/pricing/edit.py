# SPDX-License-Identifier: Apache-2.0
"""Editing a provider's YAML in place: every line that is not about the price stays as it is, comments too."""

from __future__ import annotations

import copy
import io
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver
from ruamel.yaml.tag import Tag

from tools.pricing import writer
from tools.pricing.catalogue import Entry
from tools.pricing.form import seconds_of
from tools.pricing.rates import era_at, first_of, is_bound
from tools.pricing.statement import Fact


class _AllText(VersionedResolver):
    """Prices and dates stay the text that they were written as."""

    def resolve(self, kind: Any, value: Any, implicit: Any) -> Any:
        return Tag(suffix="tag:yaml.org,2002:str") if kind is ScalarNode else super().resolve(kind, value, implicit)


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.Resolver = _AllText
    yaml.width = 2**31
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def load(text: str) -> Any:
    """Return the content of a provider's file; `dump` gives the same text back."""
    return _yaml().load(text)


def dump(content: Any) -> str:
    """Return the text of a provider's file."""
    out = io.StringIO()
    _yaml().dump(content, out)
    return out.getvalue()


def begin_era(model: Any, start: str, seconds: int, note: str) -> None:
    """Let a new era that costs the same begin at *start*, unless one does."""
    periods = model["prices"]
    index = era_at(model, seconds)
    if index is None:
        raise ValueError(f"no price holds at {start}")
    if seconds_of(periods[index]["from"]) == seconds_of(start):
        return
    old = periods[index]
    tail = _take_tail(old)
    new = copy.deepcopy(old)
    _without_comments(new)
    new["from"] = start
    new.pop("note", None)
    if note:
        new["note"] = note
    periods.insert(index + 1, new)
    if tail is not None:
        new.ca.items[next(reversed(new))] = tail


def set_price(period: Any, fact: Fact, price: str) -> bool:
    """Write a price where it stands or belongs; False when the era has no table for its conditions."""
    row = period
    if fact.when:
        row = next((v for v in period.get("variants", ()) if dict(v["when"]) == dict(fact.when)), None)
        if row is None:
            return False
    rates = row["rates"]
    if fact.bound:
        rates = _step(row, fact.bound)
    _put(rates, fact.meter, price)
    return True


def add_variant(period: Any, when: dict[str, str], rates: dict[str, str]) -> None:
    """Add a table for conditions that the era had none for."""
    _block(period, "variants").append(CommentedMap({"when": _flow(when), "rates": _flow(_ordered(rates))}))


def set_provenance(content: Any, period: Any, url: str, checked: str, basis: str) -> None:
    """Say where the price of an era was read, when, and what it rests on."""
    period["source"], period["checked"], period["basis"] = source_key(content, url), checked, basis


def source_key(content: Any, url: str) -> str:
    """Return the name of a page among the file's sources, a new one when it is not there."""
    sources = content["sources"]
    for key, known in sources.items():
        if known == url:
            return str(key)
    key = f"s{next(n for n in range(1, len(sources) + 2) if f's{n}' not in sources)}"
    quoted = load(f'"{url}"')
    sources.insert(_last_numbered(list(sources)), key, quoted)
    return key


def add_model(content: Any, entry: Entry, checked: str) -> None:
    """Insert a new entry where its id belongs in the order of the file."""
    lines = writer.model_lines(entry, source_key(content, entry.source), checked)
    models = content["models"]
    position = next((i for i, key in enumerate(models) if key > entry.id), len(models))
    before = list(models)[position - 1] if position else None
    tail = _take_tail(models[before]) if before is not None and position == len(models) else None
    snippet = load("\n".join(lines) + "\n")
    for key, value in snippet.items():
        models.insert(position, key, value)
        if tail is not None:
            value["prices"][-1].ca.items[next(reversed(value["prices"][-1]))] = tail


def add_name(model: Any, name: str) -> None:
    """Let an entry have one more exact name."""
    if "names" not in model:
        names = CommentedSeq()
        names.fa.set_flow_style()
        model.insert(0, "names", names)
    names = model["names"]
    position = next((i for i, known in enumerate(names) if known > name), len(names))
    names.insert(position, load(f"v: {writer.text(name)}\n")["v"])


def _step(row: Any, bound: int) -> Any:
    steps = _block(row, "steps")
    for step in steps:
        if is_bound(step, bound):
            return step["rates"]
    name, shown = ("above", bound - 1) if bound % 10 == 1 else ("at_least", bound)
    made = _flow({name: str(shown), "rates": _flow({})})
    steps.insert(sum(first_of(step) < bound for step in steps), made)
    return made["rates"]


def _block(row: Any, key: str) -> Any:
    if key not in row:
        order = ["when", "from", "rates", "steps", "variants"]
        position = sum(known in order[: order.index(key)] for known in row)
        row.insert(position, key, CommentedSeq())
    return row[key]


def _put(rates: Any, meter: str, price: str) -> None:
    if meter in rates:
        rates[meter] = price
        return
    ordered = list(_ordered({**rates, meter: price}))
    rates.insert(ordered.index(meter), meter, price)


def _ordered(rates: dict[str, str]) -> dict[str, str]:
    return {meter: rates[meter] for meter in writer.in_order(rates)}


def _flow(values: dict[str, Any]) -> Any:
    made = CommentedMap(values)
    made.fa.set_flow_style()
    return made


def _last_numbered(keys: Sequence[str]) -> int:
    numbered = [index for index, key in enumerate(keys) if key[0] == "s" and key[1:].isdigit()]
    return numbered[-1] + 1 if numbered else 0


def _take_tail(node: Any) -> Any:
    """Take off the comment that follows the last line of a node: it is about what comes next."""
    while True:
        last = len(node) - 1 if isinstance(node, CommentedSeq) else next(reversed(node))
        if isinstance(node[last], (CommentedMap, CommentedSeq)) and not node[last].fa.flow_style():
            node = node[last]
            continue
        comment = node.ca.items.get(last)
        if comment is None or comment[2] is None or not comment[2].value.startswith("\n"):
            return None
        return node.ca.items.pop(last)


def _without_comments(node: Any) -> None:
    if isinstance(node, (CommentedMap, CommentedSeq)):
        node.ca.items.clear()
        node.ca.comment = None
        for child in node.values() if isinstance(node, CommentedMap) else node:
            _without_comments(child)
