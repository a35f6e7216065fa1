# SPDX-License-Identifier: Apache-2.0
"""Models that the file of one provider lists and another provider answers for too: Azure's two, at the same hosts."""

from __future__ import annotations

import copy
from typing import Any


def share(line: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return a compiled provider with the entries of *other* that it does not have; its own come first."""
    whole = copy.deepcopy(line)
    models, names = whole["models"], whole["names"]
    taken: set[str] = set()
    for name, target in other["names"].items():
        ids = [target] if isinstance(target, str) else [entry for _, entry in target]
        if name not in names and not set(ids) & line["models"].keys():
            names[name] = target
            taken.update(ids)
    first = len(whole["modifiers"])
    whole["modifiers"] += copy.deepcopy(other["modifiers"])
    for model_id in taken:
        models[model_id] = _moved(other["models"][model_id], other["provider"], first)
    prefixed = {f"{other['provider']}:{key}": url for key, url in other["sources"].items()}
    whole["sources"] |= prefixed
    for fact, row in other.get("facts", {}).items():
        source = {"source": f"{other['provider']}:{row['source']}"} if "source" in row else {}
        whole.setdefault("facts", {}).setdefault(fact, {**row, **source})
    for modifier in whole["modifiers"][first:]:
        modifier["source"] = f"{other['provider']}:{modifier['source']}"
    return whole


def _moved(entry: dict[str, Any], provider: str, first: int) -> dict[str, Any]:
    """Return an entry with its factors counted from *first* on, and its sources under the name of their provider."""
    moved = copy.deepcopy(entry)
    if "modifiers" in moved:
        moved["modifiers"] = [index + first for index in moved["modifiers"]]
    for period in moved["eras"]:
        period["source"] = f"{provider}:{period['source']}"
    return moved
