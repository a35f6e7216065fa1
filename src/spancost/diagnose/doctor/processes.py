# SPDX-License-Identifier: Apache-2.0
"""Findings about the Python processes of a program, from the notes they leave (see `run/child.py`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from spancost.config.settings import load
from spancost.diagnose.doctor.environment import baggage_finding, sampling_finding
from spancost.diagnose.doctor.findings import FINE, NOTE, PROBLEM, Finding
from spancost.otel.sampling import hides_spans

PROCESSES = "Processes"
_FIXES = {
    "late": "calls ended after their root; its total does not include them. End the root later, or use the Collector.",
    "evicted": "subtotals were evicted because spans did not end. Fix those spans, or raise SPANCOST_MAX_OPEN_PARENTS.",
    "attribution_missing": "calls have no value for a required tag. Wrap them in spancost.attribution(...).",
    "tags_refused": "tags were not a string, number or boolean and were dropped.",
    "outcomes_dropped": "outcomes were recorded with no open span, or after the root span had ended.",
}


def inspect_processes(notes: list[Mapping[str, Any]], faults: list[str]) -> Iterator[Finding]:
    """Yield the findings about each process that took part, and about those that failed to."""
    for fault in faults:
        yield Finding(
            PROCESSES,
            PROBLEM,
            f"A Python process did not take part: {fault}",
            "Install spancost there.",
            {"fault": fault},
        )
    if not notes and not faults:
        fix = "The command must start a Python that reads PYTHONPATH (python -I, -E and -S do not)."
        yield Finding(PROCESSES, PROBLEM, "No Python process took part.", fix)
    for note in notes:
        program = " ".join(map(str, note["program"]))
        text = (
            f"{program}: Python {note['python']}, opentelemetry-sdk {note['opentelemetry_sdk']}, strategy "
            f"{note['strategy'] or 'not chosen: no span was started'}\n"
            f"  instrumented: {', '.join(note['instrumented']) or 'nothing'}"
        )
        for name, why in note["not_instrumented"].items():
            text += f"\n  not instrumented: {name} ({why})"
        yield Finding(PROCESSES, FINE, text, "", note)
        if note.get("has_own_processor"):
            changed = ", ".join(note.get("other_settings", ())) or "none differs from the environment"
            text = f"{program}: the program sets up an LLMCostProcessor; its settings hold for all calls ({changed})"
            fix = "Set up one of the two, or give both the same settings." if note.get("other_settings") else ""
            yield Finding(PROCESSES, NOTE if fix else FINE, text, fix, {"settings": note.get("other_settings", ())})
        for sampler in sorted(filter(hides_spans, set(note.get("samplers", ())))):
            yield sampling_finding(PROCESSES, f"{program}: {sampler.partition(',')[0]}", sampler)
        for name, number in note["stats"].items():
            if number and (name in _FIXES or name.startswith("errors_")):
                fix = _FIXES.get(
                    name, "This is a bug in spancost. Please report it with the messages of the logger spancost."
                )
                level = PROBLEM if name.startswith("errors_") else NOTE
                yield Finding(PROCESSES, level, f"{program}: {name} = {number}", fix, {"count": name, "number": number})
    if notes:
        guarded = any(note["propagator"] == "AttributionPropagator" for note in notes)
        fields = sorted({name for note in notes for name in note["propagator_fields"]})
        yield baggage_finding(load(), fields, guarded)
