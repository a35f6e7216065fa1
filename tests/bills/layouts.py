# SPDX-License-Identifier: Apache-2.0
"""Every form of bill as data: how one cell of a month (long) or one model's day (wide) is written in it."""

# ruff: noqa: E501 (a layout reads best as the table that it is)

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, NamedTuple

from spancost.bills.literal import decimal_text

UNCACHED, CACHED, OUTPUT = METERS = ("uncached_input_tokens", "cache_read_tokens", "output_tokens")
WRITTEN_IN = {"1": 1, "1K": 1_000, "1M": 1_000_000}


class Line(NamedTuple):
    """One cell of a bill: a meter of a model on one day in one tier. requests: calls of the cell."""

    day: datetime
    model: str
    meter: str
    tier: str
    quantity: Fraction
    amount: Fraction
    requests: int


class Layout(NamedTuple):
    """How a form is written.

    Attributes:
        form: id of the form.
        provider: as on the spans. models: as on the spans -> as on the bill.
        row: column -> template of its text; a dotted column of JSON is an object in an object.
        kinds: meter -> word for `{kind}`; empty for a wide form, whose rows have all meters of a model and day.
        tiers: tier -> word for `{tier}`; one tier only where the form has none.
        is_json, above: rows of a JSON page; columns that stand on the bucket around the rows.
        unit: of `{quantity}`. has_quantity, has_amount, has_cached: what the form can say.
    """

    form: str
    provider: str
    models: Mapping[str, str]
    row: Mapping[str, str]
    kinds: Mapping[str, str] = {}
    tiers: Mapping[str, str] = {"": ""}
    is_json: bool = False
    above: tuple[str, ...] = ()
    unit: str = "1"
    has_quantity: bool = True
    has_amount: bool = True
    has_cached: bool = True


GPT = {"gpt-4o-mini": "gpt-4o-mini", "gpt-4o": "gpt-4o"}
CLAUDE = {"claude-haiku-4-5": "claude-haiku-4-5", "claude-sonnet-4-5": "claude-sonnet-4-5"}
DISPLAYED = {"claude-haiku-4-5": "Claude Haiku 4.5", "claude-sonnet-4-5": "Claude Sonnet 4.5"}
PERIOD = {"starting_at": "{start}", "ending_at": "{end}"}
OPENAI_KINDS = {UNCACHED: "input", CACHED: "cached input", OUTPUT: "output"}
ANTHROPIC_KINDS = {UNCACHED: "uncached_input_tokens", CACHED: "cache_read_input_tokens", OUTPUT: "output_tokens"}
CONSOLE_KINDS = {UNCACHED: "input_no_cache", CACHED: "input_cache_read", OUTPUT: "output"}
OPENAI_TIERS = {"": "", "batch": "batch "}
TIERS = {"": "standard", "batch": "batch"}
OPENAI_USAGE = {"model": "{model}", "project_id": "p", "batch": "{tier}", "input_tokens": "{input}"} | {
    "input_cached_tokens": "{cached}", "output_tokens": "{output}", "num_model_requests": "{requests}",
}  # fmt: skip
COSTS = {"amount.value": "{amount}", "amount.currency": "usd", "line_item": "{model}, {tier}{kind}"} | {
    "quantity": "{quantity}", "quantity_unit": "1000_tokens", "project_id": "p",
}  # fmt: skip
SECONDS = {"start_time": "{start_s}", "end_time": "{end_s}"}

