# SPDX-License-Identifier: Apache-2.0
"""One replay of recorded spans by the package on the path: `replay_worker.py FILE ROUNDS` prints milliseconds as JSON.

A program of its own, because it also runs on older builds, whose modules have other names. FILE holds OTLP JSON, one
request a line; each request is one trace, and the ledger forgets it before the next.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

WARM_UP = 4


def main(file: Path, rounds: int) -> None:
    """Print the CPU time of each round in milliseconds, fastest first, after rounds that fill the caches."""
    data: Any = _first("spancost.config.data", "spancost.data")
    otlp: Any = _first("spancost.store.otlp_json", "spancost.otlp.request")
    ledger: Any = importlib.import_module("spancost.core.ledger.ledger")
    fields = ledger.LedgerOptions._fields
    options = ledger.LedgerOptions(**({"one_process": True} if "one_process" in fields else {}))  # as in process
    made = ledger.Ledger(data.default_dialects(), data.default_pricer(), options)
    requests = [
        sorted((carried.span for carried in otlp.carried_spans(json.loads(line))), key=lambda span: span.end_ns)
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    for _ in range(WARM_UP):
        _replay(made, requests)
    gc.disable()
    print(json.dumps(sorted(_replay(made, requests) for _ in range(rounds))))


def _first(*names: str) -> Any:
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    return importlib.import_module(names[-1])


def _replay(ledger: Any, requests: list[Any]) -> float:
    began = time.process_time()
    for spans in requests:
        ledger.clear()
        for span in spans:
            ledger.end(span)
    return (time.process_time() - began) * 1e3


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
