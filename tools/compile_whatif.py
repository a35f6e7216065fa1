#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile pricing/whatif.yaml and pricing/limits.yaml to pricing/compiled/whatif.json. `--check` compares only."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.data_schemas import DataError, check, limits, whatif  # noqa: E402

TARGET = ROOT / "pricing" / "compiled" / "whatif.json"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compiled() -> str:
    """Return the canonical file; DataError when a source does not fit its schema."""
    content = {}
    for name, schema in (("whatif", whatif), ("limits", limits)):
        path = ROOT / "pricing" / f"{name}.yaml"
        part = yaml.load(path.read_bytes(), Loader=LOADER)
        check(path.name, part, schema)
        content.update(part)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or with --check compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the compiled file is not up to date")
    try:
        text = compiled()
    except DataError as error:
        sys.exit(str(error))
    if not parser.parse_args().check:
        TARGET.write_text(text, encoding="utf-8")
    elif not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text:
        sys.exit("pricing/compiled/whatif.json: differs from its YAML; run python tools/compile_whatif.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