LAYOUTS = (
    Layout(
        "openai_costs", "openai", GPT, SECONDS | {"object": "organization.costs.result"} | COSTS, OPENAI_KINDS,
        OPENAI_TIERS, True, tuple(SECONDS), "1K",
    ),
    Layout(
        "openai_costs_csv", "openai", GPT,
        SECONDS | {"amount_value": "{amount}", "amount_currency": "usd", "quantity": "{quantity}"}
        | {"quantity_unit": "tokens", "line_item": "{model}, {tier}{kind}"},
        OPENAI_KINDS, OPENAI_TIERS,
    ),
    Layout(
        "openai_usage_completions", "openai", GPT,
        SECONDS | {"object": "organization.usage.completions.result"} | OPENAI_USAGE,
        {}, {"": "false", "batch": "true"}, True, tuple(SECONDS), has_amount=False,
    ),
    Layout(
        "openai_usage_embeddings", "openai", {"text-embedding-3-small": "text-embedding-3-small"},
        SECONDS | {"object": "organization.usage.embeddings.result", "model": "{model}"}
        | {"input_tokens": "{input}", "num_model_requests": "{requests}"},
        {}, {"": ""}, True, tuple(SECONDS), has_amount=False, has_cached=False,
    ),
    Layout(
        "openai_usage_csv", "openai", GPT, SECONDS | OPENAI_USAGE, {}, {"": "false", "batch": "true"}, has_amount=False,
    ),
    Layout(
        "anthropic_analytics_cost", "anthropic", CLAUDE,
        PERIOD | {"group.model": "{model}", "group.token_type": "{kind}", "group.service_tier": "{tier}"}
        | {"cost.amount": "{cents}", "cost.currency": "USD"},
        ANTHROPIC_KINDS, TIERS, True, has_quantity=False,
    ),
    Layout(
        "anthropic_analytics_usage", "anthropic", CLAUDE,
        PERIOD | {"group.model": "{model}", "group.service_tier": "{tier}", "usage.output_tokens": "{output}"}
        | {"usage.uncached_input_tokens": "{uncached}", "usage.cache_read_input_tokens": "{cached}"},
        {}, TIERS, True, has_amount=False,
    ),
    Layout(
        "anthropic_usage_report", "anthropic", CLAUDE,
        PERIOD | {"model": "{model}", "service_tier": "{tier}", "uncached_input_tokens": "{uncached}"}
        | {"cache_read_input_tokens": "{cached}", "output_tokens": "{output}"},
        {}, TIERS, True, tuple(PERIOD), has_amount=False,
    ),
    Layout(
        "anthropic_cost_report", "anthropic", CLAUDE,
        PERIOD | {"amount": "{cents}", "currency": "USD", "model": "{model}", "service_tier": "{tier}"}
        | {"token_type": "{kind}", "description": "{model} usage"},
        ANTHROPIC_KINDS, TIERS, True, tuple(PERIOD), has_quantity=False,
    ),
    Layout(
        "anthropic_console_usage", "anthropic", CLAUDE,
        {"usage_date_utc": "{date}", "model_version": "{model}", "usage_type": "{tier}"}
        | {"usage_input_tokens_no_cache": "{uncached}", "usage_input_tokens_cache_read": "{cached}"}
        | {"usage_output_tokens": "{output}"},
        {}, {"": "standard", "batch": "message batch"}, has_amount=False,
    ),
    Layout(
        "anthropic_console_cost", "anthropic", DISPLAYED,
        {"usage_date_utc": "{date}", "model": "{model}", "usage_type": "{tier}", "token_type": "{kind}"}
        | {"cost_usd": "{amount}"},
        CONSOLE_KINDS, {"": "message", "batch": "message batch"}, has_quantity=False,
    ),
    Layout(
        "aws_cur", "aws.bedrock",
        {"anthropic.claude-haiku-4-5-20251001-v1:0": "Claude4.5Haiku", "anthropic.claude-sonnet-4-5-20250929-v1:0": "Claude4.5Sonnet"},
        {"line_item_usage_type": "USE1-{model}-{kind}{tier}", "line_item_product_code": "AmazonBedrock"}
        | {"line_item_usage_start_date": "{start}", "line_item_usage_end_date": "{end}"}
        | {"line_item_usage_amount": "{quantity}", "pricing_unit": "1K tokens", "line_item_unblended_cost": "{amount}"},
        {UNCACHED: "input-tokens", CACHED: "cache-read-input-token-count", OUTPUT: "output-tokens"},
        {"": "", "batch": "-batch"}, unit="1K",
    ),
    Layout(
        "azure_export", "azure.ai.openai", {"gpt-4o-2024-11-20": "gpt 4o 1120", "gpt-4o-mini-2024-07-18": "gpt 4o mini 0718"},
        {"Date": "{date}", "MeterCategory": "Azure OpenAI", "MeterName": "{model} {kind} {tier}glbl Tokens"}
        | {"Quantity": "{quantity}", "UnitOfMeasure": "1M", "CostInBillingCurrency": "{amount}", "BillingCurrency": "USD"},
        {UNCACHED: "Inp", CACHED: "cached Inp", OUTPUT: "Outp"}, {"": "", "batch": "Batch "}, unit="1M",
    ),
    Layout(
        "gcp_billing", "gcp.gemini", {"gemini-2.5-flash": "gemini 2.5 flash", "gemini-2.5-pro": "gemini 2.5 pro"},
        {"service.description": "Gemini API", "sku.description": "Generate content {kind} token count {model} text{tier}"}
        | {"usage_start_time": "{start}", "usage_end_time": "{end}", "usage.amount": "{quantity}", "usage.unit": "count"}
        | {"cost": "{amount}", "currency": "USD", "cost_type": "regular"},
        {UNCACHED: "input", CACHED: "cached input", OUTPUT: "output"}, {"": "", "batch": " batch"},
    ),
    Layout(
        "focus", "openai", GPT,
        {"BillingAccountId": "a", "BilledCost": "{amount}", "BillingCurrency": "USD", "ChargeCategory": "Usage"}
        | {"ChargePeriodStart": "{start}", "ChargePeriodEnd": "{end}", "ProviderName": "OpenAI"}
        | {"ConsumedQuantity": "{quantity}", "ConsumedUnit": "Tokens", "SkuMeter": "{kind}", "x_Model": "{model}"},
        {meter: meter for meter in METERS},
    ),
    Layout(
        "openrouter_activity", "openrouter", {"openai/gpt-4o-mini": "openai/gpt-4o-mini", "openai/gpt-4o": "openai/gpt-4o"},
        {"date": "{date}", "model": "{model}", "model_permaslug": "{model}", "usage": "{amount}", "requests": "{requests}"}
        | {"prompt_tokens": "{input}", "completion_tokens": "{output}", "cached_tokens": "{cached}"},
        is_json=True,
    ),
    Layout(
        "openrouter_activity_csv", "openrouter", {"openai/gpt-4o-mini": "openai/gpt-4o-mini", "openai/gpt-4o": "openai/gpt-4o"},
        {"Date": "{date}", "Slug": "{model}", "Usage": "{amount}", "Requests": "{requests}", "Prompt Tokens": "{input}"}
        | {"Completion Tokens": "{output}", "Cached Tokens": "{cached}"},
    ),
    Layout(
        "deepseek_amount", "deepseek", {"deepseek-chat": "deepseek-chat", "deepseek-reasoner": "deepseek-reasoner"},
        {"user_id": "u", "utc_date": "{date}", "model": "{model}", "type": "{kind}", "price": "{price}"}
        | {"amount": "{quantity}", "currency": "USD"},
        {UNCACHED: "input_cache_miss_tokens", CACHED: "input_cache_hit_tokens", OUTPUT: "output_tokens"},
    ),
    Layout(
        "deepseek_cost", "deepseek", {"deepseek-chat": "deepseek-chat", "deepseek-reasoner": "deepseek-reasoner"},
        {"user_id": "u", "utc_date": "{date}", "model": "{model}", "wallet_type": "paid", "cost": "{amount}"}
        | {"currency": "USD"},
        has_quantity=False, has_cached=False,
    ),
    Layout(
        "together_usage", "together_ai",
        {name: name for name in ("meta-llama/Llama-3.3-70B-Instruct-Turbo", "openai/gpt-oss-120b")},
        {"start_time": "{start}", "end_time": "{end}", "product_name": "{model} {kind}"}
        | {"quantity": "{quantity}", "unit": "1m_tokens", "unit_price": "{price}", "cost": "{amount}"},
        {UNCACHED: "Input", CACHED: "Cached Input", OUTPUT: "Output"}, is_json=True, unit="1M", has_cached=False,
    ),
    Layout(
        "litellm_spend_logs", "openai", GPT,
        {"request_id": "{number}", "call_type": "acompletion", "spend": "{amount}", "prompt_tokens": "{input}"}
        | {"completion_tokens": "{output}", "startTime": "{date} 10:00:00", "endTime": "{date} 10:00:02"}
        | {"model": "{model}", "custom_llm_provider": "openai"},
        has_cached=False,
    ),
)  # fmt: skip


