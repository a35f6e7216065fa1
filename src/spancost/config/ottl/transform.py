# SPDX-License-Identifier: Apache-2.0
"""Generates statements of the transform processor that price spans of OpenTelemetry's conventions.

Prices lie in two texts: names with the number of their row, and rows of a fixed width. `Index` finds the row,
`Substring` reads it: some microseconds a span whatever the number of models; a statement a model costs milliseconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from spancost.config.ottl.rows import METERS, Row, Table
from spancost.core.pricing.card import RateCard

_BOUND_WIDTH = 9
_ROW_WIDTH = 4
_PER_MILLION_DIGITS = 9  # a femto-dollar for one token is 1e-9 USD for a million
_ANY_DATE = (
    r"[-@](20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])|20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01]))=$$"
)
_INCLUSIVE = r"^opentelemetry[.](instrumentation[.](genai[.].+|openai_v2|google_genai|vertexai.*)|util[.]genai.*)$$"
"""Scopes whose input is known to hold what was read from and written to the cache."""
_KEY = 'span.cache["k"]'
_AT = 'span.cache["i"]'
_OPERATIONS = ("chat", "generate_content", "text_completion", "embeddings")


def attribute(name: str) -> str:
    """Return the path of a span's attribute."""
    return f'span.attributes["{name}"]'


_PROVIDER = attribute("gen_ai.provider.name")
_SYSTEM = attribute("gen_ai.system")
_TIERS = (attribute("openai.response.service_tier"), attribute("gen_ai.openai.response.service_tier"))
_COUNTS = {
    "in": ("gen_ai.usage.input_tokens",),
    "out": ("gen_ai.usage.output_tokens",),
    "read": ("gen_ai.usage.cache_read.input_tokens", "gen_ai.usage.cache_read_input_tokens"),
    "written": ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens"),
}


def configuration(card: RateCard, tables: Sequence[tuple[str, Table]], day: str) -> str:
    """Return the configuration of `transform/llm_cost` for some providers, as YAML; *day* is when it was made."""
    lines = [*_about(card, tables, day), "processors:", "  transform/llm_cost:", "    error_mode: silent"]
    lines.append("    trace_statements:")
    for provider, table in tables:
        lines += ["      - context: span", "        conditions:"]
        lines.append(f"          - {json.dumps(_condition(card, provider))}")
        lines.append("        statements:")
        lines += [f"          - {json.dumps(statement)}" for statement in _statements(card, provider, table)]
    return "\n".join(lines) + "\n"


_HEAD = """\
# SPDX-License-Identifier: Apache-2.0
# Made by `spancost collector-config --stock` on {day} from rate card {version}.
# Prices change: generate it again. For otelcol-contrib 0.131 or later, with a configuration whose pipeline names
# transform/llm_cost.
# It writes standard rates on spans of OpenTelemetry's conventions, with status `estimated`.
# Not supported: totals on roots, one price for a call that two spans report, other dialects, batch and tiers, regions,
# audio, images, tools, prices of another day, exact decimals. llm_cost and llm_cost_rollup support them.
# A span gets no cost if the cost would be wrong: input above a long-context step, a tier other than the standard one, a
# host that is not the provider's, counts that are not whole numbers or exceed their total, cached input from an
# instrumentation that is not known to include it in the input."""


def _about(card: RateCard, tables: Sequence[tuple[str, Table]], day: str) -> Iterator[str]:
    yield _HEAD.format(day=day, version=card.version)
    for provider, table in tables:
        yield f"# {provider}: {len(table.names)} names in {len(table.rows)} rows; left out {len(table.refused)}:"
        for why in sorted(set(table.refused.values())):
            yield f"#   {sum(found == why for found in table.refused.values())} because {why}"


def _condition(card: RateCard, provider: str) -> str:
    spelled = [
        f'{_PROVIDER} == "{name}" or ({_PROVIDER} == nil and {_SYSTEM} == "{name}")'
        for name in _spellings(card, provider)
    ]
    operations = " or ".join(f'{attribute("gen_ai.operation.name")} == "{name}"' for name in _OPERATIONS)
    parts = [
        f"({' or '.join(spelled)})",
        f"({operations})",
        f"IsInt({attribute('gen_ai.usage.input_tokens')})",
        f"{attribute('llm.cost_status')} == nil",
        *(f'({tier} == nil or {tier} == "default" or {tier} == "standard")' for tier in _TIERS),
    ]
    hosts = "|".join(re.escape(host).replace("\\", "\\\\") for host in _hosts(card, provider))
    address = attribute("server.address")
    own = f'IsMatch({address}, "^({hosts})$$")' if hosts else "false"
    return " and ".join([*parts, f"({address} == nil or {own})"])


