# SPDX-License-Identifier: Apache-2.0
"""Emits OpenTelemetry events: log records with an event name, attributes and the trace context of what they are about.

The Logs API is `opentelemetry._logs` in every SDK so far. SDKs before 1.37 take only log records of their own class;
those before 1.35 know no event name and no context.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cache, partial
from inspect import signature
from typing import Any, Literal, TypeAlias

from opentelemetry import trace
from opentelemetry._logs import LoggerProvider, SeverityNumber, get_logger_provider
from opentelemetry._logs import LogRecord as ApiLogRecord
from opentelemetry.context import Context, get_current
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from spancost.core.span import AttributeValue
from spancost.otel.registry import PROCESS

SCOPE = "spancost"
EVENT_NAME = "event.name"
"""The attribute that names an event where log records have no field for it."""

Severity: TypeAlias = Literal["INFO", "WARN", "ERROR"]
_SEVERITIES: Mapping[str, SeverityNumber] = {
    "INFO": SeverityNumber.INFO,
    "WARN": SeverityNumber.WARN,
    "ERROR": SeverityNumber.ERROR,
}


def emit_event(
    name: str,
    attributes: Mapping[str, AttributeValue],
    context: Context | None = None,
    *,
    timestamp_ns: int | None = None,
    severity: Severity = "INFO",
    logger_provider: LoggerProvider | None = None,
) -> bool:
    """Emit the event *name* and return whether a logger took it. Never raises.

    context: holds the span that the event is about (`context_of_span`); the current context when None.
    timestamp_ns: when it happened, in ns since the epoch; now when None. logger_provider: the global one when None.
    Without a logger provider nothing is done. What an SDK or a processor of the host raises is counted
    (`events_failed`). Values must hold no prompt, key or header.
    """
    try:
        logger = _logger(get_logger_provider() if logger_provider is None else logger_provider)
        if logger is None:
            return False
        now = time.time_ns()
        happened = now if timestamp_ns is None else timestamp_ns
        context = get_current() if context is None else context
        logger.emit(_record(logger)(name, dict(attributes), context, (happened, now), severity))
    except Exception:
        PROCESS.events_failed += 1
        return False
    return True


def context_of_span(trace_id: int, span_id: int, *, is_sampled: bool = False) -> Context:
    """Return a context whose current span has these ids, for an event about a span that may have ended."""
    flags = TraceFlags(TraceFlags.SAMPLED if is_sampled else TraceFlags.DEFAULT)
    return trace.set_span_in_context(NonRecordingSpan(SpanContext(trace_id, span_id, False, flags)), Context())


def has_logger_provider() -> bool:
    """Tell whether the program has set up a logger provider, without which events go nowhere."""
    return not _is_absent(get_logger_provider())


_Make: TypeAlias = "Callable[[str, dict[str, AttributeValue], Context, tuple[int, int], str], Any]"
_loggers: list[tuple[Any, Any]] = []
"""The provider seen last and its logger: there is one provider in a process, and looking a logger up takes locks."""


def _logger(provider: Any) -> Any:
    """Return our logger of *provider*, None when it is the API's stand-in for a missing one."""
    known = _loggers[-1] if _loggers else None
    if known is not None and known[0] is provider:
        return known[1]
    from spancost import __version__

    logger = None if _is_absent(provider) else provider.get_logger(SCOPE, __version__)
    if logger is not None:
        _loggers[:] = [(provider, logger)]
    return logger


def _is_absent(provider: object) -> bool:
    return type(provider).__module__.startswith("opentelemetry._logs")


def _record(logger: Any) -> _Make:
    """Return what makes a log record that *logger* takes."""
    return _maker(getattr(logger, "resource", None))


@cache
def _sdk_record() -> Any:
    """Return the SDK's own class of log records, None where the SDK takes those of the API (since 1.39)."""
    try:
        from opentelemetry.sdk import _logs

        return getattr(_logs, "LogRecord", None)
    except ImportError:
        return None


def _maker(resource: Any) -> _Make:
    own = None if resource is None else _sdk_record()
    made = ApiLogRecord if own is None else partial(own, resource=resource)
    return partial(_with_context if _takes_context(own or ApiLogRecord) else _with_ids, made)


@cache
def _takes_context(kind: Any) -> bool:
    return {"context", "event_name"} <= signature(kind.__init__).parameters.keys()


def _with_context(
    made: Any, name: str, attributes: dict[str, AttributeValue], context: Context, times: tuple[int, int], severity: str
) -> Any:
    return made(
        timestamp=times[0],
        observed_timestamp=times[1],
        context=context,
        severity_text=severity,
        severity_number=_SEVERITIES[severity],
        attributes=attributes,
        event_name=name,
    )


def _with_ids(
    made: Any, name: str, attributes: dict[str, AttributeValue], context: Context, times: tuple[int, int], severity: str
) -> Any:
    span = trace.get_current_span(context).get_span_context()
    return made(
        timestamp=times[0],
        observed_timestamp=times[1],
        trace_id=span.trace_id,
        span_id=span.span_id,
        trace_flags=span.trace_flags,
        severity_text=severity,
        severity_number=_SEVERITIES[severity],
        attributes={**attributes, EVENT_NAME: name},
    )
