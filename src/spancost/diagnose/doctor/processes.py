# SPDX-License-Identifier: Apache-2.0
"""What the Python processes of a program told about themselves at their end (see `running/child.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spancost.config.settings import load
from spancost.diagnose.doctor.environment import baggage_advice
from spancost.diagnose.doctor.findings import FINE, NOTE, PROBLEM, Finding

PROCESSES = "Processes"
_WORTH_SAYING = {
    "late": "calls ended after their root: its total lacks them. End the root later, or add up in the Collector.",
    "evicted": "subtotals were forgotten: spans did not end. Find those, or raise SPANCOST_MAX_OPEN_PARENTS.",
    "attribution_missing": "calls lack a required tag. Wrap them in spancost.attribution(...).",
    "tags_refused": "tags were no text, number or truth value, and were left out.",
    "outcomes_dropped": "outcomes were recorded where no span was open.",
}


def inspect_processes(notes: list[Mapping[str, Any]], faults: list[str]) -> Iterator[Finding]:
    """Yield what there is to say of each process that took part, and of those that could not."""
    for fault in faults:
        yield Finding(
            PROCESSES, PROBLEM, f"A Python could not take part: {fault}", "Install spancost there.", {"fault": fault}
        )
    if not notes and not faults:
        fix = "The command must start a Python that reads PYTHONPATH (python -I, -E and -S do not)."
        yield Finding(PROCESSES, PROBLEM, "No Python process took part.", fix)
    for note in notes:
        program = " ".join(map(str, note["program"]))
        text = (
            f"{program}: Python {note['python']}, opentelemetry-sdk {note['opentelemetry_sdk']}, strategy "
            f"{note['strategy'] or 'not chosen, as no span was started'}\n"
            f"  instrumented: {', '.join(note['instrumented']) or 'nothing by us'}"
        )
        for name, why in note["not_instrumented"].items():
            text += f"\n  not instrumented: {name} ({why})"
        yield Finding(PROCESSES, FINE, text, "", note)
        for name, number in note["stats"].items():
            if number and (name in _WORTH_SAYING or name.startswith("errors_")):
                fix = _WORTH_SAYING.get(name, "A fault of ours: please report it with what the logger spancost says.")
                level = PROBLEM if name.startswith("errors_") else NOTE
                yield Finding(PROCESSES, level, f"{program}: {name} = {number}", fix, {"count": name, "number": number})
    if notes:
        guarded = any(note["propagator"] == "AttributionPropagator" for note in notes)
        fields = sorted({name for note in notes for name in note["propagator_fields"]})
        yield baggage_advice(load(), fields, guarded)
