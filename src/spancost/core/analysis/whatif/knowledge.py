# SPDX-License-Identifier: Apache-2.0
"""What is known of models beside their rates: tokenizers, rules of prompt caches, largest inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple


class Factor(NamedTuple):
    """Tokens of one tokenizer for 1,000 tokens of another: a range."""

    low: int
    expected: int
    high: int


SAME = Factor(1000, 1000, 1000)


class CacheRule(NamedTuple):
    """How a provider caches prompts.

    Attributes:
        minimum: tokens of a prompt below which nothing is cached.
        life_seconds: from the last use.
        writes: lifetime of the writes that are billed (`5m`, `30m`), "" when writing is free.
        step: cached tokens are a multiple of this.
    """

    minimum: int
    life_seconds: int
    writes: str
    step: int


class Knowledge:
    """Answers questions about models by the compiled data."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        """*content* is pricing/compiled/whatif.json."""
        self._tokenizers: Sequence[Mapping[str, Any]] = content["tokenizers"]
        self._caches: Sequence[Mapping[str, Any]] = content["caches"]
        self._limits: Mapping[str, Mapping[str, Sequence[int]]] = content["limits"]

    def factor(self, source: str, target: str) -> Factor:
        """Return how many tokens the model *target* counts for 1,000 tokens of the model *source*."""
        one, two = self._tokenizer(source), self._tokenizer(target)
        if one["id"] == two["id"] and one["id"] != "unknown":
            return SAME
        if one["id"] in two.get("relative", {}):
            return Factor(*two["relative"][one["id"]])
        if two["id"] in one.get("relative", {}):
            low, expected, high = one["relative"][two["id"]]
            return Factor(1_000_000 // high, 1_000_000 // expected, 1_000_000 // low)
        (low, expected, high), (to_low, to_expected, to_high) = one["tokens"], two["tokens"]
        return Factor(to_low * 1000 // high, to_expected * 1000 // expected, to_high * 1000 // low)

    def cache_rule(self, provider: str, model: str) -> CacheRule | None:
        """Return the rule of the provider's cache for *model*; None when none is known."""
        for row in self._caches:
            if provider in row["providers"] and _matches(model, row["models"]):
                writes = "" if row["writes"] == "free" else row["writes"]
                return CacheRule(row["minimum"], row["life_seconds"], writes, row.get("step", 1))
        return None

    def largest_input(self, provider: str, model: str) -> int | None:
        """Return the largest input of *model* in tokens; None when it is not known."""
        held = self._limits.get(provider, {}).get(model)
        return held[0] if held and held[0] else None

    def largest_output(self, provider: str, model: str) -> int | None:
        """Return the largest output of *model* in tokens; None when it is not known.

        provider: "" for the largest of the model at any provider.
        """
        if not provider:
            return max([rows[model][1] for rows in self._limits.values() if model in rows], default=0) or None
        held = self._limits.get(provider, {}).get(model)
        return held[1] if held and held[1] else None

    def _tokenizer(self, model: str) -> Mapping[str, Any]:
        name = model.lower().rsplit("/", 1)[-1]
        # Bedrock: `us.anthropic.claude-…`.
        head, dot, rest = name.rpartition("anthropic.")
        return next(row for row in self._tokenizers if _matches(rest if dot else head or name, row["models"]))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
