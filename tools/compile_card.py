#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compile pricing/*.yaml to pricing/compiled/card.jsonl, and the small card of the vectors like it.

--check writes nothing and fails when a card differs from its sources; --release keeps the card for good.
"""

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

PRICING = ROOT / "pricing"
SMALL = ROOT / "tests" / "vectors" / "small_card"
CARDS = ((PRICING / "providers", PRICING / "compiled" / "card.jsonl"), (SMALL / "providers", SMALL / "card.jsonl"))


def main() -> int:
    """Return 0 when the cards are up to date or were written."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a card and its sources differ")
    parser.add_argument(
        "--release", action="store_true", help="keep the compiled card under pricing/released/ for good"
    )
    arguments = parser.parse_args()
    try:
        stale = [card for providers, card in CARDS if not compiled(providers, card, write=not arguments.check)]
    except FormError as error:
        print(error, file=sys.stderr)
        return 1
    for card in stale:
        print(f"{card.relative_to(ROOT)} differs from its sources; run: python tools/compile_card.py", file=sys.stderr)
    content = CARDS[0][1].read_bytes()
    version = json.loads(content.split(b"\n", 1)[0])["version"]
    if arguments.release:
        (PRICING / "released").mkdir(exist_ok=True)
        (PRICING / "released" / f"{version}.jsonl.gz").write_bytes(gzip.compress(content, 9, mtime=0))
    print(f"{version}: {len(content)} bytes")
    return 1 if stale else 0


def compiled(providers: Path, card: Path, write: bool) -> bool:
    """Return whether *card* is what its sources compile to; write it first when *write* is set."""
    existing = card.read_bytes() if card.exists() else b""
    if existing:
        # The same content keeps its date, so that compiling again changes nothing.
        day = json.loads(existing.split(b"\n", 1)[0])["version"][:10]
        if compile_card(PRICING, day, providers) == existing:
            return True
    if write:
        card.parent.mkdir(parents=True, exist_ok=True)
        today = datetime.now(timezone.utc).strftime("%Y.%m.%d")
        card.write_bytes(compile_card(PRICING, today, providers))
    return write


if __name__ == "__main__":
    sys.exit(main())
