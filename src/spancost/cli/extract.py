# SPDX-License-Identifier: Apache-2.0
"""`spancost extract`: reads recorded HTTP exchanges and prints their usage; JSON Lines in and out.

An exchange with the results of a batch gives one line per call, each with `batch_key`, and then the line of the
exchange. Its outcome (`batch_result` or `admin`) shows that its usage must not be added to that of the calls.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

import click

from spancost.capture.request import facts_of
from spancost.cli.price import number
from spancost.config import data
from spancost.core.wire.match import Target, Wires
from spancost.core.wire.reader import UsageReader
from spancost.core.wire.reading import WireReading

_STRING, _OBJECT = (str, "a string"), (dict, "an object")
_FORMS: dict[str, tuple[type, str]] = {
    "host": (str, "a string, such as api.openai.com"),
    "path": (str, "a string, such as /v1/chat/completions"),
    "method": _STRING,
    "status": (int, "a number, such as 200"),
    "headers": _OBJECT,
    "content_type": _STRING,
    "request": _OBJECT,
    "body": _STRING,
    "body_b64": _STRING,
}
_REQUIRED = ("host", "path")


class ExchangeError(ValueError):
    """A line is not an exchange; the message names the key, what was found and what was expected."""


@click.command(name="extract")
@click.option("--provider", help="Provider of all exchanges with an unknown host, such as a private gateway.")
def command(provider: str | None) -> None:
    """Print the usage of each recorded HTTP exchange on standard input, one JSON object per line."""
    wires = data.default_wires()
    failed = False
    for line in sys.stdin.buffer:
        if line.strip():
            for found in extract_line(wires, line, provider):
                failed |= "error" in found
                click.echo(json.dumps(found, ensure_ascii=False))
    sys.exit(1 if failed else 0)


def extract_line(wires: Wires, line: str | bytes, provider: str | None = None) -> Iterator[dict[str, Any]]:
    """Yield the answers to one line: the calls of a batch, then the exchange, or `error` with what is wrong."""
    try:
        exchange = json.loads(line, parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        yield {"id": None, "error": f"found no JSON ({error}); expected an object with host, path and body"}
        return
    if not isinstance(exchange, dict):
        yield {"id": None, "error": "found no object; expected an object with host, path and body"}
        return
    identity = exchange.get("id")
    try:
        reader = read(wires, exchange, provider)
        summary = reader.finish()
        for key, reading in reader.take_calls():
            yield {"id": identity, "batch_key": key, **answer(reading)}
        yield {"id": identity, **answer(summary)}
    except ExchangeError as error:
        yield {"id": identity, "error": str(error)}
    except Exception as error:  # a line that fails must not stop the lines after it
        yield {"id": identity, "error": f"found an exchange that cannot be read ({type(error).__name__}: {error})"}


def read_exchange(wires: Wires, exchange: Mapping[str, Any], provider: str | None = None) -> WireReading:
    """Return the reading of one recorded exchange; see `read`."""
    return read(wires, exchange, provider).finish()


def read(wires: Wires, exchange: Mapping[str, Any], provider: str | None = None) -> UsageReader:
    """Return a reader that has seen one recorded exchange.

    Its keys: method, host, path, status, headers, content_type, request (an object), body (text) or body_b64.
    ExchangeError names the first key with an invalid value.
    """
    for key, (kind, form) in _FORMS.items():
        found = exchange.get(key)
        if not isinstance(found, kind) and (found is not None or key in _REQUIRED):
            raise ExchangeError(f"{key}: found {_shown(found)}; expected {form}")
    request = exchange.get("request") or {}
    headers = {str(k): str(v) for k, v in (exchange.get("headers") or {}).items()}
    if exchange.get("content_type"):
        headers.setdefault("content-type", exchange["content_type"])
    model = request.get("model")
    method, path = exchange.get("method") or "POST", exchange["path"].partition("?")[0]
    target = wires.match(
        method, exchange["host"], path, model=model if isinstance(model, str) else None, provider=provider
    ) or Target(None, None, None, "none", None, None, {}, (method, path, ""))
    facts = {**request, **facts_of(json.dumps(request).encode())}
    reader = UsageReader(wires, target, status=exchange.get("status") or 200, headers=headers, request=facts)
    reader.feed(_body(exchange))
    return reader


def _body(exchange: Mapping[str, Any]) -> bytes:
    if exchange.get("body_b64"):
        try:
            return base64.b64decode("".join(exchange["body_b64"].split()), validate=True)
        except (binascii.Error, ValueError) as error:
            raise ExchangeError(f"body_b64: found no Base64 ({error}); expected the bytes of the body") from error
    return (exchange.get("body") or "").encode("utf-8", "surrogatepass")


def _finite(text: str) -> float | str:
    """Return a number that JSON can represent, or its text."""
    value = float(text)
    return value if isfinite(value) else text


def _shown(value: object) -> str:
    return "nothing" if value is None else f"{value!r:.60}"


def answer(reading: WireReading) -> dict[str, Any]:
    """Return a reading as the command prints it; unknown values are left out, except the first three."""
    known = {
        "operation": reading.operation,
        **{meter: number(n) for meter, n in reading.usage.items()},
        **{f"billed_{meter}": number(n) for meter, n in (reading.billed or {}).items()},
        "request_model": reading.request_model,
        "response_model": reading.response_model,
        "response_id": reading.response_id,
        "service_tier": reading.service_tier,
        "sold_tier": reading.sold_tier,
        "finish_reason": reading.finish_reason,
        "provider_cost_usd": None if reading.provider_cost is None else number(reading.provider_cost),
        "cost_is_estimate": reading.cost_is_estimate or None,
        "gateway": reading.gateway,
        "upstream": reading.upstream,
        "other_usage": [
            {"kind": f.kind, "model": f.model or None, "inside": f.inside, **{m: number(n) for m, n in f.usage.items()}}
            for f in reading.additional_usage
        ]
        or None,
        "estimate": reading.estimate,
        "caveats": list(reading.caveats) or None,
        "context": dict(reading.context) if reading.context else None,
    }
    return {
        "outcome": reading.outcome,
        "provider": reading.provider,
        "complete": reading.complete,
        **{k: v for k, v in known.items() if v is not None},
    }
