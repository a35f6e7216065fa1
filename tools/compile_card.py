#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile pricing/*.yaml to pricing/compiled/card.jsonl; --check says whether it is up to date; --release keeps it."""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tools.pricing.compiler import compile_card  # noqa: E402
from tools.pricing.form import FormError  # noqa: E402

CARD = ROOT / "pricing" / "compiled" / "card.jsonl"
RELEASED = ROOT / "pricing" / "released"


def main() -> int:
    """Return 0 when the card is up to date or was written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when card and sources differ")
    parser.add_argument(
        "--release", action="store_true", help="keep the compiled card under pricing/released/ for good"
    )
    arguments = parser.parse_args()
    existing = CARD.read_bytes() if CARD.exists() else b""
    day = json.loads(existing.split(b"\n", 1)[0])["version"][:10] if existing else ""
    try:
        # The same content keeps its date, so that compiling again changes nothing.
        compiled = compile_card(ROOT / "pricing", day) if day else b""
        if compiled != existing or not existing:
            if arguments.check:
                print("pricing/compiled/card.jsonl differs from its sources; run: python tools/compile_card.py")
                return 1
            compiled = compile_card(ROOT / "pricing", datetime.now(timezone.utc).strftime("%Y.%m.%d"))
            CARD.parent.mkdir(parents=True, exist_ok=True)
            CARD.write_bytes(compiled)
    except FormError as error:
        print(error, file=sys.stderr)
        return 1
    version = json.loads(compiled.split(b"\n", 1)[0])["version"]
    if arguments.release:
        RELEASED.mkdir(parents=True, exist_ok=True)
        (RELEASED / f"{version}.jsonl.gz").write_bytes(gzip.compress(compiled, 9, mtime=0))
    print(f"{version}: {len(compiled)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
