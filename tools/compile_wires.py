#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile semconv/wires/**.yaml into one canonical JSON file that both languages read (semconv/compiled/wires.json).

Names that a shape `extends` are resolved here, unknown keys are refused, and the version is the date of no clock but
the first 12 hex digits of the sha256 of the content. `--check` writes nothing and fails when the file differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import pathlib
import sys
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

from spancost.core.wire.match import Wires

ROOT = pathlib.Path(__file__).resolve().parent.parent / "semconv" / "wires"
SHAPE_KEYS = {
    "assumed",
    "batch",
    "characters_per_token",
    "output_text",
    "tiers",
    "usage_on_request",
    "keep_latest",
    "about",
    "extends",
    "parse_if",
    "parse_also_if",
    "done",
    "end",
    "complete",
    "pending",
    "read",
    "facts",
    "context",
    "meters",
    "billed",
    "cost",
    "additional_usage",
    "unwrap",
}
RULE_KEYS = {"slot", "from", "when", "how", "count", "pick", "each", "distinct"}
ENDPOINT_KEYS = {"path", "method", "shape", "operation", "kind"}
PROVIDER_KEYS = {"provider", "about", "hosts", "sets", "endpoints", "use", "gateway", "upstream", "names", "others"}
OUTPUT_TEXT_KEYS = {"each", "when"}
ADDITIONAL_KEYS = {
    "rows",
    "name",
    "kind",
    "model",
    "model_slot",
    "model_name",
    "needs_model",
    "when",
    "inside",
    "meters",
}
BATCH_KEYS = {"whole", "rows", "answer", "key", "model", "shapes"}


def load(path: pathlib.Path) -> Any:
    """Return the plain value of a YAML file."""
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(path)))


def refuse_unknown(where: str, found: Mapping[str, Any], known: set[str]) -> None:
    """Exit naming the keys of *found* that are not *known*."""
    extra = sorted(set(found) - known)
    if extra:
        sys.exit(f"{where}: found {', '.join(extra)}; expected only {', '.join(sorted(known))}")


def shapes() -> dict[str, Any]:
    """Return every shape, its parents' parts put into it."""
    raw: dict[str, Any] = {}
    for path in sorted((ROOT / "shapes").glob("*.yaml")):
        for name, shape in load(path).items():
            refuse_unknown(f"{path.name} {name}", shape, SHAPE_KEYS)
            for rule in shape.get("read", ()):
                refuse_unknown(f"{path.name} {name}.read", rule, RULE_KEYS)
            for row in shape.get("output_text") or ():
                refuse_unknown(f"{path.name} {name}.output_text", row, OUTPUT_TEXT_KEYS)
            for row in shape.get("additional_usage") or ():
                refuse_unknown(f"{path.name} {name}.additional_usage", row, ADDITIONAL_KEYS)
            refuse_unknown(f"{path.name} {name}.batch", shape.get("batch") or {}, BATCH_KEYS)
            if name in raw:
                sys.exit(f"{path.name}: found {name} twice; expected each shape once")
            raw[name] = shape
    return {name: flat(raw, name) for name in raw}


def flat(raw: Mapping[str, Any], name: str, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return shape *name* with what it extends: rules appended, mappings merged (null takes away), else replaced."""
    if name in seen or name not in raw:
        sys.exit(f"shape {name}: extends {' -> '.join(seen)}; expected a known shape and no circle")
    shape = {k: v for k, v in raw[name].items() if k not in ("about", "extends")}
    if "extends" not in raw[name]:
        return shape
    base = flat(raw, raw[name]["extends"], (*seen, name))
    merged = {**base, **shape}
    merged["read"] = base["read"] + shape.get("read", [])
    for key in ("meters", "facts", "context"):
        both = {**base.get(key, {}), **shape.get(key, {})}
        merged[key] = {k: v for k, v in both.items() if v is not None}
    if "parse_also_if" in merged:
        merged["parse_if"] = base["parse_if"] + merged.pop("parse_also_if")
    return {k: v for k, v in merged.items() if v is not None}


def providers() -> list[dict[str, Any]]:
    """Return every provider's rows in the order of their files' names."""
    rows: list[dict[str, Any]] = []
    for path in sorted((ROOT / "providers").glob("*.yaml")):
        found = load(path)
        for row in found if isinstance(found, list) else [found]:
            refuse_unknown(path.name, row, PROVIDER_KEYS)
            for endpoint in row.get("endpoints", ()):
                refuse_unknown(f"{path.name} endpoints", endpoint, ENDPOINT_KEYS)
            rows.append({k: v for k, v in row.items() if k != "about"})
    return rows


def signatures() -> dict[str, Any]:
    """Return what holds for every provider: signatures of answers, and how text is counted."""
    return {**load(ROOT / "signatures.yaml"), **load(ROOT / "text.yaml")}


def compiled() -> bytes:
    """Return the canonical file: sorted keys, one space of indent, a final line end."""
    sets = load(ROOT / "endpoints.yaml")
    for name, rows in sets.items():
        for row in rows:
            refuse_unknown(f"endpoints.yaml {name}", row, ENDPOINT_KEYS)
    body = {"kind": "wires", "shapes": shapes(), "sets": sets, "providers": providers(), **signatures()}
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return (json.dumps({**body, "version": digest[:12]}, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()


def main() -> None:
    """Write the file, or with --check compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the compiled file is not up to date")
    check = parser.parse_args().check
    content, target = compiled(), ROOT.parent / "compiled" / "wires.json"
    Wires.from_bytes(content)
    if check and (not target.exists() or target.read_bytes() != content):
        sys.exit("semconv/compiled/wires.json: differs from its YAML; run python tools/compile_wires.py")
    if not check:
        target.parent.mkdir(exist_ok=True)
        target.write_bytes(content)


if __name__ == "__main__":
    main()
