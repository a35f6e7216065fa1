# SPDX-License-Identifier: Apache-2.0
"""Compile `semconv/dialects/*.yaml` into `semconv/compiled/dialects.json`, the one file both languages read.

python tools/compile_dialects.py            write it
python tools/compile_dialects.py --check    fail when it differs from its sources
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from spancost.core.dialect.dialects import FORMAT
from spancost.core.dialect.fields import OTHER_METERS

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.data_schemas import check, dialects  # noqa: E402

SOURCES = ROOT / "semconv" / "dialects"
COMPILED = ROOT / "semconv" / "compiled" / "dialects.json"

FALLBACK = "otel_genai"


class SourceError(ValueError):
    """The source files contradict each other: where, what was found, what was expected."""


def documents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every source file's name and content, in the order of names."""
    yaml = YAML(typ="safe")
    for path in sorted(SOURCES.glob("*.yaml")):
        content = yaml.load(path.read_text(encoding="utf-8"))
        check(path.name, content, dialects)
        yield path.name, content


def expected(where: str, found: object, allowed: Collection[object]) -> None:
    if found not in allowed:
        raise SourceError(f"{where}: found {found!r}, expected one of {', '.join(sorted(map(str, allowed)))}")


def flat_operations(source: dict[str, dict[str, list[str]]]) -> dict[str, list[str]]:
    """Return raw word (in small letters) -> [kind, our word]."""
    flat: dict[str, list[str]] = {}
    for kind, words in source.items():
        for word, raws in words.items():
            for raw in raws:
                flat[raw.lower()] = [kind, word]
    return flat


def merged_keys(layers: list[dict[str, list[str]]]) -> dict[str, list[str]]:
    """Return field -> keys, those of earlier layers first."""
    keys: dict[str, list[str]] = {}
    for layer in layers:
        for field, names in layer.items():
            held = keys.setdefault(field, [])
            held.extend(name for name in names if name not in held)
    return keys


def shape_keys(where: str, name: str, place: dict[str, Any], shapes: dict[str, Any]) -> dict[str, list[str]]:
    """Return field -> keys of the provider's objects that the attribute *name* carries; `#…` makes the name unique."""
    attribute = name.partition("#")[0]
    prefix = f"{place['at']}." if place["at"] else ""
    keys: dict[str, list[str]] = {}
    for shape in place["shapes"]:
        expected(f"{where} objects", shape, set(shapes))
        for field, paths in shapes[shape].items():
            keys.setdefault(field, []).extend(f"{attribute}${prefix}{path}" for path in paths)
    return keys


def compiled_dialect(
    where: str, entry: dict[str, Any], shared: dict[str, Any], shapes: dict[str, Any]
) -> dict[str, Any]:
    bases = entry.get("extends", [])
    layers = [entry] + [shared[base] for base in ([bases] if isinstance(bases, str) else bases)]
    operations: dict[str, list[str]] = {}
    for layer in reversed(layers):
        operations.update(flat_operations(layer.get("operations", {})))
    own_objects = [shape_keys(where, name, place, shapes) for name, place in entry.get("objects", {}).items()]
    keys = merged_keys([layer.get("keys", {}) for layer in layers] + own_objects)
    return {
        "id": entry["id"],
        "scopes": entry.get("scopes", []),
        "detached": entry.get("detached", []),
        "replays": entry.get("replays", []),
        "nests": entry.get("nests", []),
        "beside": entry.get("beside", []),
        "detect_by": entry.get("detect_by", []),
        "detect_always": entry.get("detect_always", []),
        "default": entry["default"],
        "keys": keys,
        "responses": merged_keys(
            [shape_keys(where, name, place, shapes) for name, place in entry.get("responses", {}).items()]
        ),
        "operations": operations,
        "providers": {
            name: provider for layer in reversed(layers) for name, provider in layer.get("providers", {}).items()
        },
        "rules": [*(rule for layer in layers[1:] for rule in layer.get("rules", [])), *entry.get("rules", [])],
        **{key: entry[key] for key in ("source", "empty_values", "responses_alone") if key in entry},
    }


def compiled_errors(found: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the one table of errors, words and types in small letters."""
    tables = [content["errors"] for _, content in found if "errors" in content]
    if len(tables) != 1:
        raise SourceError(f"found {len(tables)} tables of errors, expected one")
    rows = [
        {"billed": row["billed"], **{part: [text.lower() for text in row.get(part, [])] for part in ("words", "types")}}
        for row in tables[0]["rows"]
    ]
    return {"keys": tables[0]["keys"], "answered": tables[0]["answered"], "rows": rows}


def compiled_record(found: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """Return the one table of what the record of a call takes from a span, with `first_token` as pairs."""
    tables = [content["record"] for _, content in found if "record" in content]
    if len(tables) != 1:
        raise SourceError(f"found {len(tables)} tables of records, expected one")
    first_token = [[row["key"], row["unit_ns"]] for row in tables[0]["first_token"]]
    return {**tables[0], "first_token": first_token}


def compile_all() -> bytes:
    """Return the compiled dialects: canonical JSON (sorted keys, UTF-8, no spaces) and a line end."""
    found = list(documents())
    shared: dict[str, Any] = {}
    shapes: dict[str, Any] = {}
    two_sided: list[str] = []
    input_without_cache: list[str] = []
    costs_without_usage: list[str] = []
    identity: dict[str, Any] = {}
    for _, content in found:
        two_sided += content.get("two_sided", [])
        input_without_cache += content.get("input_without_cache", [])
        costs_without_usage += content.get("costs_without_usage", [])
        identity.update(content.get("identity", {}))
        shared.update(content.get("vocabularies", {}))
        shapes.update(content.get("shapes", {}))
    compiled = [
        compiled_dialect(f"{name} {entry.get('id')}", entry, shared, shapes)
        for name, content in found
        for entry in content.get("dialects", [])
    ]
    ids = [dialect["id"] for dialect in compiled]
    if len(set(ids)) != len(ids) or FALLBACK not in ids:
        raise SourceError(f"ids are not unique, or {FALLBACK} is missing: {ids}")
    errors = compiled_errors(found)
    content = {
        "format": FORMAT,
        "fallback": FALLBACK,
        "identity": identity,
        "meters": list(OTHER_METERS),
        "two_sided": two_sided,
        "input_without_cache": input_without_cache,
        "costs_without_usage": costs_without_usage,
        "dialects": compiled,
        "errors": errors,
        "record": compiled_record(found),
    }
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def main() -> int:
    compiled = compile_all()
    if "--check" in sys.argv[1:]:
        if not COMPILED.exists() or COMPILED.read_bytes() != compiled:
            print(f"{COMPILED.relative_to(ROOT)} differs from its sources; run python tools/compile_dialects.py")
            return 1
        return 0
    COMPILED.parent.mkdir(exist_ok=True)
    COMPILED.write_bytes(compiled)
    return 0


if __name__ == "__main__":
    sys.exit(main())
