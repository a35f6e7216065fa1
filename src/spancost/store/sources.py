# SPDX-License-Identifier: Apache-2.0
"""SOURCE… of a command line: files, globs and `-`, opened with their compression removed."""

from __future__ import annotations

import glob
import gzip
import io
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, cast

from spancost.store.pricing_choice import SourceError

STANDARD_INPUT = "-"
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_HEAD = 4
_BUFFER = 1 << 20


def files_of(sources: Sequence[str]) -> list[str]:
    """Return the files that *sources* name, in order, each once; SourceError for one that does not exist."""
    found: dict[str, None] = {}
    for source in sources:
        if source == STANDARD_INPUT or Path(source).exists():
            found[source] = None
            continue
        matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 (a pattern may be absolute)
        if not matches:
            raise SourceError(f"{source}: found no such file; expected a file, a folder, a pattern, - or clickhouse://")
        found.update(dict.fromkeys(matches))
    return list(found)


def opened(path: str) -> BinaryIO:
    """Return the content of a file (or of standard input) without gzip or zstd compression."""
    raw = sys.stdin.buffer if path == STANDARD_INPUT else Path(path).open("rb")  # noqa: SIM115 (the caller closes it)
    stream = io.BufferedReader(cast(io.RawIOBase, raw), _BUFFER)
    head = stream.peek(_HEAD)[:_HEAD]
    if head.startswith(GZIP):
        return cast(BinaryIO, gzip.GzipFile(fileobj=stream))
    if head == ZSTD:
        import zstandard

        return io.BufferedReader(
            cast(io.RawIOBase, zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)), _BUFFER
        )
    return cast(BinaryIO, stream)
