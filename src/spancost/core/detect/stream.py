# SPDX-License-Identifier: Apache-2.0
"""Contexts of a session: calls that continue each other, told apart by model, size and time.

A session may run several agents at once, each with a context of its own. Calls that overlap cannot continue each other,
and a context does not shrink but by compaction, which begins a new one.
"""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode
from spancost.core.detect.loop_state import LoopState
from spancost.core.detect.observation import Observation

KEPT = 8
"""Calls of a stream kept as evidence: what the longest pattern needs before it alarms."""
_SHRINKS = 256
"""Tokens by which a context may shrink and go on: a reminder that is left out, say."""
_AT_ONCE = 10
"""Part of a call after which the next one is no call at the same time: instrumentations report ends late."""
JUMP = 50_000
"""Tokens by which any context may grow in one call."""


_NONE: dict[str, Episode] = {}
"""Stands for the episodes of a stream without one, which most are; never changed."""


class Stream:
    """One context: its last call, those before that are kept as evidence, and what each rule keeps.

    recent: the last calls, a ring by the number of the call. input, output, cached, written: tokens of all calls.
    again: input that the call before had too; again_cached: the part of it that was read from the cache.
    """

    __slots__ = (
        "again", "again_cached", "cached", "calls", "cold", "cost_femto", "episodes", "first_ns", "input", "last",
        "long_ttl", "loop", "model", "output", "recent", "repeats", "rises", "similar", "warm", "written",
    )  # fmt: skip

    def __init__(self, call: Observation) -> None:
        self.model = call.model
        self.last = call
        self.recent = [call]
        self.first_ns = call.start_ns
        self.rises = 0
        self.repeats = self.similar = 0
        self.cold = self.warm = 0
        self.long_ttl = False
        self.calls = 1
        self.cost_femto = call.cost_femto
        self.input, self.output = call.input, call.output
        self.cached, self.written = call.cache_read, call.cache_write
        self.again = self.again_cached = 0
        self.loop = LoopState()
        self.episodes = _NONE

    def begin(self, episode: Episode) -> Episode:
        """Keep an episode that begins and return it."""
        self.episodes = {**self.episodes, episode.rule: episode}
        return episode

    def end_episode(self, rule: str) -> None:
        """End the episode of a rule, if there is one."""
        if rule in self.episodes:
            self.episodes = {name: episode for name, episode in self.episodes.items() if name != rule}

    def fits(self, call: Observation) -> bool:
        """Return whether *call* may continue this context."""
        last = self.last
        if call.model != self.model or call.start_ns < last.start_ns + (last.end_ns - last.start_ns) // _AT_ONCE:
            return False
        size, before = call.input, last.input
        return size + _SHRINKS >= before - before // 50 and size <= 4 * before + JUMP

    def lately(self, number: int) -> list[Observation]:
        """Return the last calls before the one that is looked at, at most *number* and `KEPT`."""
        recent = self.recent
        if self.calls > len(recent):
            place = self.calls % KEPT
            recent = recent[place:] + recent[:place]
        return recent[max(0, len(recent) - number) :]


class Session:
    """The contexts of a session that has had several, the last used at the end."""

    __slots__ = ("streams",)

    def __init__(self, first: Stream) -> None:
        self.streams = [first]

    def stream(self, call: Observation, limit: int) -> Stream | None:
        """Return the context that *call* continues; None when it begins one, of which there are at most *limit*."""
        streams = self.streams
        best: Stream | None = None
        for stream in streams:
            if stream.fits(call) and (
                best is None or abs(call.input - stream.last.input) < abs(call.input - best.last.input)
            ):
                best = stream
        if best is None:
            if len(streams) >= limit:
                del streams[0]
            streams.append(Stream(call))
        elif streams[-1] is not best:
            streams.remove(best)
            streams.append(best)
        return best
