# SPDX-License-Identifier: Apache-2.0
"""What a load keeps of a span: a plain tuple that `marshal` writes. Texts that no rule reads are left out.

What many spans share is kept once a batch, as their kind: the keys of the attributes, the scope, the resource. A span
that speaks of no model call keeps the attributes that say something about the calls below it: outcome and scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from spancost.core.semconv import APP_OUTCOME, LLM_COST_STATUS
from spancost.core.span import Span
from spancost.store.otlp_fields import Json, RequestError
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
_ERROR = (2, "STATUS_CODE_ERROR")
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


def facts_of(request: Any, keys: Keys) -> Batch:
    """Return the spans of an `ExportTraceServiceRequest` in JSON; RequestError when it is none."""
    try:
        return _quickly(request, keys)
    except (AttributeError, KeyError, TypeError, ValueError):
        for _ in carried_spans(request):  # says where the request is not of the right form
            pass
        return _carefully(request, keys)


def _quickly(request: Any, keys: Keys) -> Batch:
    batch = Batch()
    for resource_spans in request.get("resourceSpans") or ():
        resource = resource_spans.get("resource") or {}
        batch.resources.append(_attributes(resource.get("attributes") or ()))
        for scope_spans in resource_spans.get("scopeSpans") or ():
            scope = scope_spans.get("scope") or {}
            reader = _ScopeReader(keys, batch, (str(scope.get("name") or ""), str(scope.get("version") or "")))
            batch.facts.extend(map(reader.fact, scope_spans.get("spans") or ()))
    return batch


class _ScopeReader:
    """Reads the spans of one scope."""

    def __init__(self, keys: Keys, batch: Batch, scope: tuple[str, str]) -> None:
        self._keys = keys
        self._batch = batch
        self._scope = scope
        self._numbers: dict[Shape, int] = {}

    def fact(self, raw: Json) -> Fact:
        """Return the fact of a span."""
        # This runs for every span of a load.
        entries = raw.get("attributes") or ()
        names = tuple([entry["key"] for entry in entries])
        shape = self._keys.shapes.get(names) or self._keys.shape_of(names)
        number = self._numbers.get(shape)
        if number is None:
            number = self._numbers[shape] = self._batch.kind(shape.kept, shape.is_candidate, self._scope)
        events = raw.get("events")
        values: Sequence[Any] = ()
        if shape.kept:
            places = shape.places
            try:
                values = [
                    (value["stringValue"] or _falsy(value["stringValue"]))
                    if "stringValue" in (value := entry["value"])
                    else int(value["intValue"])
                    if "intValue" in value
                    else _other(value)
                    for entry in (entries if places is None else [entries[at] for at in places])
                ]
                for at in shape.unread:
                    if (value := values[at]).__class__ is str and len(value) > LONGEST_KEPT:
                        raise _UnusualError
            except _UnusualError:
                number, values = self._unusual(entries)
        if events:
            number, values = self._with_scores(events, number, values)
        parent, status = raw.get("parentSpanId"), raw.get("status")
        error = None
        if status and status.get("code") in _ERROR:
            error = _raised(events) if events else ""
        return (
            int(raw["traceId"], 16),
            int(raw["spanId"], 16),
            int(parent, 16) if parent else 0,
            int(raw.get("startTimeUnixNano") or 0),
            int(raw.get("endTimeUnixNano") or 0),
            str(raw.get("name") or ""),
            values,
            error,
            number,
        )

    def _unusual(self, entries: Iterable[Json]) -> tuple[int, list[Any]]:
        """Return the kind and the values of a span without empty values and long texts that nothing reads."""
        is_candidate, found = self._keys.chosen(_attributes(entries))
        return self._batch.kind(tuple(found), is_candidate, self._scope), list(found.values())

    def _with_scores(self, events: list[Any], number: int, values: Sequence[Any]) -> tuple[int, Sequence[Any]]:
        """Put scores of evaluation events among the attributes, as `app.score.NAME`."""
        names, is_candidate, *_ = self._batch.kinds[number]
        attributes = dict(zip(names, values, strict=True))
        for event in events:
            if event.get("name") == EVALUATION:
                held = _attributes(event.get("attributes") or ())
                name, value = held.get(SCORE_NAME), held.get(SCORE_VALUE)
                if isinstance(name, str) and isinstance(value, (int, float)):
                    attributes.setdefault(SCORE_PREFIX + name, value)
        return self._batch.kind(tuple(attributes), is_candidate, self._scope), list(attributes.values())


class _UnusualError(Exception):
    """An attribute has no value, or a text that is not kept."""


def _falsy(text: Any) -> Any:
    if text is None:
        raise _UnusualError
    return text


def _other(value: Json) -> Any:
    """Return a value that is neither a string nor an integer."""
    held = plain(value)
    if held is None:
        raise _UnusualError
    return held


def _is_about_calls(key: str) -> bool:
    return key in _ABOUT_CALLS or key.startswith(SCORE_PREFIX)


def _attributes(entries: Iterable[Json]) -> dict[str, Any]:
    return {entry["key"]: held for entry in entries if (held := plain(entry["value"])) is not None}


def _raised(events: list[Any]) -> str:
    for event in reversed(events):
        if event.get("name") == "exception":
            found = attributes_in(event, "event").get("exception.type")
            return found if isinstance(found, str) else ""
    return ""


def _carefully(request: Any, keys: Keys) -> Batch:
    """Return what `_quickly` does for a request with odd members that are allowed."""
    batch = Batch()
    for carried in carried_spans(request):
        batch.resources.append(dict(carried.span.resource or {}))
        batch.add(carried.span, keys)
    return batch


__all__ = ["Batch", "Fact", "Keys", "RequestError", "facts_of"]