def _spellings(card: RateCard, provider: str) -> list[str]:
    known = card.provider_names.spellings(provider)
    return [name for name in known if re.fullmatch(r"[a-z0-9._ -]+", name)]


def _hosts(card: RateCard, provider: str) -> list[str]:
    return [host for host in card.provider_names.hosts(provider) if not card.fact_words.at_host(host).facts]


def _statements(card: RateCard, provider: str, table: Table) -> Iterator[str]:
    digits = max((_digits(price) for row in table.rows for price in row.prices), default=0)
    whole = max((len(str(price // 10**_PER_MILLION_DIGITS)) for row in table.rows for price in row.prices), default=1)
    width = whole + 1 + digits
    row_width = width * len(METERS) + _BOUND_WIDTH
    names = "".join(f";{name}={row:0{_ROW_WIDTH}d}" for name, row in table.names.items())
    rows = "".join(_cells(row, whole, digits) for row in table.rows)
    answered = attribute("gen_ai.response.model")
    find = f'set({_AT}, Index(span.cache["n"], {_KEY}))'
    yield f'set(span.cache["m"], {attribute("gen_ai.request.model")})'
    yield f'set(span.cache["m"], {answered}) where {answered} != nil'
    yield f'set(span.cache["n"], "{names};")'
    yield f'set({_KEY}, Concat([";", ConvertCase(span.cache["m"], "lower"), "="], "")) where IsString(span.cache["m"])'
    yield f"set({_AT}, -1)"
    yield f"{find} where {_KEY} != nil"
    yield f'replace_pattern({_KEY}, "{_ANY_DATE}", "*date=") where {_AT} < 0 and {_KEY} != nil'
    yield f"{find} where {_AT} < 0 and {_KEY} != nil"
    at = f'{row_width} * Int(Substring(span.cache["n"], {_AT} + Len({_KEY}), {_ROW_WIDTH}))'
    yield f'set(span.cache["r"], Substring("{rows}", {at}, {row_width})) where {_AT} >= 0'
    for name, keys in _COUNTS.items():
        yield f'set(span.cache["{name}"], 0)'
        for key in keys:
            yield f'set(span.cache["{name}"], {attribute(key)}) where {attribute(key)} != nil'
    counts = " and ".join(f'IsInt(span.cache["{name}"]) and span.cache["{name}"] >= 0' for name in _COUNTS)
    bound = f'Int(Substring(span.cache["r"], {width * len(METERS)}, {_BOUND_WIDTH}))'
    cached = 'span.cache["read"] + span.cache["written"]'
    known = f'({cached} == 0 or IsMatch(instrumentation_scope.name, "{_INCLUSIVE}"))'
    fits = f'span.cache["in"] < {bound} and {cached} <= span.cache["in"] and {known}'
    yield f'set(span.cache["ok"], true) where span.cache["r"] != nil and {counts}'
    priced = [
        f'Double({count}) * Double(Substring(span.cache["r"], {width * place}, {width}))'
        for place, count in enumerate(
            (
                'span.cache["in"] - span.cache["read"] - span.cache["written"]',
                'span.cache["read"]',
                'span.cache["written"]',
                'span.cache["out"]',
            )
        )
    ]
    cost = attribute("llm.request_cost_usd")
    yield f'set({cost}, ({" + ".join(priced)}) / 1000000.0) where span.cache["ok"] == true and {fits}'
    for key, value in (
        ("llm.provider", f'"{provider}"'),
        ("llm.model", 'span.cache["m"]'),
        ("llm.input_tokens", 'span.cache["in"]'),
        ("llm.output_tokens", 'span.cache["out"]'),
        ("llm.cost_source", '"rate_card"'),
        ("llm.pricing_version", f'"{card.version}"'),
        ("llm.cost_reason", '"assumed_fact:service_tier"'),
        ("llm.cost_status", '"estimated"'),
    ):
        yield f"set({attribute(key)}, {value}) where {cost} != nil"


def _digits(price: int) -> int:
    """Return how many decimals the price of a million tokens needs in USD."""
    return len(f"{price % 10**_PER_MILLION_DIGITS:0{_PER_MILLION_DIGITS}d}".rstrip("0"))


def _cells(row: Row, whole: int, digits: int) -> str:
    cells = []
    for price in row.prices:
        rest = f"{price % 10**_PER_MILLION_DIGITS:0{_PER_MILLION_DIGITS}d}"[:digits]
        cells.append(f"{price // 10**_PER_MILLION_DIGITS:0{whole}d}.{rest}")
    return "".join(cells) + f"{row.bound:0{_BOUND_WIDTH}d}"
