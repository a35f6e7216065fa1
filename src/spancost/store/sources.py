# SPDX-License-Identifier: Apache-2.0
"""SOURCE… of a command line: files, patterns and `-`, opened with their compression removed."""

from __future__ import annotations

import glob
import io
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from spancost.store.pricing_choice import SourceError

STANDARD_INPUT = "-"
CLICKHOUSE = ("clickhouse://", "clickhouses://")
"""How an address of ClickHouse begins: over HTTP, and over HTTPS."""
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_GZIP_FORM = 31
_HEAD = 4
_BUFFER = 1 << 20


def files_of(sources: Sequence[str]) -> list[str]:
    """Return the files that *sources* name, in order, each once; SourceError for one that does not exist.

    A folder stands for the files in it whose names do not begin with a dot.
    """
    found: dict[str, None] = {}
    for source in sources:
        path = Path(source)
        if source != STANDARD_INPUT and path.is_dir():
            found.update(dict.fromkeys(str(inner) for inner in sorted(path.iterdir()) if _is_shown_file(inner)))
        elif source == STANDARD_INPUT or path.exists():
            found[source] = None
        else:
            matches = sorted(glob.glob(source, recursive=True))  # noqa: PTH207 (a pattern may be absolute)
            if not matches:
                raise SourceError(f"{source}: found no such file; expected a file, folder, pattern, - or clickhouse://")
            found.update(dict.fromkeys(matches))
    return list(found)


def _is_shown_file(path: Path) -> bool:
    return path.is_file() and not path.name.startswith(".")


@contextmanager
def opened(path: str) -> Iterator[io.BufferedReader]:
    """Give the content of a file, or of standard input, without gzip or zstd compression; SourceError names it."""
    with ExitStack() as stack:
        try:
            raw = sys.stdin.buffer if path == STANDARD_INPUT else stack.enter_context(io.FileIO(path))
            stream: Any = io.BufferedReader(cast(io.RawIOBase, raw), _BUFFER)
            head = stream.peek(_HEAD)[:_HEAD]
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror or error}") from error
        if path == STANDARD_INPUT:
            stack.callback(stream.detach)
        plain: Any = None
        if head.startswith(GZIP):
            import gzip

            plain = stack.enter_context(gzip.GzipFile(fileobj=stream))
        elif head == ZSTD:
            import zstandard

            plain = stack.enter_context(zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
        yield stream if plain is None else io.BufferedReader(plain, _BUFFER)


def is_compressed(path: str) -> bool:
    """Return whether a file begins as gzip or zstd does."""
    with Path(path).open("rb") as file:
        head = file.read(_HEAD)
    return head.startswith(GZIP) or head == ZSTD


def decompressed(body: bytes) -> bytes:
    """Return the content of a gzip or zstd message; ValueError when it is damaged."""
    try:
        if body.startswith(GZIP):
            return zlib.decompress(body, _GZIP_FORM)
        import zstandard

        with zstandard.ZstdDecompressor().stream_reader(body) as reader:
            return reader.read()
    except Exception as error:  # zlib.error, zstandard.ZstdError
        raise ValueError(f"found a damaged compressed message ({error})") from error
