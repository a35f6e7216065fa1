# SPDX-License-Identifier: Apache-2.0
"""The few facts of a request that reading its answer needs; nothing else of it is looked at or kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from spancost.capture.bounds import BOUND, bound_in_text, output_bound

WORDS = ("model", "stream", "background", "quality", "size", "seconds")
"""Keys of a request's body that are kept, when their value is a word or a boolean."""
_MODELS = ("model_id", "modelId")
_RANKED = ("documents", "sources")
"""Lists of what is ranked: of Cohere and others, and of Bedrock's agent runtime, which has a list of `queries` too."""
_TEXTS = ("input", "text", "transcript")
"""Other names of the model, and the keys of a text to be spoken, of which only the length is kept."""
_TOOL_WORDS = ("type", "model")

CHARACTERS = "$characters"
"""Key among the facts for the size of the request's text (`core.wire_estimate.Characters`), None when it is no use."""

_TRUTHS = frozenset({"stream", "background"})
_LONGEST_WORD = 256
_WHOLE = 64 << 10
_RANKING_WHOLE = 8 << 20
_MODEL = re.compile(rb'(?<!\\)"model"\s*:\s*"([^"\\]{1,256})"')
_STREAM = re.compile(rb'(?<!\\)"stream"\s*:\s*true')
_RANKING = re.compile(rb'(?<!\\)"(?:documents"\s*:\s*\[|rerankingConfiguration"\s*:)')
_IMAGE_TOOL = re.compile(rb'\{(?:[^{}]|\{[^{}]*\})*(?<!\\)"type"\s*:\s*"image_generation"(?:[^{}]|\{[^{}]*\})*\}')


def facts_of(body: bytes | None) -> dict[str, Any]:
    """Return the facts of a JSON body: WORDS, its tools, and how long a text to be spoken is.

    Tools have type and model. The length is `characters`. `documents`, `queries`: how many are to be ranked, for how
    many. `seconds`, `videos`: what Veo is asked for. `asks_usage`: a stream was asked to report its usage.

    A body over 64 KiB is searched, not parsed, unless it may be a ranking, of up to 8 MiB. Anything that is no JSON
    object has no facts.
    """
    if not body or body[:1] not in b"{ \n":
        return {}
    if len(body) > _WHOLE and not (len(body) <= _RANKING_WHOLE and _RANKING.search(body)):
        tool = _IMAGE_TOOL.search(body)
        rest = body[: tool.start()] + body[tool.end() :] if tool else body
        model = _MODEL.search(rest)
        found: dict[str, Any] = {"model": model[1].decode("utf-8", "replace")} if model else {}
        if tool:
            found["tools"] = _tools([json_or_none(tool[0])])
        if _STREAM.search(body):
            found["stream"] = True
        if (bound := bound_in_text(rest)) is not None:
            found[BOUND] = bound
        return found
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(parsed, dict):
        return {}
    found = {k: v for k in WORDS if isinstance(v := parsed.get(k), (str, bool))}
    for key in _MODELS:
        if isinstance(parsed.get(key), str):
            found.setdefault("model", parsed[key])
    text = next((parsed[key] for key in _TEXTS if isinstance(parsed.get(key), str)), None)
    if text is not None:
        found["characters"] = len(text)
    found.update(_ranking(parsed))
    found.update(_video(parsed.get("parameters")))
    tools = _tools(parsed.get("tools"))
    if tools:
        found["tools"] = tools
    options = parsed.get("stream_options")
    if isinstance(options, dict) and options.get("include_usage") is True:
        found["asks_usage"] = True
    if (bound := output_bound(parsed)) is not None:
        found[BOUND] = bound
    return found


def _ranking(parsed: dict[str, Any]) -> dict[str, Any]:
    """Return how many documents are to be ranked, for how many queries, and the model where Bedrock's ARN names it."""
    lists = [v for key in _RANKED if isinstance(v := parsed.get(key), list)]
    found: dict[str, Any] = {"documents": len(lists[0])} if lists else {}
    if isinstance(parsed.get("queries"), list):
        found["queries"] = len(parsed["queries"])
    value: Any = parsed
    for key in ("rerankingConfiguration", "bedrockRerankingConfiguration", "modelConfiguration", "modelArn"):
        value = value.get(key) if isinstance(value, dict) else None
    return {**found, "model": value.rpartition("/")[2]} if isinstance(value, str) else found


def _video(parameters: Any) -> dict[str, str]:
    """Return the seconds and the number of the videos that are asked for, as Veo's `parameters` name them."""
    if not isinstance(parameters, dict):
        return {}
    asked = {"seconds": parameters.get("durationSeconds"), "videos": parameters.get("sampleCount")}
    return {k: str(v) for k, v in asked.items() if isinstance(v, (int, str)) and not isinstance(v, bool)}


def json_or_none(text: bytes) -> Any:
    """Return the JSON value of *text*, None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _tools(tools: Any) -> list[dict[str, str]]:
    """Return type and model of the tools that a provider runs itself, which are no functions of the application."""
    if not isinstance(tools, list):
        return []
    kept = (
        {k: v for k in _TOOL_WORDS if isinstance(v := tool.get(k), str)} for tool in tools if isinstance(tool, dict)
    )
    return [tool for tool in kept if tool and tool.get("type") != "function"]


def facts_of_form(fields: Iterable[Any]) -> dict[str, Any]:
    """Return the facts of an upload's *fields* (objects with a `name` and a `value`); files are not looked at."""
    found: dict[str, Any] = {}
    for field in fields:
        name, value = getattr(field, "name", None), getattr(field, "value", None)
        if name in WORDS and isinstance(value, (str, bytes)) and len(value) <= _LONGEST_WORD:
            word = value if isinstance(value, str) else value.decode("utf-8", "replace")
            found[name] = word.lower() == "true" if name in _TRUTHS else word
    return found


def with_usage_asked(body: bytes) -> bytes | None:
    """Return the body of an OpenAI-wire stream with `stream_options.include_usage` set; None when nothing changes."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(parsed, dict) or parsed.get("stream") is not True:
        return None
    options = parsed.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if "include_usage" in options:
        return None
    return json.dumps({**parsed, "stream_options": {**options, "include_usage": True}}, ensure_ascii=False).encode()
