# SPDX-License-Identifier: Apache-2.0
"""Generate what repeats code and data: docs/statuses.md, docs/settings.md, tables in README.md and docs/pricing.md.

Run as `python -m tools.generate_docs [--check]`.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable

from spancost.core import reasons
from tools import calls_table, generate_semconv, schemas
from tools.generated import ROOT, Targets, main, read
from tools.settings_page import settings_page

README = ROOT / "README.md"
README_TABLE = re.compile(r"(<!-- attributes: generated from semconv/registry -->\n).*?(<!-- end -->)", re.DOTALL)
PRICING = ROOT / "docs" / "pricing.md"
CARD = ROOT / "pricing" / "compiled" / "card.jsonl"
SOURCES = re.compile(
    r"(<!-- sources: generated from pricing/compiled/card.jsonl -->\n).*?(<!-- end of sources -->)", re.DOTALL
)
BASES = {
    "page": "read on the provider's own page",
    "two_catalogues": "two catalogues agree",
    "one_catalogue": "one catalogue",
}
CHECKED = "any, with a known day of the last check"
MAIN_PROVIDERS = (
    "openai",
    "anthropic",
    "gcp.gemini",
    "gcp.vertex_ai",
    "aws.bedrock",
    "azure.ai.openai",
    "mistral_ai",
    "x_ai",
    "deepseek",
    "openrouter",
)
README_GROUPS = {"llm.call", "llm.subtree", "llm.trace"}
README_ATTRIBUTES = {
    *("llm.provider", "llm.model", "llm.input_tokens", "llm.cached_input_tokens", "llm.output_tokens"),
    *("llm.request_cost_usd", "llm.cost_status", "llm.cost_reason", "llm.rate_id", "llm.pricing_version"),
    *("llm.duplicate_of", "llm.subtree_cost_usd", "llm.subtree_unpriced_requests"),
    *("llm.trace_cost_usd", "llm.trace_requests", "llm.trace_cost_complete"),
}
"""Attributes that the README shows; docs/attributes.md has all."""


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Return Markdown table rows of (code, sentence) pairs."""
    return "".join(f"| `{code}` | {sentence} |\n" for code, sentence in pairs)


def statuses_page() -> str:
    """Return docs/statuses.md."""
    attributes = {attribute.key: attribute for group in generate_semconv.load() for attribute in group.attributes}
    return f"""\
<!-- Generated from semconv/registry and src/spancost/core/reasons.py by tools/generate_docs.py. -->
# Statuses and reasons

Every LLM call carries `llm.cost_status`. It carries `llm.cost_reason` when the status is not `priced`. A call with an
unknown cost has no cost attribute: `0` means free, never unknown.

## `llm.cost_status`

| status | meaning |
|---|---|
{rows(attributes["llm.cost_status"].members)}
`llm.trace_cost_complete` on the root is false when a span of its subtree is partial, unpriced or late.

## `llm.cost_reason`

`:` and a meter may follow a reason, as in `missing_rate:web_searches`.

| reason | meaning |
|---|---|
{rows(sorted(reasons.SENTENCES.items()))}
## `llm.cost_source`

| source | meaning |
|---|---|
{rows(attributes["llm.cost_source"].members)}"""


def sources() -> tuple[Counter[str], Counter[tuple[str, str]], int]:
    """Return the card's price entries by basis, by provider and basis, and how many have a day of a check."""
    by_basis: Counter[str] = Counter()
    by_provider: Counter[tuple[str, str]] = Counter()
    checked = 0
    for line in map(json.loads, CARD.read_text(encoding="utf-8").splitlines()):
        for model in line.get("models", {}).values():
            for period in model["eras"]:
                by_basis[period["basis"]] += 1
                by_provider[line.get("provider") or line["seller"], period["basis"]] += 1
                checked += period["checked"] != "unknown"
    return by_basis, by_provider, checked


def share(count: int, total: int) -> str:
    """Return *count* as a percentage of *total*, below 10 % with one decimal."""
    percent = 100 * count / total
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"


def sources_table() -> str:
    """Return the table of price entries by basis, with the share that has a day of a check."""
    by_basis, _, checked = sources()
    total = by_basis.total()
    rows_of = [(text, by_basis[basis]) for basis, text in BASES.items()] + [(CHECKED, checked)]
    lines = "".join(f"| {text} | {count:,} | {share(count, total)} |\n" for text, count in rows_of)
    return f"| basis | entries | share |\n|---|---:|---:|\n{lines}"


def readme() -> str:
    """Return README.md with its tables as the registry and the rate card have them."""
    table = "".join(
        f"| **{group.brief}** | | |\n"
        + "".join(f"| `{a.key}` | {a.type} | {a.brief} |\n" for a in group.attributes if a.key in README_ATTRIBUTES)
        for group in generate_semconv.load()
        if group.id in README_GROUPS
    )
    page = README_TABLE.sub(
        lambda match: f"{match[1]}| attribute | type | meaning |\n|---|---|---|\n{table}{match[2]}", read(README)
    )
    return SOURCES.sub(lambda match: f"{match[1]}{sources_table()}{match[2]}", page)


def pricing_page() -> str:
    """Return docs/pricing.md with its table of sources, in all and for the largest providers."""
    _, by_provider, _ = sources()
    providers = "".join(
        f"| `{provider}` | " + " | ".join(f"{by_provider[provider, basis]:,}" for basis in BASES) + " |\n"
        for provider in MAIN_PROVIDERS
    )
    head = "| provider | " + " | ".join(BASES.values()) + " |\n|---|---:|---:|---:|\n"
    return SOURCES.sub(lambda match: f"{match[1]}{sources_table()}\n{head}{providers}{match[2]}", read(PRICING))


TARGETS: Targets = {
    **schemas.targets(),
    **calls_table.TARGETS,
    ROOT / "docs" / "statuses.md": statuses_page,
    ROOT / "docs" / "settings.md": settings_page,
    PRICING: pricing_page,
    README: readme,
}

if __name__ == "__main__":
    sys.exit(main(__doc__ or "", TARGETS, sys.argv[1:]))
