# SPDX-License-Identifier: Apache-2.0
"""Attribution on spans: tags as they start; the environment, and what lacks, as they end."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span as SdkSpan

from spancost import attributing
from spancost.core import call, semconv
from spancost.core.span import Attributes, AttributeValue, Span
from spancost.processor.spans import write

ENVIRONMENT_OF_RESOURCE = ("deployment.environment.name", "deployment.environment")
"""Resource attributes that name the environment: the stable one, then the one before it (semantic conventions 1.27)."""
_NOT_COUNTED = frozenset((call.DUPLICATE, call.AGGREGATE))


def tag(span: SdkSpan, context: Context | None) -> None:
    """Put the tags in force in *context* on a span that starts; what the application set on the span itself wins."""
    tags = attributing.tags(context)
    if tags:
        attributes = span.attributes or {}
        write(span, {key: value for key, value in tags.items() if key not in attributes})


class Completion:
    """Adds to what is written on a span the environment that its resource names, and which *required* tags lack."""

    def __init__(self, required: Sequence[str]) -> None:
        self._required = required
        self._environment: tuple[object, str | None] = (self, None)

    def add(self, span: Span, written: dict[str, AttributeValue]) -> bool:
        """Complete *written*; return whether *span* is a counted call that lacks a required tag."""
        attributes = span.attributes
        # A process has one resource, so the last one's environment is kept as read.
        known = self._environment
        if known[0] is not span.resource:
            known = self._environment = (span.resource, environment_of(span.resource or {}))
        if known[1] is not None and semconv.APP_ENVIRONMENT not in attributes:
            written[semconv.APP_ENVIRONMENT] = known[1]
        status = written.get(semconv.LLM_COST_STATUS)
        if not self._required or status is None or status in _NOT_COUNTED:
            return False
        missing = tuple(key for key in self._required if key not in attributes and key not in written)
        if missing:
            written[semconv.APP_ATTRIBUTION_MISSING] = missing
        return bool(missing)


def environment_of(resource: Attributes) -> str | None:
    """Return the environment that a resource names."""
    named = (resource.get(key) for key in ENVIRONMENT_OF_RESOURCE)
    return next((name for name in named if isinstance(name, str) and name), None)
