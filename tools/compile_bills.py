#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile billing/sources/*.yaml to billing/compiled/sources.json. `--check` compares only."""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.bill_schema import bill_source, focus  # noqa: E402
from tools.data_schemas import DataError, check  # noqa: E402

SOURCES = ROOT / "billing" / "sources"
TARGET = ROOT / "billing" / "compiled" / "sources.json"
FOCUS = ROOT / "billing" / "compiled" / "focus.json"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compiled() -> str:
    """Return the canonical file; DataError when a source does not fit, or names patterns that do not exist."""
    content: dict[str, Any] = {"forms": [], "patterns": {}, "rewrites": []}
    for path in sorted(SOURCES.glob("*.yaml")):
        part = yaml.load(path.read_bytes(), Loader=LOADER)
        check(path.name, part, bill_source)
        content["forms"] += [{key: value for key, value in form.items() if key != "about"} for form in part["forms"]]
        content["patterns"].update(part.get("patterns", {}))
        content["rewrites"] += part.get("rewrites", [])
    for table in (*content["patterns"].values(), content["rewrites"]):
        for row in table:
            re.compile(row["match"])
    ids = [form["id"] for form in content["forms"]]
    if len(ids) != len(set(ids)):
        raise DataError(f"forms: found the ids {ids}; expected each once")
    for form in content["forms"]:
        name = form.get("text", {}).get("patterns")
        if name is not None and name not in content["patterns"]:
            raise DataError(
                f"{form['id']}, text: found the patterns {name!r}; expected one of {', '.join(content['patterns'])}"
            )
    # The most specific form comes first: the one that needs the most columns.
    content["forms"].sort(key=lambda form: -max(map(len, form.get("needs_one") or [form["needs"]])))
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def compiled_focus() -> str:
    """Return the canonical file of the columns of FOCUS; DataError when the source does not fit."""
    path = ROOT / "billing" / "focus.yaml"
    content = yaml.load(path.read_bytes(), Loader=LOADER)
    check(path.name, content, focus)
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"


def main() -> int:
    """Write the file, or with --check compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when the compiled file is not up to date")
    try:
        texts = {TARGET: compiled(), FOCUS: compiled_focus()}
    except DataError as error:
        sys.exit(str(error))
    is_check = parser.parse_args().check
    for target, text in texts.items():
        if not is_check:
            target.parent.mkdir(exist_ok=True)
            target.write_text(text, encoding="utf-8")
        elif not target.exists() or target.read_text(encoding="utf-8") != text:
            sys.exit(f"{target.relative_to(ROOT)}: differs from its YAML; run python tools/compile_bills.py")
    return 0


if __name__ == "__main__":
    sys.exit(main())
