# SPDX-License-Identifier: Apache-2.0
"""Undoes the content encoding of a body that is seen as it came over the wire."""

from __future__ import annotations

import zlib
from importlib import import_module
from typing import Any


class Decoder:
    """Decodes a body piece by piece; what cannot be decoded becomes nothing, and `failed` says so."""

    def __init__(self, encoding: str) -> None:
        """Decode *encoding*, the value of a Content-Encoding header ("" for none); several are undone in turn."""
        names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
        self._steps = [_step(name) for name in reversed(names) if name != "identity"]
        self.failed = any(step is None for step in self._steps)

    def decode(self, data: bytes) -> bytes:
        """Return what *data* adds to the decoded body. Never raises."""
        if self.failed:
            return b""
        try:
            for step in self._steps:
                data = step(data)
        except Exception:  # each codec has an error of its own; the reading says that no usage was reported
            self.failed = True
            return b""
        return data


def _step(name: str) -> Any:
    if name in ("gzip", "x-gzip"):
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress
    if name == "deflate":
        return _Deflate().decompress
    if name == "br":
        return _brotli()
    if name == "zstd":
        return _zstd()
    return None


class _Deflate:
    """Deflate with its header, or without one, as some servers send it."""

    def __init__(self) -> None:
        self._codec = zlib.decompressobj()
        self._is_first = True

    def decompress(self, data: bytes) -> bytes:
        was_first, self._is_first = self._is_first, False
        try:
            return self._codec.decompress(data)
        except zlib.error:
            if not was_first:
                raise
            self._codec = zlib.decompressobj(-zlib.MAX_WBITS)
            return self._codec.decompress(data)


# A client asks for these encodings only when it has one of the libraries, so one of them is there.
def _brotli() -> Any:
    for name in ("brotli", "brotlicffi"):
        try:
            codec = import_module(name).Decompressor()
        except ImportError:
            continue
        return getattr(codec, "decompress", None) or codec.process
    return None


def _zstd() -> Any:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name).ZstdDecompressor().decompress
        except ImportError:
            continue
    try:
        return import_module("zstandard").ZstdDecompressor().decompressobj().decompress
    except ImportError:
        return None
