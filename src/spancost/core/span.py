# SPDX-License-Identifier: Apache-2.0
"""One ended span as the core reads it; adapters create it from SDK objects or OTLP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

AttributeValue: TypeAlias = (
    "str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int] | Sequence[float]"
)
Attributes: TypeAlias = "Mapping[str, AttributeValue]"


class Span(NamedTuple):
    """An ended span.

    trace_id, span_id: integers. parent_id: the parent's span id, None at the root of a trace.
    is_local_root: no parent, or a parent in another process.
    start_ns, end_ns: nanoseconds since the Unix epoch. scope_name, scope_version: instrumentation scope, "" when none.
    is_error: the span's status is ERROR. resource: attributes of the resource, for the few rules that need them.
    language: the language of the SDK that created the span, as in `telemetry.sdk.language`; "" when missing.
    raised: type of the last exception recorded on a span with status ERROR, "" when there is none.
    """

    trace_id: int
    span_id: int
    parent_id: int | None
    is_local_root: bool
    start_ns: int
    end_ns: int
    scope_name: str
    scope_version: str
    name: str
    attributes: Attributes
    is_error: bool = False
    resource: Attributes | None = None
    language: str = ""
    raised: str = ""
