# SPDX-License-Identifier: Apache-2.0
"""Makes the `CallRecord` of a counted call from its span, the call that was priced and what is written on the span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

from spancost.core.call import BATCH, Call, Quantity
from spancost.core.record import CallRecord
from spancost.core.semconv import (
    APP_ATTRIBUTION_MISSING,
    APP_ENVIRONMENT,
    APP_OUTCOME,
    LLM_COST_REASON,
    LLM_COST_SOURCE,
    LLM_COST_STATUS,
    LLM_FINISH_REASON,
    LLM_PRICING_VERSION,
    LLM_RATE_ID,
)
from spancost.core.span import Attributes, Span

ERROR_TYPE = "error.type"
SERVICE = "service.name"
RATE_CARD = "rate_card"
TAG_PREFIX = "app."
OTHER_ERROR = "_OTHER"
"""What `error.type` says of an error of unknown type (OpenTelemetry semantic conventions)."""
ENVIRONMENT_OF_RESOURCE = ("deployment.environment.name", "deployment.environment")
"""Resource attributes that name the environment: the stable one, then the one before it (semantic conventions 1.27)."""

KEYS_KEPT = 1_024
"""Orders of keys remembered at most; one more, and all are evicted."""

_SPAN_ID = (1 << 64) - 1
_NO_TAGS = frozenset((APP_OUTCOME, APP_ATTRIBUTION_MISSING))
_record = partial(tuple.__new__, CallRecord)  # a third of the time of CallRecord(...)


class PricedCall(NamedTuple):
    """A call as it was priced, its final cost in femto-dollars, and the cost at list price where that differs.

    finish_reason: of a call that an earlier run priced, as its instrumentation reports it.
    """

    call: Call
    femto: int | None
    list_femto: int | None
    finish_reason: str | None = None


class RecordKeys(NamedTuple):
    """Of the keys of a span those that a record reads, in order of preference; first_token: with the unit in ns."""

    session: tuple[str, ...]
    first_token: tuple[tuple[str, int], ...]
    prompt_name: tuple[str, ...]
    prompt_version: tuple[str, ...]
    tags: tuple[str, ...]
    outcome: bool
    error: bool


NO_KEYS = RecordKeys((), (), (), (), (), False, False)

Known: TypeAlias = "tuple[tuple[Any, ...], tuple[Any, ...], str | None]"
"""What calls with one plan and one result of pricing share: provider, model, operation and tier; the provenance of the
cost (status to rate id); the finish reason."""


Described: TypeAlias = "tuple[Mapping[str, Quantity], int | None, int | None, Known, RecordKeys]"
"""What a record says of a call beside its span: usage, cost, list price where that differs, and what others share."""


def known_of(call: Call, writes: Attributes) -> Known:
    """Return what the record of *call* shares with others of its kind; *writes* is written on its span."""
    wrote = writes.get
    tier = call.service_tier or (BATCH if call.processing == BATCH else None)
    provenance = (LLM_COST_STATUS, LLM_COST_REASON, LLM_COST_SOURCE, LLM_PRICING_VERSION, LLM_RATE_ID)
    named = (call.provider or None, call.model or None, call.operation, tier)
    return named, tuple([wrote(key) for key in provenance]), wrote(LLM_FINISH_REASON)  # type: ignore[return-value]


class Recorder:
    """Makes records. keys: the compiled `semconv/dialects/record.yaml`.

    Which keys of a span matter is kept by the span's keys, and what its resource says for the last resource seen.
    """

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self._session: tuple[str, ...] = tuple(keys.get("session", ()))
        self._first_token: tuple[tuple[str, int], ...] = tuple((key, unit) for key, unit in keys.get("first_token", ()))
        self._prompt_name: tuple[str, ...] = tuple(keys.get("prompt_name", ()))
        self._prompt_version: tuple[str, ...] = tuple(keys.get("prompt_version", ()))
        self._known: dict[tuple[str, ...], RecordKeys] = {}
        self._resource: tuple[object, str | None, str | None] = (None, None, None)
        self._trace: tuple[int, str] = (0, f"{0:032x}")

    def record(self, priced: PricedCall, span: Span, writes: Attributes) -> CallRecord:
        """Return the record of the call on *span*; *writes* is written on it, or stands there from an earlier run."""
        call, femto, list_femto, finish_reason = priced
        keys = self._known.get(tuple(span.attributes)) or self.keys_of(span.attributes)
        ids = (span.span_id, span.parent_id, span.is_local_root, span.end_ns - (call.duration_ns or 0), span.end_ns)
        what = (call.usage, femto, list_femto, known_of(call, writes), keys)
        record = self.describe(what, (span.trace_id, span.resource), ids, span.attributes)
        if finish_reason is not None and record.finish_reason is None:
            record = record._replace(finish_reason=finish_reason)
        if span.is_error and record.error is None:
            record = record._replace(error=span.raised or OTHER_ERROR)
        return record

    def describe(
        self,
        what: Described,
        trace: tuple[int, Attributes | None],
        ids: tuple[int, int | None, bool, int, int],
        attributes: Attributes,
    ) -> CallRecord:
        """Return the record of a call.

        what: usage, cost, list price where that differs, what it shares with others, keys to read. trace: trace id,
        attributes of the resource. ids: span id, parent's span id, whether it is a local root, when it began and ended.
        """
        usage, femto, list_femto, (named, provenance, finish_reason), keys = what
        session, first_token, prompt_name, prompt_version, tags, has_outcome, has_error = keys
        trace_id, resource = trace
        span_id, parent_id, _, start_ns, end_ns = ids
        _, service, environment = self._resource if self._resource[0] is resource else self._read_resource(resource)
        if self._trace[0] != trace_id:
            self._trace = (trace_id, f"{trace_id:032x}")
        return _record(
            (
                trace_id,
                span_id & _SPAN_ID,
                None if parent_id is None else parent_id & _SPAN_ID,
                start_ns,
                end_ns - start_ns,
                service,
                (session and _first(attributes, session)) or self._trace[1],
                *named,
                usage,
                femto,
                femto if list_femto is None and provenance[2] == RATE_CARD else list_femto,
                *provenance,
                _tags(attributes, tags, environment) if tags or environment else {},
                _text(attributes[ERROR_TYPE]) if has_error else None,
                finish_reason,
                _first(attributes, prompt_name) if prompt_name else None,
                _first(attributes, prompt_version) if prompt_version else None,
                _text(attributes[APP_OUTCOME]) if has_outcome else None,
                _nanoseconds(attributes, first_token) if first_token else None,
            )
        )

    def keys_of(self, attributes: Attributes) -> RecordKeys:
        """Return the keys of *attributes* that a record reads."""
        if len(self._known) >= KEYS_KEPT:
            self._known = {}
        found = self._known[tuple(attributes)] = RecordKeys(
            tuple(key for key in self._session if key in attributes),
            tuple(pair for pair in self._first_token if pair[0] in attributes),
            tuple(key for key in self._prompt_name if key in attributes),
            tuple(key for key in self._prompt_version if key in attributes),
            tuple(key for key in attributes if key.startswith(TAG_PREFIX) and key not in _NO_TAGS),
            APP_OUTCOME in attributes,
            ERROR_TYPE in attributes,
        )
        return found

    def _read_resource(self, resource: Attributes | None) -> tuple[object, str | None, str | None]:
        service = _text(resource.get(SERVICE)) if resource else None
        environment = environment_of(resource) if resource else None
        found = self._resource = (resource, service, environment)
        return found


def environment_of(resource: Mapping[str, object]) -> str | None:
    """Return the environment that a resource names, None when it names none."""
    return next((name for key in ENVIRONMENT_OF_RESOURCE if (name := _text(resource.get(key)))), None)


def _tags(attributes: Attributes, keys: tuple[str, ...], environment: str | None) -> dict[str, str]:
    tags = {key: value for key in keys if isinstance(value := attributes[key], str)} if keys else {}
    if environment is not None:
        tags.setdefault(APP_ENVIRONMENT, environment)
    return tags


def _nanoseconds(attributes: Attributes, keys: tuple[tuple[str, int], ...]) -> int | None:
    for key, unit_ns in keys:
        value = attributes[key]
        if isinstance(value, (int, float)) and 0 <= value < 1e15:
            return round(value * unit_ns)
    return None


def _first(attributes: Attributes, keys: Iterable[str]) -> str | None:
    """Return the first value of *keys* that names something: a string, or a whole number as text."""
    for key in keys:
        value = attributes.get(key)
        if value.__class__ is int:
            return str(value)
        if value and isinstance(value, str):
            return value
    return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
