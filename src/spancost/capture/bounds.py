# SPDX-License-Identifier: Apache-2.0
"""How large a request is and how much output it allows: what an estimate of its cost needs. No text is kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

SIZE = "$size"
"""Key among the facts for the `RequestSize` of a body."""
BOUND = "$output_bound"
"""Key among the facts for the most output tokens that a request allows."""
MODEL_KEYS = ("model", "model_id", "modelId")
"""Where a body names its model."""
BOUND_PATHS: tuple[tuple[str, ...], ...] = (
    ("max_completion_tokens",),
    ("max_output_tokens",),
    ("max_tokens",),
    ("max_tokens_to_sample",),
    ("max_gen_len",),
    ("generationConfig", "maxOutputTokens"),
    ("generation_config", "max_output_tokens"),
    ("inferenceConfig", "maxTokens"),
    ("textGenerationConfig", "maxTokenCount"),
    ("options", "num_predict"),
)
"""Where the wires of the providers put the bound of the output, as read in their references on 2026-11-30."""
CHOICES_PATHS: tuple[tuple[str, ...], ...] = (("n",), ("generationConfig", "candidateCount"))
"""Where they put the number of answers that are asked for."""

_ENCODED = re.compile(rb"[A-Za-z0-9+/_=-]{1024,}")
_SEARCHED_FROM = 4 << 10
_BOUND = re.compile(
    rb'"(?:max_completion_tokens|max_output_tokens|max_tokens|max_tokens_to_sample|maxOutputTokens|maxTokens)"'
    rb"\s*:\s*([0-9]{1,9})\b"
)


class RequestSize(NamedTuple):
    """size: bytes of a body. encoded, images: bytes of base64 among them, and the number of their runs."""

    size: int
    encoded: int
    images: int


def size_of(body: bytes) -> RequestSize:
    """Return the size of *body*; runs of base64 are told apart, because images cost less than their bytes as text."""
    if len(body) < _SEARCHED_FROM:
        return RequestSize(len(body), 0, 0)
    encoded = images = 0
    for run in _ENCODED.finditer(body):
        encoded += run.end() - run.start()
        images += 1
    return RequestSize(len(body), encoded, images)


def output_bound(body: Mapping[str, Any]) -> int | None:
    """Return the most output tokens that a parsed body allows, over all its choices; None when it sets no bound."""
    bound = next((found for path in BOUND_PATHS if (found := _number(body, path)) is not None), None)
    if bound is None:
        return None
    choices = next((found for path in CHOICES_PATHS if (found := _number(body, path))), 1)
    return bound * choices


def bound_in_text(body: bytes) -> int | None:
    """Return the same for a body that is too long to parse: the largest bound that its text states."""
    bounds = [int(found[1]) for found in _BOUND.finditer(body)]
    return max(bounds, default=None)


def _number(body: Mapping[str, Any], path: tuple[str, ...]) -> int | None:
    value: Any = body
    for key in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value if value.__class__ is int and value >= 0 else None
