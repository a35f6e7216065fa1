# SPDX-License-Identifier: Apache-2.0
"""The quick way to read the spans of an OTLP JSON request: into typed objects, which take half as long as dictionaries.

A request that has odd members, which these types do not know, is read by `span_facts.careful_facts` with the same
result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET, MsgspecError, Raw, Struct, UnsetType, convert
from msgspec.json import Decoder

from spancost.store.span_facts import (
    ERROR_CODES,
    LONGEST_KEPT,
    Batch,
    Fact,
    Keys,
    Shape,
    attributes_of,
    careful_facts,
    raised_in,
    scores_in,
)


class Value(Struct, gc=False, forbid_unknown_fields=True):
    """An `AnyValue`."""

    stringValue: str | UnsetType = UNSET
    intValue: str | int | UnsetType = UNSET
    doubleValue: Any = UNSET
    boolValue: Any = UNSET
    arrayValue: Any = UNSET
    kvlistValue: Any = UNSET
    bytesValue: Any = UNSET


class Entry(Struct, gc=False, forbid_unknown_fields=True):
    """An attribute."""

    key: str
    value: Value


class RawSpan(Struct, gc=False):
    """A span."""

    traceId: Any
    spanId: Any
    parentSpanId: Any = None
    startTimeUnixNano: Any = None
    endTimeUnixNano: Any = None
    name: Any = None
    attributes: list[Entry] | dict[str, Any] | None = None
    events: Any = None
    status: Any = None


class ScopeSpans(Struct, gc=False):
    """The spans of a scope."""

    scope: Any = None
    spans: list[RawSpan] | dict[str, Any] | None = None


class ResourceSpans(Struct, gc=False):
    """The spans of a resource."""

    resource: Any = None
    scopeSpans: list[ScopeSpans] | dict[str, Any] | None = None


class Request(Struct, gc=False):
    """A request. resourceLogs: UNSET when it is not there."""

    resourceSpans: list[ResourceSpans] | dict[str, Any] | None = None
    resourceLogs: Raw | UnsetType = UNSET


_decode = Decoder(Request).decode


def request_in(line: bytes) -> Request | None:
    """Return the request in a text of JSON; None when the text is no JSON, or must be read with care."""
    try:
        if not line.isascii():
            line.decode()  # the decoder does not look at members that it leaves out
        return _decode(line)
    except (MsgspecError, ValueError, RecursionError):
        return None


def facts_of(request: Any, keys: Keys) -> Batch:
    """Return the spans of an `ExportTraceServiceRequest` in JSON; RequestError when it is none."""
    try:
        typed = convert(request, Request)
    except (MsgspecError, ValueError, RecursionError):
        typed = None
    batch = None if typed is None else quick_facts(typed, keys)
    return careful_facts(request, keys) if batch is None else batch


def quick_facts(request: Request, keys: Keys) -> Batch | None:
    """Return the spans of *request*, None when they must be read with care."""
    batch = Batch()
    try:
        of_resources: Any = request.resourceSpans or ()  # an empty list may be written as an object
        for resource_spans in of_resources:
            resource = resource_spans.resource or {}
            batch.resources.append(attributes_of(resource.get("attributes") or ()))
            for scope_spans in resource_spans.scopeSpans or ():
                scope = scope_spans.scope or {}
                reader = _ScopeReader(keys, batch, (str(scope.get("name") or ""), str(scope.get("version") or "")))
                batch.facts.extend(map(reader.fact, scope_spans.spans or ()))
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError):
        return None
    return batch


class _ScopeReader:
    """Reads the spans of one scope."""

    def __init__(self, keys: Keys, batch: Batch, scope: tuple[str, str]) -> None:
        self._keys = keys
        self._shapes = keys.shapes
        self._batch = batch
        self._scope = scope
        self._numbers: dict[Shape, int] = {}

    def fact(self, raw: RawSpan) -> Fact:
        """Return the fact of a span."""
        # This runs for every span of a load.
        entries: Any = raw.attributes or ()  # some exporters write an empty list as an object
        names = tuple([entry.key for entry in entries])
        shape = self._shapes.get(names) or self._keys.shape_of(names)
        number = self._numbers.get(shape)
        if number is None:
            number = self._numbers[shape] = self._batch.kind(shape.kept, shape.is_candidate, self._scope)
        values: Sequence[Any] = ()
        if shape.kept:
            places = shape.places
            try:
                values = [
                    text
                    if (text := (value := entry.value).stringValue) is not UNSET
                    else int(value.intValue)
                    if value.intValue is not UNSET
                    else _other(value)
                    for entry in (entries if places is None else [entries[at] for at in places])
                ]
                for at in shape.unread:
                    if (held := values[at]).__class__ is str and len(held) > LONGEST_KEPT:
                        raise _UnusualError
            except _UnusualError:
                number, values = self._unusual(entries)
        events = raw.events
        if events:
            number, values = self._with_scores(events, number, values)
        parent, status = raw.parentSpanId, raw.status
        error = None
        if status and status.get("code") in ERROR_CODES:
            error = raised_in(events) if events else ""
        return (
            int(raw.traceId, 16),
            int(raw.spanId, 16),
            int(parent, 16) if parent else 0,
            int(raw.startTimeUnixNano or 0),
            int(raw.endTimeUnixNano or 0),
            str(raw.name or ""),
            values,
            error,
            number,
        )

    def _unusual(self, entries: Sequence[Entry]) -> tuple[int, list[Any]]:
        """Return the kind and the values of a span without empty values and long texts that nothing reads."""
        is_candidate, found = self._keys.chosen(
            {entry.key: held for entry in entries if (held := _plain(entry.value)) is not None}
        )
        return self._batch.kind(tuple(found), is_candidate, self._scope), list(found.values())

    def _with_scores(self, events: list[Any], number: int, values: Sequence[Any]) -> tuple[int, Sequence[Any]]:
        """Put scores of evaluation events among the attributes, as `app.score.NAME`."""
        scores = list(scores_in(events))
        if not scores:
            return number, values
        names, is_candidate, *_ = self._batch.kinds[number]
        attributes = dict(zip(names, values, strict=True))
        for name, value in scores:
            attributes.setdefault(name, value)
        return self._batch.kind(tuple(attributes), is_candidate, self._scope), list(attributes.values())


class _UnusualError(Exception):
    """An attribute has no value, or a text that is not kept."""


def _other(value: Value) -> Any:
    """Return a value that is neither a string nor an integer."""
    held = _plain(value)
    if held is None:
        raise _UnusualError
    return held


def _plain(value: Value) -> Any:
    """Return what a value holds, None for nothing; ValueError for several members: their order counts."""
    return attributes_of(({"key": "", "value": _members(value)},)).get("")


def _members(value: Value) -> dict[str, Any]:
    """Return the member of a value."""
    found = {name: held for name in value.__struct_fields__ if (held := getattr(value, name)) is not UNSET}
    if len(found) > 1:
        raise ValueError(f"found {' and '.join(found)}, expected one value")
    return found
