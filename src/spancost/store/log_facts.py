# SPDX-License-Identifier: Apache-2.0
"""What a load keeps of a log record that may report a call. Of its text only a digest is kept."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from spancost.core.span import Span
from spancost.store.log_records import CarriedRecord, carried_records
from spancost.store.span_facts import Keys

LogFact = tuple[Any, ...]
"""trace id of the span it was made in or 0, that span's id or 0, time, name, scope (name, version), attributes,
resource, service, digest."""
LOG_TRACE, LOG_ATTRIBUTES, LOG_SERVICE = 0, 5, 7


def log_facts(request: Any, keys: Keys) -> list[LogFact]:
    """Return the log records of an `ExportLogsServiceRequest` that may report a call; RequestError when it is none."""
    found = []
    for record in carried_records(request, keys.markers):
        span = record.span
        made_in = record.made_in or (0, 0)
        digest = blake2b(record.text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
        attributes = keys.kept(dict(span.attributes))
        about = (span.end_ns, span.name, (span.scope_name, span.scope_version))
        found.append((*made_in, *about, attributes, dict(span.resource or {}), record.service, digest))
    return found


def record_of_log(fact: LogFact) -> CarriedRecord:
    """Return the record of a fact, without the object that it came from."""
    trace, span_id, end, name, scope, attributes, resource, service, digest = fact
    language = resource.get("telemetry.sdk.language")
    language = language if isinstance(language, str) else ""
    ids = (0, 0, None, False, end, end)
    span = Span(*ids, scope[0], scope[1], name, attributes, resource=resource, language=language)
    return CarriedRecord({}, span, (trace, span_id) if span_id else None, service, digest)