def rows_of(layout: Layout, lines: Iterable[Line]) -> list[dict[str, str]]:
    """Return the rows of *lines*: one each, or one for a model, day and tier."""
    if layout.kinds:
        return [_row(layout, number, line, {}) for number, line in enumerate(lines)]
    places: dict[tuple[datetime, str, str], list[Line]] = {}
    for line in lines:
        places.setdefault((line.day, line.model, line.tier), []).append(line)
    rows = []
    for number, held in enumerate(places.values()):
        parts = {line.meter: line.quantity for line in held}
        whole = held[0]._replace(amount=sum((line.amount for line in held), Fraction(0)))
        rows.append(_row(layout, number, whole, parts))
    return rows


def _row(layout: Layout, number: int, line: Line, parts: Mapping[str, Fraction]) -> dict[str, str]:
    end = line.day + timedelta(days=1)
    uncached, cached, output = (parts.get(meter, Fraction(0)) for meter in METERS)
    values = {
        "number": f"r{number}",
        "date": line.day.date().isoformat(),
        "start": f"{line.day:%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{end:%Y-%m-%dT%H:%M:%SZ}",
        "start_s": str(int(line.day.timestamp())),
        "end_s": str(int(end.timestamp())),
        "model": layout.models[line.model],
        "tier": layout.tiers.get(line.tier, ""),
        "kind": layout.kinds.get(line.meter, ""),
        "quantity": decimal_text(line.quantity / WRITTEN_IN[layout.unit]),
        "amount": decimal_text(line.amount),
        "cents": decimal_text(line.amount * 100),
        "price": decimal_text(line.amount / line.quantity) if line.quantity else "0",
        "requests": str(line.requests),
        "uncached": str(uncached),
        "cached": str(cached),
        "input": str(uncached + cached),
        "output": str(output),
    }
    return {column: template.format(**values) for column, template in layout.row.items()}


def written(layout: Layout, lines: Iterable[Line]) -> str:
    """Return the file of *lines*."""
    rows = rows_of(layout, lines)
    if layout.is_json:
        return json.dumps({"data": _buckets(layout, rows)})
    out = io.StringIO()
    writer = csv.DictWriter(out, tuple(layout.row))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _buckets(layout: Layout, rows: list[dict[str, str]]) -> list[Any]:
    if not layout.above:
        return [_nested(row) for row in rows]
    buckets: dict[tuple[str, ...], list[Any]] = {}
    for row in rows:
        place = tuple(row[name] for name in layout.above)
        buckets.setdefault(place, []).append(
            _nested({name: text for name, text in row.items() if name not in layout.above})
        )
    return [{**dict(zip(layout.above, place, strict=True)), "results": held} for place, held in buckets.items()]


def _nested(row: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, text in row.items():
        *above, last = name.split(".")
        place = found
        for part in above:
            place = place.setdefault(part, {})
        place[last] = text
    return found
