# SPDX-License-Identifier: Apache-2.0
"""Configures the provider server: replies as data, matched to requests in order."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from spancost.testing.usage import Usage


@dataclass(frozen=True)
class ToolCall:
    """A tool the model asks for: its name and arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """One answer of the server; what is None or empty is derived from the request.

    when: request facts this reply is for (provider, operation, model); empty matches any.
    text, thinking: what the model says. tool_calls: what it asks for. model: the name in the response.
    usage: what is used and billed. service_tier: the tier that served.
    status, error, retry_after: an HTTP error in place of an answer, and its `retry-after` in seconds.
    report_usage: False leaves usage out of the answer; it is billed all the same.
    cut_after_events: the stream breaks off after so many events.
    delay_seconds: before the headers. pause_seconds: before each event. compressed: gzip.
    times: how often this reply is given before it is used up.
    """

    when: Mapping[str, str] = field(default_factory=dict)
    text: str | None = None
    thinking: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    model: str | None = None
    usage: Usage | None = None
    service_tier: str | None = None
    status: int = 200
    error: str = ""
    retry_after: float | None = None
    report_usage: bool = True
    cut_after_events: int | None = None
    delay_seconds: float = 0.0
    pause_seconds: float = 0.0
    compressed: bool = False
    times: int = 1


DERIVED = Reply()
"""The answer to a request no scenario speaks of."""


class Scenario:
    """Replies handed out in order: each request takes the first one left that matches it. Thread-safe."""

    def __init__(self, replies: Iterable[Reply] = ()) -> None:
        self._replies = tuple(replies)
        self._left = [reply.times for reply in self._replies]
        self._lock = threading.Lock()

    @classmethod
    def load(cls, path: Path) -> Scenario:
        """Return the scenario in the JSON file at *path*: `{"replies": [fields of Reply, …]}`, unknown keys refused."""
        document = json.loads(path.read_text(encoding="utf-8"))
        return cls(_reply(row, f"{path.name}, replies[{index}]") for index, row in enumerate(document["replies"]))

    def take(self, facts: Mapping[str, str]) -> Reply:
        """Return the reply to a request with *facts* (provider, operation, model), and use it up."""
        with self._lock:
            for index, reply in enumerate(self._replies):
                if self._left[index] and all(facts.get(key) == value for key, value in reply.when.items()):
                    self._left[index] -= 1
                    return reply
        return DERIVED

    def remaining(self) -> int:
        """Return how many replies have not been given yet."""
        with self._lock:
            return sum(self._left)


_KEYS = frozenset(item.name for item in fields(Reply))


def _reply(row: dict[str, Any], where: str) -> Reply:
    unknown = row.keys() - _KEYS
    if unknown:
        raise ValueError(f"{where}: found {', '.join(sorted(unknown))}; expected keys among {', '.join(sorted(_KEYS))}")
    calls = tuple(ToolCall(call["name"], call.get("arguments", {})) for call in row.get("tool_calls", ()))
    usage = Usage(**row["usage"]) if "usage" in row else None
    return Reply(**{**row, "tool_calls": calls, "usage": usage})
