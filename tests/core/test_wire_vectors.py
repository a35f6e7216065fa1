# SPDX-License-Identifier: Apache-2.0
"""Every file of tests/vectors/wire: one exchange and its usage, read whole and in chunks."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

from spancost.cli.extract import answer, read
from spancost.config import data
from spancost.core.wire.match import Target
from spancost.core.wire.reader import UsageReader

FOLDER = Path(__file__).parent.parent / "vectors" / "wire"
VECTORS = sorted(FOLDER.glob("*.json"))
KEYS = {"about", "exchange", "expected"}
CALLS = "calls"
"""The calls of a batch, each with its `batch_key`; `expected` is the reading of the whole body."""
EXCHANGE_KEYS = {"method", "host", "path", "status", "headers", "request", "body", "frames"}


def frame(event: str, payload: dict[str, Any]) -> bytes:
    """Return one AWS event-stream message; an object under `bytes` is put into base64, `!` marks an exception."""
    if isinstance(payload.get("bytes"), dict):
        payload = {"bytes": base64.b64encode(json.dumps(payload["bytes"]).encode()).decode(), "p": "abc"}
    kind, name = ("exception", ":exception-type") if event.startswith("!") else ("event", ":event-type")
    words = {name: event.lstrip("!"), ":content-type": "application/json", ":message-type": kind}
    headers = b"".join(
        bytes([len(k)]) + k.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode() for k, v in words.items()
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def load(path: Path) -> dict[str, Any]:
    """Return a vector; unknown keys fail the test."""
    vector: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert set(vector) - {CALLS} == KEYS, f"{path.name}: expected the keys {sorted(KEYS)}"
    assert set(vector["exchange"]) <= EXCHANGE_KEYS, f"{path.name}: expected only the keys {sorted(EXCHANGE_KEYS)}"
    return vector


def body_of(exchange: dict[str, Any]) -> bytes:
    """Return the bytes of the recorded body."""
    if "frames" in exchange:
        return b"".join(frame(event, payload) for event, payload in exchange["frames"])
    return str(exchange["body"]).encode()


def test_there_are_vectors() -> None:
    """An empty folder is a mistake, not a success."""
    assert len(VECTORS) > 60


@pytest.mark.parametrize("path", VECTORS, ids=lambda p: p.stem)
def test_an_exchange_matches_its_vector(path: Path) -> None:
    """The reading of the whole body is the expected one."""
    vector = load(path)
    exchange = dict(vector["exchange"])
    exchange["body_b64"] = base64.b64encode(body_of(exchange)).decode()
    reader = read(data.default_wires(), exchange)
    assert vector["expected"] == answer(reader.finish())
    assert vector.get(CALLS, []) == calls_of(reader)


def calls_of(reader: UsageReader) -> list[dict[str, Any]]:
    """Return the calls of a batch that were read since this was last asked."""
    return [{"batch_key": call.key, **answer(call.reading)} for call in reader.take_calls()]


@pytest.mark.parametrize("size", [1, 61])
@pytest.mark.parametrize("path", VECTORS, ids=lambda p: p.stem)
def test_pieces_say_the_same(path: Path, size: int) -> None:
    """Any way the body arrives gives the same reading."""
    vector = load(path)
    exchange, wires = vector["exchange"], data.default_wires()
    body = body_of(exchange)
    model = (exchange.get("request") or {}).get("model")
    target = wires.match(exchange["method"], exchange["host"], exchange["path"], model=model)
    reader = UsageReader(
        wires,
        target or Target(None, None, None, "none", None, None, {}),
        status=exchange["status"],
        headers=exchange["headers"],
        request=exchange.get("request"),
    )
    calls = []
    for at in range(0, len(body), size):
        reader.feed(body[at : at + size])
        calls += calls_of(reader)
    assert vector["expected"] == answer(reader.finish())
    assert vector.get(CALLS, []) == calls + calls_of(reader)
