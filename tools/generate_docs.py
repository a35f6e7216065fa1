# SPDX-License-Identifier: Apache-2.0
"""Generate what repeats code and registry: docs/statuses.md, docs/settings.md, and the table in README.md.

Run as `python -m tools.generate_docs [--check]`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from spancost.core import reasons
from tools import generate_semconv
from tools.generated import ROOT, Targets, main, read
from tools.settings_page import settings_page

README = ROOT / "README.md"
README_TABLE = re.compile(r"(<!-- attributes: generated from semconv/registry -->\n).*?(<!-- end -->)", re.DOTALL)
README_GROUPS = {"llm.call", "llm.subtree", "llm.trace"}


def rows(pairs: Iterable[tuple[str, str]]) -> str:
    """Return Markdown table rows of (code, sentence) pairs."""
    return "".join(f"| `{code}` | {sentence} |\n" for code, sentence in pairs)


def statuses_page() -> str:
    """Return docs/statuses.md."""
    attributes = {attribute.key: attribute for group in generate_semconv.load() for attribute in group.attributes}
    return f"""\
<!-- Generated from semconv/registry and src/spancost/core/reasons.py by tools/generate_docs.py. -->
# Statuses and reasons

Every LLM call carries `llm.cost_status`, and `llm.cost_reason` whenever the status is not `priced`. A call of which no
cost can be said has no cost attribute at all: `0` means free, never unknown.

## `llm.cost_status`

| status | meaning |
|---|---|
{rows(attributes["llm.cost_status"].members)}
A root's `llm.trace_cost_complete` is false as soon as something beneath it is partial, unpriced or late.

## `llm.cost_reason`

A reason may be followed by `:` and the name of the meter it is about, as in `missing_rate:web_searches`.

| reason | meaning |
|---|---|
{rows(sorted(reasons.SENTENCES.items()))}
## `llm.cost_source`

| source | meaning |
|---|---|
{rows(attributes["llm.cost_source"].members)}"""


def readme() -> str:
    """Return README.md with its table of attributes as the registry has them."""
    table = "".join(
        f"| **{group.brief}** | | |\n" + "".join(f"| `{a.key}` | {a.type} | {a.brief} |\n" for a in group.attributes)
        for group in generate_semconv.load()
        if group.id in README_GROUPS
    )
    return README_TABLE.sub(
        lambda match: f"{match[1]}| attribute | type | meaning |\n|---|---|---|\n{table}{match[2]}", read(README)
    )


TARGETS: Targets = {
    ROOT / "docs" / "statuses.md": statuses_page,
    ROOT / "docs" / "settings.md": settings_page,
    README: readme,
}

if __name__ == "__main__":
    sys.exit(main(__doc__ or "", TARGETS, sys.argv[1:]))
