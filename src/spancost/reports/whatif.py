# SPDX-License-Identifier: Apache-2.0
"""What the selected calls would have cost under other models, caches, tiers, cards or contracts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from spancost.config import data
from spancost.core.analysis.whatif.answer import Answer, PriceOf, Whatif
from spancost.core.analysis.whatif.changes import Scenario
from spancost.core.analysis.whatif.knowledge import Knowledge
from spancost.core.money import usd_decimal
from spancost.reports.records import selected_records
from spancost.reports.selection import Selection
from spancost.store.calls import Engine
from spancost.store.pricing_choice import PricingChoice

SENTENCES = {
    "truncate": "Longer prompts are cut; cached and ordinary input keep their shares.",
    "model": "The same tokens at the rates of the other model.",
    "tokenizer": "The other model counts other numbers of tokens for the same text.",
    "cache": "Prompts are read from and written to the cache by the rules of the provider and the gaps between calls.",
    "tier": "The other service tier.",
    "batch": "Every call can wait for a batch.",
    "card": "Rates of the other card or contract.",
}
"""What each step assumes."""


@lru_cache(maxsize=1)
def knowledge() -> Knowledge:
    """Return what the package knows of models beside their rates."""
    return Knowledge(json.loads(data.read("pricing/compiled/whatif.json")))


def whatif(engine: Engine, selection: Selection, scenario: Scenario, choice: PricingChoice) -> Answer:
    """Return what the calls would have cost; SourceError when a card or contract cannot be used."""
    changed = scenario.card is not None or scenario.contract is not None
    then = choice._replace(card=scenario.card or choice.card, contract=scenario.contract or choice.contract)
    chosen = choice.pricer()

    def now(version: str | None) -> PriceOf:
        return choice.pricer_of(version, chosen).price

    question = Whatif(scenario, knowledge(), lru_cache(maxsize=64)(now), then.pricer().price if changed else None)
    question.add(selected_records(engine, selection))
    return question.answer()


def rows_of(answer: Answer) -> Iterator[dict[str, Any]]:
    """Yield the row of the answer, then one row an assumption with its share of the expected change."""
    change = answer.expected_femto - answer.current_femto
    yield {
        "calls": answer.calls,
        "current_usd": usd_decimal(answer.current_femto),
        "low_usd": usd_decimal(answer.low_femto),
        "expected_usd": usd_decimal(answer.expected_femto),
        "high_usd": usd_decimal(answer.high_femto),
        "change_usd": usd_decimal(change),
        "exact": answer.exact,
        "repriced_calls": answer.repriced,
        "infeasible_calls": answer.infeasible,
        "unknown_calls": answer.unknown,
        "facts_kept_calls": answer.facts_kept,
    }
    for assumption in answer.assumptions:
        share = Decimal(assumption.expected_femto) / change if change else None
        yield {
            "assumption": assumption.name,
            "text": SENTENCES[assumption.name],
            "change_usd": usd_decimal(assumption.expected_femto),
            "share": None if share is None else round(share, 6),
        }
