# SPDX-License-Identifier: Apache-2.0
"""The data of one call: its line items, the rate with source and day, and what it would cost elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from spancost.config import data
from spancost.config.model_names import family_of
from spancost.core.call import Call, LineItem
from spancost.core.money import usd_text
from spancost.core.pricing.price import Pricer
from spancost.core.record import CallRecord
from spancost.diagnose.doctor.fixes import fix, meaning
from spancost.reports.periods import instant_text
from spancost.reports.records import selected_records
from spancost.reports.selection import QuestionError, Selection
from spancost.store.calls import Engine
from spancost.store.pricing_choice import PricingChoice

ELSEWHERE = 8
_BASES = {
    "page": "read on the provider's page",
    "two_catalogues": "two catalogues agree",
    "one_catalogue": "from one catalogue, not checked since",
    "contract": "by contract",
}


def call_page(engine: Engine, trace_id: str, span_id: str, choice: PricingChoice) -> dict[str, Any]:
    """Return what is known of one call; QuestionError when there is no such call."""
    record = _record(engine, trace_id, span_id)
    pricer = choice.pricer_of(record.pricing_version, choice.pricer())
    call = record.call
    breakdown = pricer.break_down(call)
    period = breakdown.period
    source = period.source if period is not None else None
    return {
        "trace_id": trace_id,
        "span_id": span_id,
        "started_at": instant_text(record.start_ns),
        "duration_ns": record.duration_ns,
        "facts": {
            "provider": record.provider,
            "model": record.model,
            "operation": record.operation,
            "tier": record.tier,
            "service": record.service,
            "session": record.session_id,
            "outcome": record.outcome,
            "finish reason": record.finish_reason,
            "error": record.error,
            "prompt": " ".join(filter(None, (record.prompt_name, record.prompt_version))) or None,
            **record.tags,
        },
        "cost_usd": None if record.cost_femto is None else usd_text(record.cost_femto),
        "list_cost_usd": None if record.list_cost_femto is None else usd_text(record.list_cost_femto),
        "status": record.status,
        "reason": record.reason,
        "meaning": meaning(record.reason or ""),
        "remedy": fix(record.reason or "", record.provider, record.model),
        "usage": {meter: str(quantity) for meter, quantity in record.usage.items()},
        "items": [_item(item) for item in pricer.line_items(call)],
        "is_recomputed": breakdown.cost.femto == record.cost_femto,
        "rate": {
            "rate_id": record.rate_id,
            "pricing_version": record.pricing_version,
            "source": None if source is None else source["source"],
            "checked": None if source is None else source["checked"],
            "basis": None if source is None else _BASES.get(source["basis"], source["basis"]),
        },
        "elsewhere": list(_elsewhere(pricer, call, record)),
    }


def _record(engine: Engine, trace_id: str, span_id: str) -> CallRecord:
    for record in selected_records(engine, Selection(where={"trace_id": (trace_id,)})):
        if f"{record.span_id:016x}" == span_id:
            return record
    raise QuestionError(f"span id: found no call {span_id} in trace {trace_id}")


def _item(item: LineItem) -> dict[str, Any]:
    return {
        "meter": item.meter,
        "quantity": str(item.quantity),
        "price": item.price,
        "per": item.per,
        "cost_usd": usd_text(item.femto),
    }


def _elsewhere(pricer: Pricer, call: Call, record: CallRecord) -> Iterator[dict[str, Any]]:
    """Yield what the same model costs at other providers: the same meters at their rates."""
    family = family_of(record.model or "")
    card = data.default_card()
    found = []
    for provider in card.providers:
        line = card.provider(provider)
        if provider == call.provider or line is None:
            continue
        names = [name for name in line["models"] if family_of(name).rpartition("/")[2] == family.rpartition("/")[2]]
        costs = {pricer.price(call._replace(provider=provider, model=name)): name for name in names[:4]}
        known = {cost.femto: name for cost, name in costs.items() if cost.femto is not None}
        if known:
            cheapest = min(known)
            found.append((cheapest, provider, known[cheapest]))
    for femto, provider, model in sorted(found)[:ELSEWHERE]:
        yield {"provider": provider, "model": model, "cost_usd": usd_text(femto)}
