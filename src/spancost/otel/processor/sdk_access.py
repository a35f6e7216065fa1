# SPDX-License-Identifier: Apache-2.0
"""Reads SDK spans and writes on them. This is the only module that uses private names of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sized
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from opentelemetry import metrics, trace
from opentelemetry.trace import StatusCode

from spancost.core.ledger.recorder import OTHER_ERROR
from spancost.core.record import CallRecord
from spancost.core.span import AttributeValue, Span

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from spancost.core.ledger.options import Watched
    from spancost.otel.processor.reentrancy import Reentrancy

_span = partial(tuple.__new__, Span)  # a third of the time of Span(...)

_LANGUAGE = "python"
_METRICS = getattr(metrics, "_internal", None)
_PLAIN = frozenset((str, int, float, bool, tuple))

TRACE_ID, SPAN_ID, IS_REMOTE = 0, 1, 2
"""Places in `SpanContext`, which is a tuple: its properties of these names take four times as long."""


def identity(span: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Return a span's context, its parent's, and the dictionary that holds its attributes.

    Its properties and the proxy around its attributes would take 1 µs of every span that is no model call. Raises
    AttributeError when this SDK keeps them otherwise: then `public_identity` serves.
    """
    return span._context, span._parent, span._attributes._dict


context_of = attrgetter("_context")


def public_identity(span: ReadableSpan) -> tuple[Any, Any, dict[str, Any]]:
    """Do what `identity` does by what every SDK has; the attributes are a copy."""
    return span.context, span.parent, dict(span.attributes or {})


About: TypeAlias = "tuple[tuple[str, str, str], int, int, str, Any, dict[str, Any] | None, bool]"
"""What a span says of itself beyond its identity: its scope (name, version, language), its start and end (ns since
the epoch), its name, its resource, the attributes of that, and whether it has ended."""


class Reader:
    """Makes core spans of SDK spans. Scopes and resources are few and shared, so the last of each is kept as read."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: tuple[object, object, tuple[str, str, str], dict[str, Any] | None]
        self._known = (self, self, ("", "", _LANGUAGE), None)

    def about(self, span: Any, end_ns: int) -> About:
        """Return what *span* says of itself; *end_ns* is its end if it has none yet."""
        try:
            scope, resource = span._instrumentation_scope, span._resource
            start, end, name = span._start_time, span._end_time, span._name
        except AttributeError:
            scope, resource = span.instrumentation_scope, span.resource
            start, end, name = span.start_time, span.end_time, span.name
        last_scope, last_resource, named, attributes = self._known
        if last_scope is not scope:
            named = ((scope.name or "", scope.version or "") if scope else ("", "")) + (_LANGUAGE,)
            self._known = (scope, last_resource, named, attributes)
        if last_resource is not resource:
            attributes = dict(resource.attributes) if resource is not None else None
            self._known = (scope, resource, named, attributes)
        return named, start or end_ns, end or end_ns, name, resource, attributes, end is not None

    def read(self, span: ReadableSpan, context: Any, parent: Any, attributes: dict[str, Any], about: About) -> Span:
        """Return *span*, with what `about` returned, as the core sees it; *attributes* are its own to keep."""
        scope, start_ns, end_ns, name, _, resource_attributes, _ = about
        is_error = span.status.status_code is StatusCode.ERROR
        return _span(
            (
                context[TRACE_ID],
                context[SPAN_ID],
                None if parent is None else parent[SPAN_ID],
                parent is None or parent[IS_REMOTE],
                start_ns,
                end_ns,
                *scope[:2],
                name,
                plain(attributes),
                is_error,
                resource_attributes,
                _LANGUAGE,
                raised(span) if is_error else "",
            )
        )


def error_of(span: ReadableSpan) -> str | None:
    """Return the type of the error of *span*, None when its status is none."""
    if span.status.status_code is not StatusCode.ERROR:
        return None
    return raised(span) or OTHER_ERROR


def with_error(record: CallRecord, span: ReadableSpan) -> CallRecord:
    """Return *record* with the error of *span*, if it has one."""
    error = error_of(span)
    return record if error is None else record._replace(error=error)


def raised(span: ReadableSpan) -> str:
    """Return the type of the last exception recorded on *span*, "" when none is."""
    for event in reversed(span.events or ()):
        if event.name == "exception":
            found = (event.attributes or {}).get("exception.type")
            return found if isinstance(found, str) else ""
    return ""


def plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Make values of derived classes (enumerations, NumPy's floats) the texts and numbers that exporters write."""
    for key, value in attributes.items():
        if value.__class__ not in _PLAIN:
            for kind in (str, int, float):
                if isinstance(value, kind):
                    attributes[key] = kind.__str__(value) if kind is str else kind(value)
    return attributes


