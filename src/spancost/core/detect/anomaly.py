# SPDX-License-Identifier: Apache-2.0
"""What a detector finds: an episode while it goes on, and an anomaly, which is what can be said of it at a moment."""

from __future__ import annotations

from typing import NamedTuple

from spancost.core.detect.observation import Observation
from spancost.core.money import FEMTO_PER_USD, round_div

_SECOND = 10**9


class Anomaly(NamedTuple):
    """A rule that was broken.

    Attributes:
        rule: name of the rule, as in `semconv/detectors.yaml`.
        trace_id, session_id: where; None when the rule is about a feature or a service.
        span_ids: evidence, the first calls of the episode and the last ones, a bounded number.
        cost_femto: what the calls of the episode cost so far, in 1e-15 USD.
        threshold: the bound that was crossed, a decimal number in the unit that the text names.
        first_ns, last_ns: start of the first call and end of the last one, nanoseconds since the epoch.
        text: one sentence for people.
    """

    rule: str
    trace_id: int | None
    session_id: str | None
    span_ids: tuple[int, ...]
    cost_femto: int
    threshold: str
    first_ns: int
    last_ns: int
    text: str


class Episode:
    """An anomaly that may go on. `add` takes a further call; `anomaly` says what there is to say so far."""

    __slots__ = (
        "calls", "cost_femto", "evidence", "facts", "first_ns", "last_ns", "rule", "session_id", "span_ids", "template",
        "threshold", "trace_id",
    )  # fmt: skip

    def __init__(self, rule: str, template: str, threshold: str, evidence: int) -> None:
        """*template* is the sentence; *threshold* the bound; *evidence* how many span ids are kept."""
        self.rule = rule
        self.template = template
        self.threshold = threshold
        self.evidence = evidence
        self.trace_id: int | None = None
        self.session_id: str | None = None
        self.span_ids: list[int] = []
        self.calls = 0
        self.cost_femto = 0
        self.first_ns = 0
        self.last_ns = 0
        self.facts: dict[str, str] = {}

    def add(self, call: Observation) -> None:
        """Count a call, and keep its span id; when there are too many, those between the first and last halves go."""
        self.calls += 1
        self.cost_femto += call.cost_femto
        if not self.first_ns or call.start_ns < self.first_ns:
            self.first_ns = call.start_ns
        self.last_ns = max(self.last_ns, call.end_ns)
        if len(self.span_ids) >= self.evidence:
            del self.span_ids[self.evidence // 2]
        self.span_ids.append(call.span_id)

    def begin(self, call: Observation, span_ids: list[int]) -> None:
        """Take the call that alarms and the span ids of the first calls, of which it may be one."""
        self.add(call)
        self.span_ids = list(span_ids)
        if call.span_id not in span_ids:
            self.span_ids.append(call.span_id)

    def anomaly(self) -> Anomaly:
        """Return what there is to say now."""
        text = self.template
        for name, value in (
            ("calls", str(self.calls)),
            ("cost", usd_short(self.cost_femto)),
            ("duration", duration(self.last_ns - self.first_ns)),
            *self.facts.items(),
        ):
            text = text.replace("{" + name + "}", value)
        return Anomaly(
            self.rule,
            self.trace_id,
            self.session_id,
            tuple(self.span_ids),
            self.cost_femto,
            self.threshold,
            self.first_ns,
            self.last_ns,
            text,
        )


def usd_short(femto: int) -> str:
    """Return *femto* in dollars for people: cents from one dollar up, else four decimal places, half-even."""
    places = 2 if femto >= FEMTO_PER_USD else 4
    whole, rest = divmod(round_div(femto, FEMTO_PER_USD // 10**places), 10**places)
    return f"${whole}.{rest:0{places}d}"


def duration(ns: int) -> str:
    """Return a time for people, in its two greatest units."""
    seconds = max(0, ns) // _SECOND
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"
