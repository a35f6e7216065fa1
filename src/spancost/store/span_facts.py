# SPDX-License-Identifier: Apache-2.0
"""What a load keeps of a span: a plain tuple that `marshal` writes. Texts that no rule reads are left out.

A span that speaks of no model call keeps the attributes that say something about the calls below it: outcome and
evaluation scores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from spancost.core.semconv import APP_OUTCOME, LLM_COST_STATUS
from spancost.core.span import Span
from spancost.store.otlp_fields import Json, RequestError
from spancost.store.otlp_json import attributes_in, carried_spans, plain, service_of

Fact = tuple[Any, ...]
"""trace id, span id, parent id or 0, start, end, name, attributes, is error, type of the exception, whether it may be a
call, number of the scope, number of the resource."""
TRACE, SPAN, PARENT, START, END, NAME, ATTRIBUTES, IS_ERROR, RAISED, IS_CANDIDATE, SCOPE, RESOURCE = range(12)

SCORE_VALUE, SCORE_NAME = "gen_ai.evaluation.score.value", "gen_ai.evaluation.name"
SCORE_PREFIX = "app.score."
EVALUATION = "gen_ai.evaluation.result"
_TAG_PREFIX = "app."
_ABOUT_CALLS = frozenset((APP_OUTCOME, SCORE_VALUE, SCORE_NAME))
LONGEST_KEPT = 256
"""Characters of a text that is kept although no rule names its attribute."""
_ERROR = (2, "STATUS_CODE_ERROR")


class Batch(NamedTuple):
    """Spans with the scopes (name, version) and resources (attributes) that their last two members number."""

    facts: list[Fact]
    scopes: list[tuple[str, str]]
    resources: list[dict[str, Any]]


class Keys:
    """Which attributes are kept. markers: a call has one of these; mentioned: keys that the compiled dialects name."""

    def __init__(self, markers: Iterable[str], compiled: Mapping[str, Any]) -> None:
        self.markers = frozenset(markers) | {LLM_COST_STATUS}
        self._mentioned = frozenset(text.partition("$")[0] for text in _texts(compiled))

    def kept(self, attributes: dict[str, Any]) -> dict[str, Any]:
        """Return *attributes* of a call without long texts that nothing reads (prompts, say)."""
        if all(value.__class__ is not str or len(value) <= LONGEST_KEPT for value in attributes.values()):
            return attributes
        return {
            key: value
            for key, value in attributes.items()
            if value.__class__ is not str or len(value) <= LONGEST_KEPT or self.is_read(key)
        }

    def is_read(self, key: str) -> bool:
        """Return whether a rule may read this attribute."""
        return key in self._mentioned or key.startswith(_TAG_PREFIX)


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


def facts_of(request: Any, keys: Keys) -> Batch:
    """Return the spans of an `ExportTraceServiceRequest` in JSON; RequestError when it is none."""
    try:
        return _quickly(request, keys)
    except (AttributeError, KeyError, TypeError, ValueError):
        for _ in carried_spans(request):  # says where the request is not of the right form
            pass
        return _carefully(request, keys)


def _quickly(request: Any, keys: Keys) -> Batch:
    batch = Batch([], [], [])
    facts, scopes, resources = batch
    for resource_spans in request.get("resourceSpans") or ():
        resource = resource_spans.get("resource") or {}
        resources.append(_attributes(resource.get("attributes") or ()))
        for scope_spans in resource_spans.get("scopeSpans") or ():
            scope = scope_spans.get("scope") or {}
            scopes.append((str(scope.get("name") or ""), str(scope.get("version") or "")))
            place = len(scopes) - 1, len(resources) - 1
            facts.extend([_fact(raw, keys, place) for raw in scope_spans.get("spans") or ()])
    return batch


def _fact(raw: Json, keys: Keys, place: tuple[int, int]) -> Fact:
    entries = raw.get("attributes") or ()
    is_candidate = not keys.markers.isdisjoint([entry["key"] for entry in entries])
    if is_candidate:
        attributes = _attributes(entries, keys)
    else:
        attributes = _attributes([entry for entry in entries if _is_about_calls(entry["key"])]) if entries else {}
    events = raw.get("events")
    if events:
        _add_scores(events, attributes)
    parent = raw.get("parentSpanId")
    status = raw.get("status")
    is_error = status is not None and status.get("code") in _ERROR
    return (
        int(raw["traceId"], 16),
        int(raw["spanId"], 16),
        int(parent, 16) if parent else 0,
        int(raw.get("startTimeUnixNano") or 0),
        int(raw.get("endTimeUnixNano") or 0),
        str(raw.get("name") or ""),
        attributes,
        is_error,
        _raised(events) if is_error and events else "",
        is_candidate,
        *place,
    )


def _is_about_calls(key: str) -> bool:
    return key in _ABOUT_CALLS or key.startswith(SCORE_PREFIX)


def _attributes(entries: Iterable[Json], keys: Keys | None = None) -> dict[str, Any]:
    """Return attributes; with *keys* those of a call, without long texts that nothing reads (prompts, say)."""
    found = {}
    for entry in entries:
        value = entry["value"]
        if "stringValue" in value:
            held = value["stringValue"]
            if len(held) <= LONGEST_KEPT or keys is None or keys.is_read(entry["key"]):
                found[entry["key"]] = held
        elif "intValue" in value:
            found[entry["key"]] = int(value["intValue"])
        elif (held := plain(value)) is not None:
            found[entry["key"]] = held
    return found


def _raised(events: list[Any]) -> str:
    for event in reversed(events):
        if event.get("name") == "exception":
            found = attributes_in(event, "event").get("exception.type")
            return found if isinstance(found, str) else ""
    return ""


def _add_scores(events: list[Any], attributes: dict[str, Any]) -> None:
    """Put scores of evaluation events among the attributes, as `app.score.NAME`."""
    for event in events:
        if event.get("name") == EVALUATION:
            held = _attributes(event.get("attributes") or ())
            name, value = held.get(SCORE_NAME), held.get(SCORE_VALUE)
            if isinstance(name, str) and isinstance(value, (int, float)):
                attributes.setdefault(SCORE_PREFIX + name, value)


def _carefully(request: Any, keys: Keys) -> Batch:
    """Return what `_quickly` does for a request with odd members that are allowed."""
    batch = Batch([], [], [])
    for carried in carried_spans(request):
        span = carried.span
        batch.scopes.append((span.scope_name, span.scope_version))
        batch.resources.append(dict(span.resource or {}))
        batch.facts.append(fact_of_span(span, keys, (len(batch.scopes) - 1, len(batch.resources) - 1)))
    return batch


def fact_of_span(span: Span, keys: Keys, place: tuple[int, int]) -> Fact:
    """Return the fact of a span."""
    attributes = dict(span.attributes)
    is_candidate = not keys.markers.isdisjoint(attributes)
    if is_candidate:
        attributes = keys.kept(attributes)
    else:
        attributes = {key: value for key, value in attributes.items() if _is_about_calls(key)}
    ids = (span.trace_id, span.span_id, span.parent_id or 0, span.start_ns, span.end_ns, span.name)
    return (*ids, attributes, span.is_error, span.raised, is_candidate, *place)


def span_of(fact: Fact, scope: tuple[str, str], resource: dict[str, Any]) -> Span:
    """Return the span of a fact; `is_local_root` is decided when all spans of its trace are in hand."""
    language = resource.get("telemetry.sdk.language")
    return Span(
        fact[TRACE],
        fact[SPAN],
        fact[PARENT] or None,
        not fact[PARENT],
        fact[START],
        fact[END],
        scope[0],
        scope[1],
        fact[NAME],
        fact[ATTRIBUTES],
        fact[IS_ERROR],
        resource,
        language if isinstance(language, str) else "",
        fact[RAISED],
    )


__all__ = ["Batch", "Fact", "Keys", "RequestError", "facts_of", "service_of", "span_of"]
