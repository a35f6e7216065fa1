# SPDX-License-Identifier: Apache-2.0
"""Files that are made from others: write them, or compare them with what they should be."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).resolve().parent.parent

Targets: TypeAlias = Mapping[Path, Callable[[], str]]
"""Path of a generated file -> what makes its whole text."""


def main(description: str, targets: Targets, argv: list[str]) -> int:
    """Write *targets*; with `--check`, print how they differ instead and return 1 when one does."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="compare instead of writing; status 1 on a difference")
    check = parser.parse_args(argv).check
    stale = {path: text for path, render in targets.items() if read(path) != (text := render())}
    for path, text in stale.items():
        if check:
            name = str(path.relative_to(ROOT))
            sys.stderr.writelines(
                difflib.unified_diff(read(path).splitlines(True), text.splitlines(True), name, f"{name} (generated)")
            )
        else:
            path.write_text(text, encoding="utf-8")
    if check and stale:
        print("generated files differ from their sources; `make fix` writes them", file=sys.stderr)
    return int(check and bool(stale))


def read(path: Path) -> str:
    """Return the text of *path*, "" when it does not exist."""
    return path.read_text(encoding="utf-8") if path.exists() else ""
