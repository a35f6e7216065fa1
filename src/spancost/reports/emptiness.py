# SPDX-License-Identifier: Apache-2.0
"""Why an answer is empty, in one sentence."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from spancost.reports.periods import rfc3339
from spancost.reports.selection import Selection
from spancost.reports.spend import range_of
from spancost.store.calls import Calls

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def why_empty(calls: Calls, selection: Selection, kind: str = "calls") -> str:
    """Return the reason why no call of *calls* is selected, or none that has a session, prompt or user (*kind*)."""
    if calls.read is not None and not calls.read.spans:
        return "No answer: the source has no spans."
    everything = range_of(calls.engine, Selection())
    if everything is None:
        spans = "" if calls.read is None else f" among {calls.read.spans:,} spans"
        return f"No answer: the source has no model call{spans}; `spancost doctor SOURCE` shows how each span is read."
    first, last = (rfc3339((_EPOCH + timedelta(microseconds=ns // 1000)).replace(microsecond=0)) for ns in everything)
    if range_of(calls.engine, selection) is not None:
        return f"No answer: no call names one of the {kind}."
    asked = [f"--where {name}={value or ''}" for name, values in selection.where.items() for value in values]
    asked += ["--since/--until"] if selection.since_ns is not None or selection.until_ns is not None else []
    return f"No answer: no call passes {', '.join(asked)}; the calls are from {first} to {last}."
