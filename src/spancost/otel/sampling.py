# SPDX-License-Identifier: Apache-2.0
"""Sampling that hides no cost: spans that are not exported are recorded all the same, so that processors see them."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace.sampling import (
    DEFAULT_ON,
    Decision,
    ParentBasedTraceIdRatio,
    Sampler,
    SamplingResult,
)
from opentelemetry.trace import Link, SpanKind, TraceState
from opentelemetry.util.types import Attributes

LOGGER = logging.getLogger("spancost")
NAME = "spancost_record_all"
"""Its name for OTEL_TRACES_SAMPLER."""
RECORD_MICROSECONDS = 20
"""CPU time that a span takes more when it is recorded and not exported than when it is dropped (SDK 1.45, 2026-11)."""
_HEAD = "RecordAll("
_SHARE = re.compile(r"TraceIdRatioBased\{([0-9.e-]+)\}")


class RecordAll(Sampler):
    """Decides as another sampler does, and has spans recorded that this one drops; they are still not exported."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Return the decision of the other sampler, RECORD_ONLY in place of DROP."""
        found = self._sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)
        if found.decision is not Decision.DROP:
            return found
        return SamplingResult(Decision.RECORD_ONLY, found.attributes or attributes, found.trace_state)

    def get_description(self) -> str:
        """Return the name of both."""
        return f"{_HEAD}{self._sampler.get_description()})"


def record_all(sampler: Sampler = DEFAULT_ON) -> Sampler:
    """Return a sampler that exports what *sampler* does, and records the rest, so that every call is counted.

    `TracerProvider(sampler=record_all(ParentBased(TraceIdRatioBased(0.01))))`. A span that is recorded and not exported
    takes about `RECORD_MICROSECONDS` more than one that is dropped.
    """
    return sampler if isinstance(sampler, RecordAll) else RecordAll(sampler)


def from_argument(argument: str | None) -> Sampler:
    """Return the sampler of `OTEL_TRACES_SAMPLER=spancost_record_all`; OTEL_TRACES_SAMPLER_ARG is the share to export.

    Without an argument, everything that a parent does not drop is exported.
    """
    if not argument:
        return record_all()
    try:
        return record_all(ParentBasedTraceIdRatio(float(argument)))
    except ValueError:
        LOGGER.error(
            "spancost: OTEL_TRACES_SAMPLER_ARG: found %r; expected the share of traces to export, from 0 to 1; "
            "everything is exported",
            argument,
        )
        return record_all()


def hides_spans(description: str) -> bool:
    """Tell by the description of a sampler whether it drops spans of its own accord, so that no processor sees them."""
    if description.startswith((_HEAD, "AlwaysRecordSampler")):
        return False
    decides = description.partition("root:")[2] or description
    share = _SHARE.match(decides)
    return float(share[1]) < 1 if share is not None else decides.startswith("AlwaysOffSampler")
