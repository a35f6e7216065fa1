# SPDX-License-Identifier: Apache-2.0
"""`spancost explain`: prints how the cost of one call is computed."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from spancost.cli.call_json import CallError, call_of, parse, quantity_of
from spancost.cli.call_of_span import attributes_of, call_row_of
from spancost.cli.near import NearNames
from spancost.cli.price import card_named, card_option, contract_option, number, pricer_of
from spancost.config.data import is_version
from spancost.core import reasons
from spancost.core.call import Call
from spancost.core.contract.price import ContractPricer
from spancost.core.money import usd_text
from spancost.core.pricing.price import CostBreakdown, Item, Pricer
from spancost.core.reasons import SENTENCES

_UNITS = {1_000_000: "1M", 1_000: "1k", 3_600: "hour", 1: "1"}
_BASES = {
    "page": "read on the provider's page",
    "two_catalogues": "two catalogues agree",
    "one_catalogue": "from one catalogue, not checked since",
    "contract": "by contract: the model is not on the rate card",
}


@click.command(name="explain")
@click.option("--provider", help="Provider, such as openai or aws.bedrock.")
@click.option("--model", help="Model as the response names it.")
@click.option("--usage", multiple=True, metavar="METER=QUANTITY", help="Used quantity; may be repeated.")
@click.option("--at", metavar="TIME", help="Start time of the call (2026-11-21T12:00:00Z); default: now.")
@click.option("--tier", help="Service tier that was served.")
@click.option("--batch", is_flag=True, help="The call was part of a batch.")
@click.option("--context", multiple=True, metavar="FACT=VALUE", help="A fact that changes prices, such as speed=fast.")
@card_option
@contract_option
@click.option("--seconds", metavar="SECONDS", help="Duration of the call, for a contract that charges by time.")
def command(card_name: str | None, contract_path: Path | None, **options: Any) -> None:
    """Show the line items of one call: published prices, multipliers, source and rate card version.

    Without --provider, the call is read from standard input: a JSON object as `spancost price` reads it, or a span
    with attributes as `spancost enrich` writes it.
    """
    try:
        row, written, attributes = _row(options)
        named = written.get("pricing_version")
        if card_name is None and named is not None and not is_version(named):
            raise CallError(f"llm.pricing_version: found {named!r}; expected YYYY.MM.DD-<12 hex digits>")
        card = card_named(card_name or named)
        call = call_of(row)
        strange = [meter for meter in call.usage if meter not in card.units.meters]
        if strange and options["usage"]:
            known = ", ".join(sorted(card.units.meters))
            raise CallError(f"--usage: found {strange[0]!r}, which is not a meter; expected one of {known}")
    except CallError as error:
        raise click.ClickException(str(error)) from error
    pricer = pricer_of(card, contract_path)
    if isinstance(pricer, ContractPricer):
        call = call._replace(context=pricer.facts_of(call.context, attributes, None))
    click.echo("\n".join([*explanation(call, pricer, written), *_near(NearNames(card), call, pricer)]))


def _near(near: NearNames, call: Call, pricer: Pricer) -> list[str]:
    """Return lines that list models with similar names when a model has no price."""
    unknown = pricer.price(call).reason in (reasons.UNKNOWN_MODEL, reasons.UNKNOWN_PROVIDER)
    names = near.of(call) if unknown else ()
    if not names:
        return []
    known = ", ".join(f"{name.model} ({name.provider})" for name in names)
    return [f"similar      {known}", "             Their prices are not used."]


def _row(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str], dict[str, Any]]:
    """Return the call in JSON form, the cost attributes of a span, and all its attributes."""
    if options["provider"] is None:
        beside = [name for name in ("model", "usage", "at", "tier", "batch", "context", "seconds") if options[name]]
        if beside:
            raise CallError(f"--provider: found none beside --{beside[0]}; expected a provider, such as openai")
        row = parse(sys.stdin.buffer.read().decode("utf-8-sig", "replace"))
        return (*call_row_of(row), attributes_of(row)) if "usage" not in row else (row, {}, {})
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    usage = {}
    for meter, text in _pairs(options["usage"], "--usage").items():
        usage[meter] = quantity_of(text, f"--usage {meter}")
    row = {
        "provider": options["provider"],
        "model": options["model"],
        "timestamp": options["at"] or now,
        "usage": usage,
        "service_tier": options["tier"],
        "processing": "batch" if options["batch"] else None,
        "context": _pairs(options["context"], "--context"),
        "duration_seconds": quantity_of(options["seconds"], "--seconds") if options["seconds"] else None,
    }
    return {key: value for key, value in row.items() if value is not None}, {}, {}


def _pairs(arguments: tuple[str, ...], option: str) -> dict[str, str]:
    pairs = {}
    for text in arguments:
        key, equals, value = text.partition("=")
        if not equals:
            raise CallError(f"{option}: found {text!r}; expected NAME=VALUE")
        pairs[key.strip()] = value.strip()
    return pairs


def explanation(call: Call, pricer: Pricer, written: dict[str, str]) -> list[str]:
    """Return the lines that explain the cost of *call*; *written* holds the cost attributes of its span."""
    breakdown = pricer.break_down(call)
    cost = breakdown.cost
    amount = "cost unknown" if cost.femto is None else f"${usd_text(cost.femto)}"
    lines = [f"{call.provider}  {call.model}  {_utc(call.at_ns)}", f"{amount}  ({cost.status})", ""]
    if cost.reason is not None:
        code, _, about = cost.reason.partition(":")
        lines += [f"{cost.reason}: {SENTENCES[code]}" + (f" Detail: {about}." if about else ""), ""]
    if breakdown.items:
        lines += [*_table(breakdown, pricer, call), ""]
    lines += _origin(breakdown, pricer)
    on_span = written.get("request_cost_usd")
    suffix = written.get("contract", "")
    if suffix and not pricer.version.endswith(f"+{suffix}"):
        lines.append(f"the span     was priced with the contract {suffix}; pass it with --contract")
    elif on_span is not None and cost.femto is not None:
        result = "match" if _is_same(on_span, cost.femto) else "MISMATCH"
        lines.append(f"the span     ${on_span}: {result}")
    return lines


def _utc(at_ns: int) -> str:
    try:
        at = datetime.fromtimestamp(at_ns // 1_000_000_000, timezone.utc)
    except (ValueError, OverflowError, OSError):  # an offset can leave the calendar's range
        return f"{at_ns} ns since 1970"
    return f"{at.isoformat(' ')[:19]} UTC"


def _is_same(usd: str, femto: int) -> bool:
    try:
        return float(usd) == float(usd_text(femto))
    except ValueError:
        return False


def _table(breakdown: CostBreakdown, pricer: Pricer, call: Call) -> list[str]:
    """Return the line items as aligned columns, the total last."""
    header = ("", "quantity", "published price", "multiplied by", "cost")
    rows = [header]
    for item, line in zip(breakdown.items, pricer.line_items(call), strict=True):
        per = _UNITS.get(line.per, str(line.per))
        published = f"{_dollars(pricer.price_text(item.meter, item.published))} per {per}"
        quantity = number(line.quantity)
        shown = f"{quantity:,}" if isinstance(quantity, int) else f"{quantity:g}"
        if quantity > call.usage.get(item.meter, quantity):
            shown = f"minimum {shown}"
        elif item.quantity == _maximum(breakdown, item.meter):
            shown = f"at most {shown}"
        rows.append((item.meter, shown, published, _factor(item), f"${usd_text(line.femto)}"))
    assert breakdown.cost.femto is not None
    rows.append(("total", "", "", "", f"${usd_text(breakdown.cost.femto)}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    return [
        "  ".join([row[0].ljust(widths[0]), *(row[n].rjust(widths[n]) for n in range(1, len(header)))]).rstrip()
        for row in rows
    ]


def _maximum(breakdown: CostBreakdown, meter: str) -> int | None:
    """Return the greatest quantity that one call is billed for, None without one."""
    return None if breakdown.rate_set is None else breakdown.rate_set.limits.maximum.get(meter)


def _dollars(price: str) -> str:
    """Return a price with at least two decimals."""
    whole, _, cents = price.partition(".")
    return f"${whole}.{cents:0<2}"


def _factor(item: Item) -> str:
    """Return the multiplier of the published price, empty for none."""
    if not item.published[0] or item.rate == item.published:
        return ""
    ratio = Fraction(*item.rate) / Fraction(*item.published)
    return f"{float(ratio):g}"


def _origin(breakdown: CostBreakdown, pricer: Pricer) -> list[str]:
    """Return the origin of the rates: entry, conditions, source, list price next to a contract price, card."""
    lines = []
    if breakdown.rate_set is not None and breakdown.period is not None:
        entry, *conditions = breakdown.rate_set.rate_id.split(";")
        name, _, since = entry.partition("@")
        lines.append(f"rates        {name}, " + ("since launch" if since == "launch" else f"since {since}"))
        if conditions:
            lines.append(f"conditions   {', '.join(_condition(text) for text in conditions)}")
        source = breakdown.period.source
        lines.append(f"source       {source['source']}")
        day = f" ({source['checked']})" if source["checked"] != "unknown" else ""
        lines.append(f"checked      {_BASES[source['basis']]}{day}")
    if breakdown.cost.list_femto is not None:
        lines.append(f"list price   ${usd_text(breakdown.cost.list_femto)}")
    lines.append(f"rate card    {pricer.version}")
    return lines


def _condition(text: str) -> str:
    bound = text.removeprefix("from=")
    return f"from {int(bound):,} tokens on" if bound != text else text
