# SPDX-License-Identifier: Apache-2.0
"""Compiles a shape of the wire data: how one kind of payload reports usage. This file knows no provider."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.core.wire.estimate import Density
from spancost.core.wire.expr import Formula, compile_conditions, compile_formula
from spancost.core.wire.path import (
    Getter,
    Json,
    Number,
    Test,
    WireDataError,
    compile_getter,
    compile_path,
    compile_test,
    quantity,
)

Slots = dict[str, Any]
"""Values of an exchange by name; `headers`, `request` and `path` are always present."""


class Rule(NamedTuple):
    """Extracts one value of a document: `get` finds the values, `test` is the condition, `keep` stores each in `slot`.

    counts: the value depends on a whole list, so a clipped document cannot give it.
    """

    slot: str
    get: Callable[[Json], Sequence[Json]]
    test: Test | None
    keep: Callable[[Slots, str, Json], None]
    counts: bool = False


class AdditionalForm(NamedTuple):
    """Model passes reported beside a call's totals: rows with kind, model and meters.

    kind: from the row, else `name`. model: from the row, else from the slots, else `model_name`, else the model of the
    call; needs_model: never the model of the call. inside: the totals include it. test: condition on the slots.
    """

    rows: Callable[[Json], Sequence[Json]]
    name: str
    kind: Getter | None
    model: Getter | None
    model_slot: Getter | None
    inside: bool
    meters: Mapping[str, Formula]
    model_name: str | None = None
    needs_model: bool = False
    test: Test | None = None


class Batch(NamedTuple):
    """Calls inside one body, one answer each.

    is_whole: the body is one document, else one document per line. rows: paths of the rows; the first with a value
    counts. answer, key: the answer of a row and its key in the batch. model: of the document, for answers without one.
    shapes: shapes of answers; the first whose test holds applies.
    """

    is_whole: bool
    rows: tuple[Callable[[Json], Sequence[Json]], ...]
    answer: Getter | None
    key: Getter | None
    model: Getter | None
    shapes: tuple[tuple[Test | None, str], ...]


class Shape(NamedTuple):
    """A compiled shape.

    rules: values to extract from each document. parse_if: once model and id are known (as far as the shape has them),
    a stream document without a match is skipped; None: every document is parsed. keep_latest: of skipped documents the
    newest is parsed at the end. done: texts that end a stream. end: tests of documents that end it.
    complete: the answer is complete when one of these slots has a value; None: it is complete at the end of the bytes.
    pending: true of the slots while the work continues (a later poll reports usage).
    usage_on_request: streams report usage only when stream_options.include_usage asks for it.
    meters, cost, facts, context: formulas and getters over the slots. billed: meters billed in another quantity than
    was processed. output_text: the output texts of a stream's document, with conditions. density: characters per token
    of this shape. tiers: tier (lower case) -> the rate card's name; `*` is any other tier and none. batch: the calls
    inside the body. assumed: tests of the slots, and the basis of the estimate when one holds. lists: bytes of a body
    that has lists whose elements are billed; of a clipped document these lists are not read.
    """

    name: str
    rules: tuple[Rule, ...]
    parse_if: re.Pattern[bytes] | None
    keep_latest: bool
    names: frozenset[str]
    done: frozenset[bytes]
    end: tuple[Test, ...]
    complete: tuple[Getter, ...] | None
    pending: Test | None
    meters: Mapping[str, Formula]
    billed: Mapping[str, Formula]
    cost: Formula | None
    facts: Mapping[str, Getter]
    context: Mapping[str, Getter]
    additional_usage: tuple[AdditionalForm, ...]
    unwrap: str | None
    usage_on_request: bool
    output_text: tuple[tuple[Test | None, Callable[[Json], Sequence[Json]]], ...] = ()
    density: Density | None = None
    tiers: Mapping[str, str] = {}
    batch: Batch | None = None
    assumed: tuple[tuple[Test, str], ...] = ()
    lists: re.Pattern[bytes] | None = None


def compile_shape(name: str, data: Mapping[str, Json]) -> Shape:
    """Return the shape *name* of the wire data; raise WireDataError when a part is invalid."""
    rules = tuple(_rule(name, r) for r in data["read"])
    complete = data.get("complete")
    return Shape(
        name=name,
        rules=rules,
        parse_if=_any_pattern(data.get("parse_if")),
        keep_latest=data.get("keep_latest", False),
        names=frozenset(r.slot for r in rules if r.slot in ("model", "id")),
        done=frozenset(text.encode() for text in data.get("done", ())),
        end=tuple(t for t in map(compile_test, data.get("end", ())) if t),
        complete=None if complete is None else tuple(compile_getter(c) for c in complete),
        pending=compile_test(data.get("pending")),
        meters={m: compile_formula(e) for m, e in data["meters"].items()},
        billed={m: compile_formula(e) for m, e in data.get("billed", {}).items()},
        cost=compile_formula(data["cost"]) if "cost" in data else None,
        facts={k: compile_getter(v) for k, v in data.get("facts", {}).items()},
        context={k: compile_getter(v) for k, v in data.get("context", {}).items()},
        additional_usage=tuple(map(_additional, data.get("additional_usage", ()))),
        unwrap=data.get("unwrap"),
        usage_on_request=data.get("usage_on_request", False),
        output_text=tuple(
            (compile_test(row.get("when")), compile_path(row["each"])) for row in data.get("output_text", ())
        ),
        density=Density.of(data["characters_per_token"]) if "characters_per_token" in data else None,
        tiers=data.get("tiers", {}),
        batch=_batch(data["batch"]) if "batch" in data else None,
        assumed=tuple((compile_conditions(row["when"]), row["basis"]) for row in data.get("assumed", ())),
        lists=_any_pattern(data.get("lists")),
    )


def _any_pattern(patterns: Sequence[str] | None) -> re.Pattern[bytes] | None:
    if not patterns:
        return None
    if all(pattern.startswith('"') for pattern in patterns):
        # A common first letter lets the search skip ahead to it.
        return re.compile(f'"(?:{"|".join(pattern[1:] for pattern in patterns)})'.encode())
    return re.compile("|".join(patterns).encode())


def _additional(row: Mapping[str, Json]) -> AdditionalForm:
    kind, model, slot = (compile_getter(row[key]) if key in row else None for key in ("kind", "model", "model_slot"))
    return AdditionalForm(
        compile_path(row["rows"]),
        row.get("name", ""),
        kind,
        model,
        slot,
        row.get("inside", False),
        {m: compile_formula(e) for m, e in row["meters"].items()},
        row.get("model_name"),
        row.get("needs_model", False),
        compile_conditions(row["when"]) if "when" in row else None,
    )


def _batch(row: Mapping[str, Json]) -> Batch:
    answer, key, model = (compile_getter(row[name]) if name in row else None for name in ("answer", "key", "model"))
    shapes = tuple((compile_test(one.get("when")), one["shape"]) for one in row["shapes"])
    return Batch(row.get("whole", False), tuple(map(compile_path, row.get("rows", ()))), answer, key, model, shapes)


def _rule(shape: str, data: Mapping[str, Json]) -> Rule:
    keep = _KEEP.get(data.get("how", "last"))
    if keep is None:
        raise WireDataError(f"shape {shape}: how {data['how']!r}: expected one of {sorted(_KEEP)}")
    paths = [data["from"]] if isinstance(data.get("from"), str) else data.get("from", [])
    get: Callable[[Json], Sequence[Json]]
    if "count" in data:
        get = _counter(data["count"])
    elif "distinct" in data:
        get, keep = _distinct(data["distinct"]), _once
    elif "each" in data:
        get = compile_path(data["each"])
    elif "pick" in data:
        get = _picker(data["pick"], compile_getter(paths) if paths else None)
    else:
        get = _one(compile_getter(paths))
    counts = bool({"count", "distinct", "each"} & data.keys())
    return Rule(data["slot"], get, compile_test(data.get("when")), keep, counts)


def _one(get: Getter) -> Callable[[Json], Sequence[Json]]:
    def one(document: Json) -> Sequence[Json]:
        found = get(document)
        return () if found is None else (found,)

    return one


def _counter(path: str) -> Callable[[Json], Sequence[Json]]:
    values = compile_path(path)

    def count(document: Json) -> Sequence[Json]:
        found = len(values(document))
        return (found,) if found else ()

    return count


def _distinct(path: str) -> Callable[[Json], Sequence[Json]]:
    values = compile_path(path)

    def texts(document: Json) -> Sequence[Json]:
        return [v for v in values(document) if isinstance(v, str) and v.strip()]

    return texts


def _picker(keys: list[str], base: Getter | None) -> Callable[[Json], Sequence[Json]]:
    def pick(document: Json) -> Sequence[Json]:
        source = base(document) if base else document
        found = {k: source[k] for k in keys if source.get(k) is not None} if isinstance(source, Mapping) else None
        return (found,) if found else ()

    return pick


def _last(slots: Slots, slot: str, value: Json) -> None:
    slots[slot] = value


def _first(slots: Slots, slot: str, value: Json) -> None:
    slots.setdefault(slot, value)


def _merge(slots: Slots, slot: str, value: Json) -> None:
    kept = slots.get(slot)
    if isinstance(kept, dict) and isinstance(value, Mapping):
        kept.update((k, v) for k, v in value.items() if v is not None)
    else:
        slots[slot] = dict(value) if isinstance(value, Mapping) else value


def _rows(slots: Slots, slot: str, value: Json) -> None:
    slots.setdefault(slot, []).append(value)


def _once(slots: Slots, slot: str, value: Json) -> None:
    slots.setdefault(slot, {})[hash(value.strip())] = True  # store no user text


def _combining(combine: Callable[[Number, Number], Number]) -> Callable[[Slots, str, Json], None]:
    def join(kept: Json, value: Json) -> Json:
        if isinstance(kept, Mapping) and isinstance(value, Mapping):
            return {k: join(kept.get(k), value.get(k)) for k in {**kept, **value}}
        a, b = quantity(kept), quantity(value)
        if a is None or b is None:
            return kept if value is None else value
        return combine(a, b)

    def keep(slots: Slots, slot: str, value: Json) -> None:
        slots[slot] = join(slots.get(slot), value)

    return keep


def _add(a: Number, b: Number) -> Number:
    return a + b


def _max(a: Number, b: Number) -> Number:
    return max(a, b)


_KEEP: dict[str, Callable[[Slots, str, Json], None]] = {
    "last": _last,
    "first": _first,
    "merge": _merge,
    "rows": _rows,
    "add": _combining(_add),
    "max": _combining(_max),
}


def exact(text: str) -> Number | str:
    """Return a header's value as an exact number when it is decimal text, else unchanged."""
    if not re.fullmatch(r"[0-9]{1,18}(\.[0-9]{1,18})?([eE]-?[0-9]{1,2})?", text):
        return text
    value = Fraction(text)
    return value.numerator if value.denominator == 1 else value
