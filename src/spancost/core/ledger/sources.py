# SPDX-License-Identifier: Apache-2.0
"""Which signal counts where one emitter reports its calls as spans and as log records: data says which it prefers.

Law: of the reports of one session, those of the other signal repeat the preferred ones. A report with a response id
that no preferred report carries is a call of its own. When the preferred signal is not in hand, the other one counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

SPANS = "spans"
LOGS = "logs"

COUNTED_ON = {SPANS: "counted_on_span", LOGS: "counted_on_log_record"}
"""Preferred signal -> reason of what repeats it."""


class Report(NamedTuple):
    """A span or log record that reports usage.

    signal, prefer: SPANS or LOGS. group: the emitter and its session, or the span that the record was made in.
    response_id: None when it tells none. span_id: of a span, 0 for a record.
    """

    signal: str
    prefer: str
    group: tuple[str, str]
    response_id: str | None
    span_id: int


class Repeat(NamedTuple):
    """What a report that is counted elsewhere says: the reason, and the span that carries the call, 0 when unknown."""

    reason: str
    span_id: int


def repeats(reports: Sequence[Report]) -> list[Repeat | None]:
    """Return for each report how it repeats one of the preferred signal, None when it is to be counted."""
    preferred: dict[tuple[str, str], dict[str | None, int]] = {}
    for report in reports:
        if report.signal == report.prefer:
            preferred.setdefault(report.group, {}).setdefault(report.response_id, report.span_id)
    return [_repeat(report, preferred.get(report.group)) for report in reports]


def _repeat(report: Report, held: dict[str | None, int] | None) -> Repeat | None:
    if held is None or report.signal == report.prefer:
        return None
    if report.response_id is not None and report.response_id not in held and None not in held:
        return None
    return Repeat(COUNTED_ON[report.prefer], held.get(report.response_id, 0) if report.response_id is not None else 0)
