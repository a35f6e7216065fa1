# SPDX-License-Identifier: Apache-2.0
"""Finds requests to model providers that no span reports as a model call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from spancost.core.span import Attributes, Span
from spancost.diagnose.doctor.findings import PROBLEM, Finding
from spancost.diagnose.format_count import format_count

UNREPORTED = "Requests that no span reports as a model call"
HOSTS = ("server.address", "net.peer.name", "http.host")
_METHODS = ("http.request.method", "http.method")


def host_of(attributes: Attributes) -> str:
    """Return the host on a client span, "" for none."""
    return next((str(attributes[key]) for key in HOSTS if key in attributes), "")


def unreported(
    spans: Iterable[Span], is_call: Mapping[tuple[int, int], bool], is_provider: Callable[[str], bool]
) -> Iterator[Finding]:
    """Yield the hosts of providers that received requests while no model call was open.

    is_call: trace and span id -> whether the span reports a model call. A request counts as reported when any call was
    open at its start: some emitters report calls in separate traces.
    """
    kept = list(spans)
    calls = [span for span in kept if is_call.get((span.trace_id, span.span_id))]
    found: Counter[tuple[str, str]] = Counter()
    for span in kept:
        host = host_of(span.attributes)
        if not host or is_call.get((span.trace_id, span.span_id)) or not _is_post(span.attributes):
            continue
        if is_provider(host) and not any(call.start_ns <= span.start_ns <= call.end_ns for call in calls):
            found[host, span.scope_name] += 1
    for (host, scope), number in found.most_common():
        yield Finding(
            UNREPORTED,
            PROBLEM,
            f"{format_count(number, 'request')} to {host}, reported by {scope}: no span reports a model call then, so "
            "no total includes its cost. LiteLLM from 1.110 bypasses the instrumentations of the OpenAI client.",
            "Enable an instrumentation of the library that sends them (LiteLLM's callback, "
            "openinference-instrumentation-litellm), or spancost's capture.",
            {"host": host, "scope": scope, "requests": number},
        )


def _is_post(attributes: Attributes) -> bool:
    return any(str(attributes.get(key, "")).upper() == "POST" for key in _METHODS)
