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
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML

from spancost.core.wire.match import Wires

ROOT = pathlib.Path(__file__).resolve().parent.parent / "semconv" / "wires"
sys.path.insert(0, str(ROOT.parent.parent))

from tools.data_schemas import (  # noqa: E402
    DataError,
    Schema,
    check,
    wire_endpoints,
    wire_providers,
    wire_shapes,
    wire_signatures,
    wire_text,
)


def load(path: pathlib.Path, schema: Callable[[], Schema]) -> Any:
    """Return the plain value of a YAML file; exit when it does not fit *schema*."""
    found = json.loads(json.dumps(YAML(typ="safe", pure=True).load(path)))
    try:
        check(path.name, found, schema)
    except DataError as error:
        sys.exit(str(error))
    return found


def shapes() -> dict[str, Any]:
    """Return every shape, its parents' parts put into it."""
    raw: dict[str, Any] = {}
    for path in sorted((ROOT / "shapes").glob("*.yaml")):
        for name, shape in load(path, wire_shapes).items():
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
        for row in load(path, wire_providers):
            rows.append({k: v for k, v in row.items() if k != "about"})
    return rows


def signatures() -> dict[str, Any]:
    """Return what holds for every provider: signatures of answers, and how text is counted."""
    return {**load(ROOT / "signatures.yaml", wire_signatures), **load(ROOT / "text.yaml", wire_text)}


def compiled() -> bytes:
    """Return the canonical file: sorted keys, one space of indent, a final line end."""
    sets = load(ROOT / "endpoints.yaml", wire_endpoints)
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
