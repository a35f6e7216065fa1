# SPDX-License-Identifier: Apache-2.0
"""A month of calls and the usage and cost reports that a provider would make of them, with differences put in."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

from spancost.bills.literal import decimal_text
from tests.reports.otlp import request

FIRST = datetime(2026, 11, 1, tzinfo=timezone.utc)
DAYS = 5
# USD per million: uncached, cached, output, as on the rate card on 2026-11-30.
RATES = {"gpt-4o-mini": ("0.15", "0.075", "0.6"), "gpt-4o": ("2.5", "1.25", "10")}
METERS = ("uncached_input_tokens", "cache_read_tokens", "output_tokens")
HEADING = (
    *("start_time_iso", "end_time_iso", "amount_value", "amount_currency", "quantity", "quantity_unit", "line_item"),
    *("start_time", "end_time", "project_id"),
)
KINDS = ("input", "cached input", "output")


class MonthCall(NamedTuple):
    """One call: what the spans report."""

    at: datetime
    model: str
    input: int
    cached: int
    output: int
    service: str = "shop"
    tier: str = ""
    failed: bool = False

    def quantities(self) -> tuple[int, int, int]:
        return self.input - self.cached, self.cached, self.output


def month(seed: int = 1, a_day: int = 12, models: Sequence[str] = ("gpt-4o-mini", "gpt-4o")) -> list[MonthCall]:
    """Return calls of *models* and two services, no two alike in one second."""
    draw = random.Random(seed)
    calls = []
    for day in range(DAYS):
        for number in range(a_day):
            size = draw.randrange(1000, 9000)
            at = FIRST + timedelta(days=day, hours=1, seconds=400 * number)
            model, service = models[number % len(models)], ("shop", "chat")[number % 3 == 0]
            calls.append(MonthCall(at, model, size, draw.randrange(0, size // 2), draw.randrange(50, 500), service))
    return calls


def spans_file(path: Path, calls: Iterable[MonthCall], provider: str = "openai", operation: str = "chat") -> Path:
    """Write *calls* as OTLP JSON."""
    lines = []
    for number, call in enumerate(calls, 1):
        begin = int(call.at.timestamp()) * 10**9
        values: dict[str, Any] = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": provider,
            "gen_ai.response.model": call.model,
            "gen_ai.usage.input_tokens": call.input,
            "gen_ai.usage.cache_read.input_tokens": call.cached,
            "gen_ai.usage.output_tokens": call.output,
        }
        if call.tier:
            values["openai.response.service_tier"] = call.tier
        if call.failed:
            values["error.type"] = "TimeoutError"
        attributes = [
            {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
            for key, value in values.items()
        ]
        span = {
            "traceId": f"{number:032x}",
            "spanId": f"{number:016x}",
            "name": "chat",
            "startTimeUnixNano": str(begin),
            "endTimeUnixNano": str(begin + 10**9),
            "attributes": attributes,
        }
        lines.append(json.dumps(request(span, service=call.service)))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


class Billed(NamedTuple):
    """One cell of the bill."""

    day: datetime
    model: str
    meter: int
    tier: str
    quantity: Fraction
    amount: Fraction


def billed(calls: Iterable[MonthCall]) -> list[Billed]:
    """Return what the provider bills for *calls*, by day, model, kind and tier."""
    sums: dict[tuple[datetime, str, int, str], int] = {}
    for call in calls:
        day = call.at.replace(hour=0, minute=0, second=0)
        for meter, quantity in enumerate(call.quantities()):
            key = (day, call.model, meter, call.tier)
            sums[key] = sums.get(key, 0) + quantity
    return [
        Billed(*key, Fraction(quantity), quantity * Fraction(RATES[key[1]][key[2]]) / 10**6)
        for key, quantity in sorted(sums.items())
    ]


def costs_csv(path: Path, lines: Iterable[Billed], change: Callable[[Billed], Billed] = lambda line: line) -> Path:
    """Write the cost export of the dashboard."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEADING)
    for line in map(change, lines):
        end = line.day + timedelta(days=1)
        item = f"{line.model}, {line.tier} {KINDS[line.meter]}" if line.tier else f"{line.model}, {KINDS[line.meter]}"
        amount, quantity = decimal_text(line.amount), decimal_text(line.quantity)
        seconds = int(line.day.timestamp()), int(end.timestamp())
        writer.writerow(
            [line.day.isoformat(), end.isoformat(), amount, "usd", quantity, "tokens", item, *map(str, seconds), "p"]
        )
    path.write_text(out.getvalue(), encoding="utf-8")
    return path
