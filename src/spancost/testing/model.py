# SPDX-License-Identifier: Apache-2.0
"""The model behind every wire: a deterministic answer to a request, what it used, and the provider's prompt cache."""

from __future__ import annotations

import hashlib
import math
import re
import threading

from spancost.testing.bill import Price
from spancost.testing.reply import Reply
from spancost.testing.usage import Usage
from spancost.testing.wires.exchange import Asked, Segment

_BYTES_PER_TOKEN = 4
_CACHE_FROM = 1024
"""Providers cache prompts from this many tokens on."""
_CACHE_STEP = 128
"""Automatic caches keep prefixes in steps of this many tokens."""
_THOUGHT = 64
"""Default reasoning tokens of a reasoning model."""
_DIMENSIONS = 64


def token_count(text: str) -> int:
    """Return how many tokens *text* is: its UTF-8 bytes by four, rounded up."""
    return math.ceil(len(text.encode()) / _BYTES_PER_TOKEN)


def answer(asked: Asked) -> str:
    """Return the text a request gets when no scenario gives one: the same request, the same text."""
    digest = hashlib.sha256("".join(segment.text for segment in asked.segments).encode()).hexdigest()[:8]
    return f"This is the answer to request {digest}, and it is the same every time."


def embedding(text: str) -> tuple[float, ...]:
    """Return a unit vector that counts the words of *text*, so that texts with words in common are near each other."""
    counts = [0.0] * _DIMENSIONS
    for word in re.findall(r"[a-z0-9]+", text.lower()):
        counts[int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") % _DIMENSIONS] += 1.0
    length = math.sqrt(sum(count * count for count in counts)) or 1.0
    return tuple(count / length for count in counts)


class PromptCache:
    """What a provider's cache holds, by model; nothing expires. Thread-safe."""

    def __init__(self) -> None:
        self._held: set[tuple[str, str]] = set()
        self._lock = threading.Lock()

    def automatic(self, model: str, segments: tuple[Segment, ...]) -> tuple[int, int]:
        """Return the tokens of the prompt's longest known prefix, and those newly kept; prefixes grow by steps."""
        prompt = "".join(segment.text for segment in segments).encode()
        steps = len(prompt) // (_CACHE_STEP * _BYTES_PER_TOKEN)
        keys = [
            (model, hashlib.sha256(prompt[: step * _CACHE_STEP * _BYTES_PER_TOKEN]).hexdigest())
            for step in range(_CACHE_FROM // _CACHE_STEP, steps + 1)
        ]
        with self._lock:
            known = max((index for index, key in enumerate(keys) if key in self._held), default=-1)
            self._held.update(keys)
        first = _CACHE_FROM // _CACHE_STEP
        read = (first + known) * _CACHE_STEP if known >= 0 else 0
        kept = steps * _CACHE_STEP if keys else 0
        return read, kept - read

    def marked(self, model: str, segments: tuple[Segment, ...]) -> tuple[int, dict[str, int]]:
        """Return the tokens up to the last known mark, and those written for further marks by time to live."""
        marks: list[tuple[tuple[str, str], int, str]] = []
        digest, tokens = hashlib.sha256(), 0
        for segment in segments:
            digest.update(segment.text.encode() + b"\0")
            tokens += token_count(segment.text)
            if segment.ttl and tokens >= _CACHE_FROM:
                marks.append(((model, digest.hexdigest()), tokens, segment.ttl))
        with self._lock:
            read = max((upto for key, upto, _ in marks if key in self._held), default=0)
            self._held.update(key for key, _, _ in marks)
        written: dict[str, int] = {}
        start = read
        for _, upto, ttl in marks:
            if upto > start:
                written[ttl] = written.get(ttl, 0) + upto - start
                start = upto
        return read, written


def usage_of(asked: Asked, reply: Reply, text: str, price: Price | None, cache: PromptCache) -> Usage:
    """Return what *asked*, answered with *text*, uses: counted from the texts, the cache and the model's habits."""
    if asked.inputs:
        return Usage(input_tokens=sum(map(token_count, asked.inputs)))
    thought = token_count(reply.thinking or "") or (_THOUGHT if price and price.reasons else 0)
    calls = sum(token_count(call.name + repr(sorted(call.arguments.items()))) for call in reply.tool_calls)
    usage = Usage(
        input_tokens=sum(token_count(segment.text) for segment in asked.segments),
        output_tokens=token_count(text) + calls + thought,
        reasoning_tokens=thought,
        web_searches=int(asked.web_search),
    )
    if price is None:
        return usage
    if price.caches == "marked":
        read, written = cache.marked(asked.model, asked.segments)
        writes = {"cache_write_5m_tokens": written.get("5m", 0), "cache_write_1h_tokens": written.get("1h", 0)}
        return usage._replace(cache_read_tokens=read, **writes)
    if price.caches == "automatic":
        read, kept = cache.automatic(asked.model, asked.segments)
        charged = kept if "cache_write" in price.rates[""] else 0
        return usage._replace(cache_read_tokens=read, cache_write_tokens=charged)
    return usage
