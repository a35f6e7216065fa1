# SPDX-License-Identifier: Apache-2.0
"""`ExportLogsServiceRequest` in OTLP's JSON form: records that may speak of a model call, as the core's spans.

A record has no id of its own. It is placed below the span that it was made in, where that is in hand. Its name is its
`event.name` attribute, else its `eventName`; its body is never read. It begins and ends at its time, else when it was
observed.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import NamedTuple

from spancost.core.span import Span
from spancost.store.otlp_fields import Json, as_list, as_object, id_of, whole
from spancost.store.otlp_json import attributes_in, service_of

OWN_TRACE = 1 << 128
"""Above every trace id: each record has a trace id of its own."""


class CarriedRecord(NamedTuple):
    """A record: the object it came from, the record as a span without ids, and the span it was made in, if any.

    text: resource, scope and record as written; records alike in all of it are copies of one.
    """

    raw: Json
    span: Span
    made_in: tuple[int, int] | None
    service: str
    text: str


def carried_records(request: object, markers: Collection[str]) -> Iterator[CarriedRecord]:
    """Yield the records of *request* that carry one of *markers*; RequestError where the form is not right."""
    for r, resource_logs in enumerate(as_list(as_object(request, "request"), "resourceLogs", "request")):
        at_resource = f"resourceLogs[{r}]"
        resource = as_object(as_object(resource_logs, at_resource).get("resource") or {}, f"{at_resource}.resource")
        about = attributes_in(resource, f"{at_resource}.resource")
        service = service_of(about)
        for s, scope_logs in enumerate(as_list(resource_logs, "scopeLogs", at_resource)):
            at_scope = f"{at_resource}.scopeLogs[{s}]"
            scope = as_object(as_object(scope_logs, at_scope).get("scope") or {}, f"{at_scope}.scope")
            for n, raw in enumerate(as_list(scope_logs, "logRecords", at_scope)):
                where = f"{at_scope}.logRecords[{n}]"
                attributes = attributes_in(as_object(raw, where), where)
                if any(key in markers for key in attributes):
                    named = attributes.get("event.name")
                    time = whole(raw, "timeUnixNano", where) or whole(raw, "observedTimeUnixNano", where)
                    span = Span(
                        trace_id=0,
                        span_id=0,
                        parent_id=None,
                        is_local_root=False,
                        start_ns=time,
                        end_ns=time,
                        scope_name=str(scope.get("name") or ""),
                        scope_version=str(scope.get("version") or ""),
                        name=named if isinstance(named, str) else str(raw.get("eventName") or ""),
                        attributes=attributes,
                        resource=about,
                        language=language if isinstance(language := about.get("telemetry.sdk.language"), str) else "",
                    )
                    yield CarriedRecord(raw, span, _made_in(raw, where), service, _text(resource, scope, raw))


def _made_in(raw: Json, where: str) -> tuple[int, int] | None:
    if not raw.get("spanId") or not raw.get("traceId"):
        return None
    trace_id, span_id = id_of(raw, "traceId", where), id_of(raw, "spanId", where)
    return (trace_id, span_id) if span_id else None


def _text(*parts: Json) -> str:
    return "".join(json.dumps(part, ensure_ascii=False, separators=(",", ":")) for part in parts)
