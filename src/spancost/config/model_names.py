# SPDX-License-Identifier: Apache-2.0
"""Names of models that bills and calls are compared by: without dates, versions, regions and the maker's prefix."""

from __future__ import annotations

import re
from functools import lru_cache

from spancost.config import data

_PREFIX = re.compile(
    r"^(?:(?:global|us|eu|apac|jp|au|ca|sa|us-gov)\.)?(?:anthropic|amazon|meta|mistral|cohere|ai21|deepseek|openai|qwen|"
    r"moonshot|moonshotai|minimax|google|nvidia|zai|xai|stability|twelvelabs|writer|luma)\.(?=[a-z])"
)
_SUFFIX = re.compile(
    r"(?:[-@](?:20\d{2}-\d{2}-\d{2}|20\d{6}|latest|default)|-v\d+(?::\d+)?(?::\d+k)?|-\d:0|:0|-instruct-v\d+)$"
)


def family_of(model: str) -> str:
    """Return the name that a model has in every spelling: `us.anthropic.claude-x-20250929-v1:0` is `claude-x`."""
    name = _PREFIX.sub("", "-".join(model.lower().split()))
    if "claude" in name:  # written with a point and with a hyphen
        name = name.replace(".", "-")
    while (shorter := _SUFFIX.sub("", name)) != name:
        name = shorter
    return name


@lru_cache(maxsize=256)
def _families(provider: str) -> frozenset[str]:
    line = data.default_card().provider(provider)
    if line is None:
        return frozenset()
    return frozenset(family_of(name) for name in (*line["models"], *line.get("names", ())))


@lru_cache(maxsize=8192)
def family_named(provider: str, model: str) -> str | None:
    """Return the family of a model that *provider* sells, None when the newest card has no such model."""
    family = family_of(model)
    return family if family in _families(provider) else None


@lru_cache(maxsize=1024)
def provider_named(name: str) -> str | None:
    """Return the canonical name of a provider, None for an unknown one."""
    return data.default_names().canonical(name)
