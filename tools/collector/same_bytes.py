# SPDX-License-Identifier: Apache-2.0
"""Run both implementations over the same input and compare what they print, byte for byte.

python tools/collector/same_bytes.py --calls calls.jsonl --spans spans.jsonl --contract shop.yaml

calls.jsonl holds what `spancost price` reads (further keys of a line are left out), spans.jsonl one
ExportTraceServiceRequest a line. With contracts (--contract once for each) both are run under each of them as well, and
the compiled form of each is compared. Exit status 0 when every line is the same.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CALL_KEYS = (
    "id",
    "provider",
    "model",
    "request_model",
    "operation",
    "timestamp",
    "usage",
    "service_tier",
    "processing",
    "context",
    "duration_seconds",
)
EXTRAS: tuple[list[str], ...] = ([], ["--keep-provider"], ["--no-read-responses"])


def main() -> int:
    """Return how many of the comparisons failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=Path)
    parser.add_argument("--spans", type=Path)
    parser.add_argument("--contract", type=Path, action="append", default=[])
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        go = str(Path(folder) / "spancost-go")
        subprocess.run(["go", "build", "-o", go, "./collector/cmd/spancost-go"], cwd=ROOT, check=True)
        failed = 0
        for path in chosen.contract:
            failed += differs(f"contract {path.name}", go, ["contract", str(path)], b"")
        for under in ([], *(["--contract", str(path)] for path in chosen.contract)):
            name = "".join(f" {Path(path).name}" for path in under[1:])
            if chosen.calls:
                failed += differs(f"price{name}", go, ["price", *under], calls(chosen.calls))
            if chosen.spans:
                for extra in EXTRAS if not under else ([],):
                    arguments = ["enrich", "--each", *extra, *under]
                    failed += differs(" ".join(["enrich", *extra]) + name, go, arguments, chosen.spans.read_bytes())
    return min(failed, 1)


def calls(path: Path) -> bytes:
    """Return the lines of *path* with the keys of a call only."""
    rows = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
    kept = ({key: row[key] for key in CALL_KEYS if row.get(key) is not None} for row in rows)
    return "".join(json.dumps(row) + "\n" for row in kept).encode()


def differs(name: str, go: str, arguments: list[str], given: bytes) -> int:
    """Print how many lines are the same, and the first that is not; return whether one is not."""
    python = str(Path(sys.executable).parent / "spancost")
    outs = [subprocess.run([tool, *arguments], input=given, capture_output=True).stdout for tool in (python, go)]
    outs = [without_advice(out) for out in outs]
    left, right = (out.split(b"\n") for out in outs)
    same = sum(a == b for a, b in zip(left, right, strict=False)) - (outs[0][-1:] == b"\n" == outs[1][-1:])
    total = max(len(left), len(right)) - 1
    print(f"{name:28s} {same} of {total} lines are the same")
    if outs[0] == outs[1]:
        return 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            at = next((n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
            about = slice(max(0, at - 150), at + 150)
            print(f"  Python … {a[about].decode(errors='replace')}\n  Go     … {b[about].decode(errors='replace')}")
            break
    return 1


def without_advice(out: bytes) -> bytes:
    """Return *out* without the near names that `spancost price` adds for people to a model it does not know."""
    return re.sub(rb', ?"near": ?\[[^\]]*\]', b"", out)


if __name__ == "__main__":
    sys.exit(main())
