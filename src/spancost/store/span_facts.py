# SPDX-License-Identifier: Apache-2.0
"""What a load keeps of a span: a plain tuple that `marshal` writes. Texts that no rule reads are left out.

What many spans share is kept once a batch, as their kind: the keys of the attributes, the scope, the resource. A span
that speaks of no model call keeps the attributes that say something about the calls below it: outcome and scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from spancost.core.semconv import APP_OUTCOME, LLM_COST_STATUS
from spancost.core.span import Span
from spancost.store.otlp_fields import Json
from spancost.store.otlp_json import attributes_in, carried_spans, plain

Fact = tuple[Any, ...]
"""trace id, span id, parent id or 0, start, end, name, values of the attributes, error, number of the kind.

The error is the type of the exception, "" when that is not known, None when there is no error.
"""
TRACE, SPAN, PARENT, START, END, NAME, VALUES, ERROR, KIND = range(9)
Kind = tuple[tuple[str, ...], bool, str, str, int]
"""keys of the attributes, whether it may be a call, name and version of the scope, number of the resource."""
KEYS, IS_CANDIDATE, SCOPE_NAME, SCOPE_VERSION, RESOURCE = range(5)

SCORE_VALUE, SCORE_NAME = "gen_ai.evaluation.score.value", "gen_ai.evaluation.name"
SCORE_PREFIX = "app.score."
EVALUATION = "gen_ai.evaluation.result"
_TAG_PREFIX = "app."
_ABOUT_CALLS = frozenset((APP_OUTCOME, SCORE_VALUE, SCORE_NAME))
LONGEST_KEPT = 256
"""Characters of a text that is kept although no rule names its attribute."""
ERROR_CODES = (2, "STATUS_CODE_ERROR")
_SHAPES_KEPT = 4096


class Shape:
    """What is kept of spans whose attributes have the same keys in the same order.

    kept: the keys that are kept. places: where their entries are, None for all. unread: places in *kept* of keys that
    no rule reads.
    """

    __slots__ = ("is_candidate", "kept", "places", "unread")

    def __init__(self, keys: Keys, names: tuple[str, ...]) -> None:
        self.is_candidate = not keys.markers.isdisjoint(names)
        last = {name: at for at, name in enumerate(names)}  # of a key that is given twice the last value counts
        places = {name: at for name, at in last.items() if self.is_candidate or _is_about_calls(name)}
        self.places = None if len(places) == len(names) else tuple(places.values())
        self.kept = tuple(places)
        self.unread = tuple(at for at, name in enumerate(self.kept) if not keys.is_read(name))


class Keys:
    """Which attributes are kept. markers: a call has one of these; mentioned: keys that the compiled dialects name."""

    def __init__(self, markers: Iterable[str], compiled: Mapping[str, Any]) -> None:
        self.markers = frozenset(markers) | {LLM_COST_STATUS}
        self._mentioned = frozenset(text.partition("$")[0] for text in _texts(compiled))
        self.shapes: dict[tuple[str, ...], Shape] = {}

    def shape_of(self, names: tuple[str, ...]) -> Shape:
        """Return the shape of attributes with these keys, and keep it in `shapes`."""
        if len(self.shapes) >= _SHAPES_KEPT:
            self.shapes.clear()
        found = self.shapes[names] = Shape(self, names)
        return found

    def kept(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return *attributes* of a call without long texts that nothing reads (prompts, say)."""
        if all(value.__class__ is not str or len(value) <= LONGEST_KEPT for value in attributes.values()):
            return attributes
        return {
            key: value
            for key, value in attributes.items()
            if value.__class__ is not str or len(value) <= LONGEST_KEPT or self.is_read(key)
        }

    def chosen(self, attributes: dict[str, Any]) -> tuple[bool, dict[str, Any]]:
        """Return whether a span with *attributes* may be a call, and which of them are kept."""
        if self.markers.isdisjoint(attributes):
            return False, {key: value for key, value in attributes.items() if _is_about_calls(key)}
        return True, self.kept(attributes)

    def is_read(self, key: str) -> bool:
        """Return whether a rule may read this attribute."""
        return key in self._mentioned or key in _ABOUT_CALLS or key.startswith(_TAG_PREFIX)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, held in value.items():
            yield key
            yield from _texts(held)
    elif isinstance(value, list):
        for held in value:
            yield from _texts(held)


class Batch:
    """Spans, with the kinds that their last members number, and the resources (attributes) that kinds number."""

    __slots__ = ("_numbers", "facts", "kinds", "resources")

    def __init__(
        self,
        facts: list[Fact] | None = None,
        kinds: list[Kind] | None = None,
        resources: list[dict[str, Any]] | None = None,
    ) -> None:
        self.facts = [] if facts is None else facts
        self.kinds = [] if kinds is None else kinds
        self.resources = [] if resources is None else resources
        self._numbers: dict[Kind, int] = {}

    def kind(self, names: tuple[str, ...], is_candidate: bool, scope: tuple[str, str]) -> int:
        """Return the number of a kind of spans of the last resource, which is added when it is new."""
        kind = (names, is_candidate, *scope, len(self.resources) - 1)
        number = self._numbers.get(kind)
        if number is None:
            self.kinds.append(kind)
            number = self._numbers[kind] = len(self.kinds) - 1
        return number

    def add(self, span: Span, keys: Keys) -> None:
        """Add a span of the last resource."""
        is_candidate, attributes = keys.chosen(dict(span.attributes))
        kind = self.kind(tuple(attributes), is_candidate, (span.scope_name, span.scope_version))
        ids = (span.trace_id, span.span_id, span.parent_id or 0, span.start_ns, span.end_ns, span.name)
        self.facts.append((*ids, list(attributes.values()), span.raised if span.is_error else None, kind))


def _is_about_calls(key: str) -> bool:
    return key in _ABOUT_CALLS or key.startswith(SCORE_PREFIX)


def attributes_of(entries: Iterable[Json]) -> dict[str, Any]:
    """Return attributes by key, those without a value left out; KeyError and TypeError when *entries* are none."""
    return {entry["key"]: held for entry in entries if (held := plain(entry["value"])) is not None}


def raised_in(events: list[Any]) -> str:
    """Return the type of the last exception among the events of a span, "" when there is none."""
    for event in reversed(events):
        if event.get("name") == "exception":
            found = attributes_in(event, "event").get("exception.type")
            return found if isinstance(found, str) else ""
    return ""


def scores_in(events: Iterable[Any]) -> Iterator[tuple[str, int | float]]:
    """Yield the scores of the evaluations among the events of a span, as attributes `app.score.NAME`."""
    for event in events:
        if event.get("name") == EVALUATION:
            held = attributes_of(event.get("attributes") or ())
            name, value = held.get(SCORE_NAME), held.get(SCORE_VALUE)
            if isinstance(name, str) and isinstance(value, (int, float)):
                yield SCORE_PREFIX + name, value


def careful_facts(request: Any, keys: Keys) -> Batch:
    """Return the spans of an `ExportTraceServiceRequest` with odd members; RequestError when it is none."""
    batch = Batch()
    for carried in carried_spans(request):
        batch.resources.append(dict(carried.span.resource or {}))
        attributes = dict(carried.span.attributes)
        events = carried.raw.get("events")
        for event in events if isinstance(events, list) else ():
            try:
                scores = dict(scores_in((event,)))
            except (AttributeError, KeyError, TypeError):
                continue
            attributes = {**scores, **attributes}
        batch.add(carried.span._replace(attributes=attributes), keys)
    return batch
