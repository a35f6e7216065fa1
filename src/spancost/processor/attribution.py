# SPDX-License-Identifier: Apache-2.0
"""Attribution on spans: tags as they start; the environment, and what lacks, as they end."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import Span as SdkSpan

from spancost import attributing
from spancost.core import call, semconv
from spancost.core.span import AttributeValue, Span
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


def complete(span: Span, written: dict[str, AttributeValue], required: Sequence[str]) -> bool:
    """Add the environment that the resource names, and the *required* tags a call lacks; return whether one does."""
    attributes = span.attributes
    if semconv.APP_ENVIRONMENT not in attributes:
        resource = span.resource or {}
        for key in ENVIRONMENT_OF_RESOURCE:
            environment = resource.get(key)
            if isinstance(environment, str) and environment:
                written[semconv.APP_ENVIRONMENT] = environment
                break
    status = written.get(semconv.LLM_COST_STATUS)
    if not required or status is None or status in _NOT_COUNTED:
        return False
    missing = tuple(key for key in required if key not in attributes and key not in written)
    if missing:
        written[semconv.APP_ATTRIBUTION_MISSING] = missing
    return bool(missing)
