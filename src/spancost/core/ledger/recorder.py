# SPDX-License-Identifier: Apache-2.0
"""Makes the `CallRecord` of a counted call from its span, the call that was priced and what is written on the span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

from spancost.core import semconv as names
from spancost.core.call import Call
from spancost.core.record import CallRecord
from spancost.core.span import Attributes

ERROR_TYPE = "error.type"
SERVICE = "service.name"
RATE_CARD = "rate_card"
BATCH = "batch"
TAG_PREFIX = "app."
OTHER_ERROR = "_OTHER"
"""What `error.type` says of an error of unknown type (OpenTelemetry semantic conventions)."""
ENVIRONMENT_OF_RESOURCE = ("deployment.environment.name", "deployment.environment")
"""Resource attributes that name the environment: the stable one, then the one before it (semantic conventions 1.27)."""

_SPAN_ID = (1 << 64) - 1
_NO_TAGS = frozenset((names.APP_OUTCOME, names.APP_ATTRIBUTION_MISSING))
_record = partial(tuple.__new__, CallRecord)  # a third of the time of CallRecord(...)


class PricedCall(NamedTuple):
    """A call as it was priced, its final cost in femto-dollars, and the cost at list price where that differs."""

    call: Call
    femto: int | None
    list_femto: int | None


class Recorder:
    """Makes records. keys: the compiled `semconv/dialects/record.yaml`."""

    def __init__(self, keys: Mapping[str, Any]) -> None:
        self._session: tuple[str, ...] = tuple(keys.get("session", ()))
        self._first_token: tuple[tuple[str, int], ...] = tuple((key, unit) for key, unit in keys.get("first_token", ()))
        self._prompt_name: tuple[str, ...] = tuple(keys.get("prompt_name", ()))
        self._prompt_version: tuple[str, ...] = tuple(keys.get("prompt_version", ()))

    def record(
        self,
        priced: PricedCall,
        trace: tuple[int, Attributes | None],
        ids: tuple[int, int | None],
        end_ns: int,
        attributes: Attributes,
        writes: Attributes,
    ) -> CallRecord:
        """Return the record of a call.

        trace: trace id and the attributes of the resource. ids: span id and parent's span id. writes: what is written
        on the span, which may be *attributes*.
        """
        call, femto, list_femto = priced
        trace_id, resource = trace
        span_id, parent_id = ids
        duration_ns = call.duration_ns or 0
        get, wrote = attributes.get, writes.get
        source = wrote(names.LLM_COST_SOURCE)
        return _record(
            (
                trace_id,
                span_id & _SPAN_ID,
                None if parent_id is None else parent_id & _SPAN_ID,
                end_ns - duration_ns,
                duration_ns,
                _text(resource.get(SERVICE)) if resource else None,
                _first(attributes, self._session) or f"{trace_id:032x}",
                call.provider or None,
                call.model or None,
                call.operation,
                call.service_tier or (BATCH if call.processing == BATCH else None),
                call.usage,
                femto,
                femto if list_femto is None and source == RATE_CARD else list_femto,
                wrote(names.LLM_COST_STATUS),
                wrote(names.LLM_COST_REASON),
                source,
                wrote(names.LLM_PRICING_VERSION),
                wrote(names.LLM_RATE_ID),
                _tags(attributes, resource),
                _text(get(ERROR_TYPE)),
                wrote(names.LLM_FINISH_REASON),
                _first(attributes, self._prompt_name),
                _first(attributes, self._prompt_version),
                _text(get(names.APP_OUTCOME)),
                self._time_to_first_token(attributes),
            )
        )

    def _time_to_first_token(self, attributes: Attributes) -> int | None:
        for key, unit_ns in self._first_token:
            value = attributes.get(key)
            if value is not None and isinstance(value, (int, float)) and 0 <= value < 1e15:
                return round(value * unit_ns)
        return None


def environment_of(resource: Mapping[str, object]) -> str | None:
    """Return the environment that a resource names, None when it names none."""
    return next((name for key in ENVIRONMENT_OF_RESOURCE if (name := _text(resource.get(key)))), None)


def _tags(attributes: Attributes, resource: Attributes | None) -> dict[str, str]:
    tags = {
        key: value
        for key, value in attributes.items()
        if key.startswith(TAG_PREFIX) and isinstance(value, str) and key not in _NO_TAGS
    }
    if resource and names.APP_ENVIRONMENT not in tags and (named := environment_of(resource)) is not None:
        tags[names.APP_ENVIRONMENT] = named
    return tags


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
