# SPDX-License-Identifier: Apache-2.0
"""Contexts of a session: calls that continue each other, told apart by model, size and time.

A session may run several agents at once, each with a context of its own. Calls that overlap cannot continue each other,
and a context does not shrink but by compaction, which begins a new one.
"""

from __future__ import annotations

from spancost.core.detect.anomaly import Episode, Seen
from spancost.core.detect.loop_state import LoopState
from spancost.core.detect.observation import Observation

KEPT = 8
"""Calls of a stream kept as evidence: what the longest pattern needs before it alarms."""
_SHRINKS = 256
"""Tokens by which a context may shrink and go on: a reminder that is left out, say."""
_JUMP = 50_000
"""Tokens by which any context may grow in one call."""


class Stream:
    """One context: its last call, and what each rule keeps of those before."""

    __slots__ = (
        "cached_permille", "cold", "end_ns", "episodes", "has_grown", "input", "long_ttl", "loop", "model", "output",
        "recent", "repeats", "similar", "start_ns", "warm", "was_error",
    )  # fmt: skip

    def __init__(self, call: Observation) -> None:
        self.model = call.model
        self.has_grown = False
        self.repeats = self.similar = 0
        self.cached_permille = -1
        self.cold = self.warm = 0
        self.long_ttl = False
        self.loop = LoopState()
        self.recent: list[Seen] = []
        self.episodes: dict[str, Episode] = {}
        self.input = self.output = 0
        self.start_ns = self.end_ns = 0
        self.was_error = False

    def fits(self, call: Observation) -> bool:
        """Return whether *call* may continue this context."""
        last = self.input
        if call.model != self.model or call.start_ns < self.start_ns + (self.end_ns - self.start_ns) // 2:
            return False
        size = call.input
        return size + _SHRINKS >= last - last // 50 and size <= 4 * last + _JUMP

    def end(self, call: Observation) -> None:
        """Keep *call* as the last one."""
        self.input, self.output = call.input, call.output
        self.start_ns, self.end_ns = call.start_ns, call.end_ns
        self.was_error = call.error
        recent = self.recent
        recent.append(call.seen())
        if len(recent) > KEPT:
            del recent[0]


class Session:
    """The contexts of one session, the last used at the end."""

    __slots__ = ("streams",)

    def __init__(self) -> None:
        self.streams: list[Stream] = []

    def stream(self, call: Observation, limit: int) -> Stream:
        """Return the context that *call* continues, else a new one; there are at most *limit*."""
        streams = self.streams
        if len(streams) == 1 and streams[0].fits(call):
            return streams[0]
        best: Stream | None = None
        for stream in streams:
            if stream.fits(call) and (best is None or abs(call.input - stream.input) < abs(call.input - best.input)):
                best = stream
        if best is None:
            if len(streams) >= limit:
                del streams[0]
            best = Stream(call)
            streams.append(best)
        elif streams[-1] is not best:
            streams.remove(best)
            streams.append(best)
        return best
