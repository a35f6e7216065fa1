# SPDX-License-Identifier: Apache-2.0
"""Small OTLP JSON files for tests of reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

START = 1_795_000_000_000_000_000
"""2026-11-18T11:06:40Z."""


def span(trace: int, number: int, parent: int | None = None, at_s: float = 0, **attributes: Any) -> dict[str, Any]:
    begin = START + int(at_s * 1e9)
    return {
        "traceId": f"{trace:032x}",
        "spanId": f"{number:016x}",
        "parentSpanId": f"{parent:016x}" if parent else "",
        "name": str(attributes.pop("name", "chat")),
        "startTimeUnixNano": str(begin),
        "endTimeUnixNano": str(begin + 10**9),
        "attributes": [{"key": key.replace("__", "."), "value": any_value(value)} for key, value in attributes.items()],
    }


def any_value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def chat(trace: int, number: int, model: str = "gpt-4o-mini", tokens: int = 1000, **more: Any) -> dict[str, Any]:
    """A call under the GenAI conventions: *tokens* in, a tenth of them out."""
    usage = {"gen_ai__usage__input_tokens": tokens, "gen_ai__usage__output_tokens": tokens // 10}
    names = {"gen_ai__operation__name": "chat", "gen_ai__provider__name": "openai", "gen_ai__response__model": model}
    return span(trace, number, **{**names, **usage, **more})


def request(*spans: dict[str, Any], service: str = "shop") -> dict[str, Any]:
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    scope = {"name": "opentelemetry.instrumentation.genai.openai", "version": "1.3b0"}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": list(spans)}]}]}


def written(path: Path, *requests: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in requests), encoding="utf-8")
    return path
