# SPDX-License-Identifier: Apache-2.0
"""Adds `app.*` tags on start, and on end the environment and the list of missing required tags."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Span as SdkSpan

from spancost.core import call, semconv
from spancost.core.ledger.recorder import environment_of
from spancost.core.span import Attributes, AttributeValue
from spancost.otel import attribution
from spancost.otel.processor.sdk_access import write

_NOT_COUNTED = frozenset((call.DUPLICATE, call.AGGREGATE))


def tag(span: SdkSpan, context: Context | None) -> None:
    """Put the tags in force in *context* on a span that starts; what the application set on the span itself wins."""
    tags = attribution.tags(context)
    if tags:
        attributes = span.attributes or {}
        write(span, {key: value for key, value in tags.items() if key not in attributes})


class Completion:
    """Adds to what is written on a span the environment that its resource names, and which *required* tags lack."""

    def __init__(self, required: Sequence[str]) -> None:
        self._required = required
        self._environment: tuple[object, str | None] = (self, None)
        self.complete_on: object = self
        """A resource on whose spans there is nothing to add: it names no environment, and no tag is required."""

    def add(self, attributes: Attributes, resource: Resource | None, written: dict[str, AttributeValue]) -> bool:
        """Complete *written*; return whether a span with *attributes* is a counted call that lacks a required tag."""
        # A process has one resource, so the last one's environment is kept as read.
        known = self._environment
        if known[0] is not resource:
            named = environment_of(resource.attributes) if resource is not None else None
            known = self._environment = (resource, named)
            self.complete_on = resource if named is None and not self._required else self
        if known[1] is not None and semconv.APP_ENVIRONMENT not in attributes:
            written[semconv.APP_ENVIRONMENT] = known[1]
        status = written.get(semconv.LLM_COST_STATUS)
        if not self._required or status is None or status in _NOT_COUNTED:
            return False
        missing = tuple(key for key in self._required if key not in attributes and key not in written)
        if missing:
            written[semconv.APP_ATTRIBUTION_MISSING] = missing
        return bool(missing)