class Finisher(Protocol):
    """What hooks ask of `SpanFinisher`."""

    sees_all: bool
    anomalous: Sized
    reentrancy: Reentrancy

    def finish(self, span: Any) -> bool:
        """Finish a span."""

    def finish_identified(self, span: Any, context: Any, parent: Any, attributes: Any) -> bool:
        """Finish a span with what `identity` returns."""

    def finish_call(self, span: Any, context: Any, parent: Any, attributes: dict[str, Any]) -> None:
        """Finish a span with the marks of a call, whose end is noted and whose id is new."""


def hooks(
    watched: Watched, finisher: Finisher, finish_late: Callable[[Any], None]
) -> tuple[Callable[[Any], None], Callable[[Any], None]]:
    """Return `_on_ending` and `on_end` of a processor; they serve until the ledger of *watched* is cleared.

    The one hands spans for which there may be something to do to *finisher*, the other spans that the first has not
    seen to *finish_late*. Most spans are of neither kind: what these need is written out here, without a call.
    """
    markers, closed, pending = watched
    finish, finish_identified, finish_call = finisher.finish, finisher.finish_identified, finisher.finish_call
    anomalous = finisher.anomalous
    reports_nothing = markers.isdisjoint
    seen: object = None
    ended = closed.waiting
    note_end = ended.append

    def settle_ended() -> None:
        with finisher.reentrancy.lock:
            closed.settle()

    def on_ending(span: Any) -> None:
        nonlocal seen
        try:
            attributes, context, parent = span._attributes._dict, span._context, span._parent
        except AttributeError:  # this SDK keeps them otherwise
            finish(span)
            return
        seen = context
        if anomalous or finisher.sees_all:
            if ended:
                settle_ended()
            finish_identified(span, context, parent, attributes)
            return
        span_id = context[SPAN_ID]
        if not reports_nothing(attributes):
            if ended:
                settle_ended()
            if span_id in closed.new or span_id in closed.old:  # it has ended before, or its id was another's
                finish_identified(span, context, parent, attributes)
                return
            closed.set(span_id, 0 if parent is None or parent[IS_REMOTE] else parent[SPAN_ID])
            finish_call(span, context, parent, attributes)
            return
        note_end((span_id, 0 if parent is None or parent[IS_REMOTE] else parent[SPAN_ID]))
        if (pending.new or pending.old) and (span_id in pending.new or span_id in pending.old):
            finish(span)

    def on_end(span: Any) -> None:
        try:
            if span._context is seen:
                return
        except AttributeError:  # this SDK keeps them otherwise
            pass
        finish_late(span)

    return on_ending, on_end


def held(span: Any) -> dict[str, Any] | None:
    """Return the dictionary that holds the attributes of *span*, None when this SDK keeps them otherwise."""
    try:
        attributes: dict[str, Any] = span._attributes._dict
    except AttributeError:
        return None
    return attributes


def remove(span: Any, key: str) -> None:
    """Take an attribute off *span*, ended or not."""
    own = held(span)
    if own is not None:
        own.pop(key, None)
    else:
        span._attributes = {name: value for name, value in (span.attributes or {}).items() if name != key}


def has_meter_provider() -> bool:
    """Return whether a global meter provider is set up, True also where this API keeps it elsewhere.

    `get_meter_provider` looks into the environment each time while none is, which takes a tenth of a call's time.
    """
    return getattr(_METRICS, "_METER_PROVIDER", True) is not None


def allow_another_provider() -> None:
    """Let a tracer provider be set once more. OpenTelemetry has no public way; it refuses the second one."""
    once = getattr(trace, "_TRACER_PROVIDER_SET_ONCE", None)
    if once is not None and hasattr(once, "_done"):
        once._done = False


def write(span: Any, new: Mapping[str, AttributeValue]) -> None:
    """Put *new* on *span*, ended or not, without pushing out attributes that are there.

    A recording span with room takes them by `set_attributes`. Otherwise they go into the span's own dictionary: an
    ended span refuses attributes while `_on_ending` runs (SDK 1.40 to 1.45), and a span at its attribute limit
    evicts its oldest attribute, which is usually the model's name, for each new one.
    """
    own = held(span)
    is_recording = getattr(span, "is_recording", None)
    if is_recording is not None and is_recording():
        limit = getattr(getattr(span, "_attributes", None), "maxlen", None)
        if limit is None or len(span.attributes) + len(new) <= limit:
            span.set_attributes(new)
            return
    if own is not None:
        own.update(new)
    else:
        span._attributes = {**(span.attributes or {}), **new}
