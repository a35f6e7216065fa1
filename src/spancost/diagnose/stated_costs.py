# SPDX-License-Identifier: Apache-2.0
"""Compares costs that other tools and providers put on spans with ours, by emitter and provider."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spancost.core import semconv as names
from spancost.core.call import AGGREGATE, DUPLICATE
from spancost.core.dialect.dialects import Dialects
from spancost.core.ledger.reading_pricer import PROVIDER
from spancost.core.money import femto_from_text, usd_text
from spancost.core.span import Attributes, Span
from spancost.diagnose.format_count import format_count


@dataclass
class StatedCosts:
    """The stated costs of one emitter and provider.

    spans: spans that state a cost. compared: those of them with a cost of ours. ours, theirs: sums of the compared
    spans, in 1e-15 USD. only_theirs: sum of the other spans. is_bill: whether the provider stated it, not the emitter.
    """

    emitter: str
    provider: str
    is_bill: bool
    spans: int = 0
    compared: int = 0
    ours: int = 0
    theirs: int = 0
    only_theirs: int = 0

    @property
    def drift_percent(self) -> str | None:
        """Return how far theirs is from ours in percent of ours, signed, with one decimal; None without ours."""
        return f"{(self.theirs - self.ours) * 100 / self.ours:+.1f}" if self.ours else None

    def text(self) -> str:
        """Return the comparison as one sentence."""
        who = "the provider states" if self.is_bill else "it states"
        text = f"{self.emitter}, {self.provider}: {who} the cost of {format_count(self.spans, 'call')}"
        if self.compared:
            drift = "" if self.drift_percent is None else f", {self.drift_percent} %"
            text += f"; of {self.compared}, ours ${usd_text(self.ours)}, stated ${usd_text(self.theirs)}{drift}"
        if self.spans > self.compared:
            text += f"; {self.spans - self.compared} without a cost of ours, stated ${usd_text(self.only_theirs)}"
        return text

    def facts(self) -> dict[str, Any]:
        """Return everything as JSON values, money as decimal text."""
        return {
            "emitter": self.emitter,
            "provider": self.provider,
            "stated_by": "provider" if self.is_bill else "emitter",
            "spans": self.spans,
            "compared": self.compared,
            "ours_usd": usd_text(self.ours),
            "theirs_usd": usd_text(self.theirs),
            "drift_percent": self.drift_percent,
            "only_theirs_usd": usd_text(self.only_theirs),
        }


def stated_costs(spans: Iterable[tuple[Span, Attributes]], dialects: Dialects) -> list[StatedCosts]:
    """Return the stated costs of counted calls among *spans*, each with its attributes after pricing.

    A duplicate or an aggregate has no cost of ours, so its stated cost is not compared.
    """
    found: dict[tuple[str, str, bool], StatedCosts] = {}
    for span, attributes in spans:
        if attributes.get(names.LLM_COST_STATUS, DUPLICATE) in (DUPLICATE, AGGREGATE):
            continue
        reading = dialects.read(span)
        if reading is None or reading.reported_femto is None:
            continue
        provider = str(attributes.get(names.LLM_PROVIDER, "no provider"))
        key = (span.scope_name or "(no scope)", provider, reading.billed)
        row = found.setdefault(key, StatedCosts(*key))
        row.spans += 1
        ours = _ours(attributes)
        if ours is None:
            row.only_theirs += reading.reported_femto
        else:
            row.compared += 1
            row.ours += ours
            row.theirs += reading.reported_femto
    return [found[key] for key in sorted(found)]


def _ours(attributes: Attributes) -> int | None:
    """Return our cost of a call: the list price where the stated cost was taken."""
    is_theirs = attributes.get(names.LLM_COST_SOURCE) == PROVIDER
    usd = attributes.get(names.LLM_LIST_COST_USD if is_theirs else names.LLM_REQUEST_COST_USD)
    return femto_from_text(repr(usd)) if isinstance(usd, float) else None
