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


_NEVER = 1 << 200

_NONE: dict[str, Episode] = {}
"""Stands for the episodes of a stream without one, which most are; never changed."""


class Stream:
    """One context: its last call, those before that are kept as evidence, and what each rule keeps.

    recent: the last calls, a ring by the number of the call. flat_calls: those after which the context had not grown,
    or after its last fall all calls until then. added: calls that `input`, `output`, `cached` and `written` hold, sums
    of tokens; at most `KEPT` are left out. fell: tokens by which the context fell; beyond: what was read from the cache
    beyond the size of the call before.
    """

    __slots__ = (
        "added", "beyond", "cached", "calls", "cold", "cost_femto", "episodes", "fell", "first_ns", "flat_calls",
        "input", "last", "long_ttl", "loop", "model", "output", "recent", "repeats", "similar", "warm", "written",
    )  # fmt: skip

    def __init__(self, call: Observation) -> None:
        self.model = call.model
        self.last = call
        self.recent = [call]
        self.first_ns = call.start_ns
        self.repeats = self.similar = 0
        self.cold = self.warm = 0
        self.long_ttl = False
        self.calls = self.flat_calls = 1
        self.cost_femto = call.cost_femto
        self.added = self.input = self.output = self.cached = self.written = 0
        self.fell, self.beyond = 0, call.cache_read
        self.loop = LoopState()
        self.episodes = _NONE

    @property
    def rises(self) -> int:
        """How many times in a row the context has grown, calls of the same size left out."""
        return self.calls - self.flat_calls

    def add_up(self, calls: list[Observation]) -> None:
        """Add the calls since the last time to the sums of tokens."""
        size = output = cached = written = 0
        for call in calls:
            size += call.input
            output += call.output
            cached += call.cache_read
            written += call.cache_write
        self.input += size
        self.output += output
        self.cached += cached
        self.written += written
        self.added += len(calls)

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
        last, start_ns = self.last, call.start_ns
        if call.model != self.model or (
            start_ns < last.end_ns and start_ns < last.start_ns + (last.end_ns - last.start_ns) // _AT_ONCE
        ):
            return False
        size, before = call.input, last.input
        if size >= before:
            return size <= 4 * before + JUMP
        return size + _SHRINKS >= before - before // 50

    def lately(self, number: int) -> list[Observation]:
        """Return the last calls before the one that is looked at, at most *number* and `KEPT`."""
        recent = self.recent
        if self.calls > len(recent):
            place = self.calls % KEPT
            recent = recent[place:] + recent[:place]
        return recent[max(0, len(recent) - number) :]


class Session:
    """The contexts of a session that has had several, the last used at the end.

    above: least size, from that of the context last used on, of the other contexts.
    """

    __slots__ = ("above", "streams")

    def __init__(self, first: Stream) -> None:
        self.streams = [first]
        self.above = _NEVER

    def stream(self, call: Observation, limit: int) -> Stream | None:
        """Return the context that *call* continues, the nearest by size.

        None when it begins one, which takes the place of the one that was not used for longest when there are *limit*.
        """
        stream, size = self.streams[-1], call.input
        last = stream.last
        before = last.input
        if (
            before <= size <= before + JUMP
            and 2 * size - before < self.above  # the others are further away
            and last.end_ns <= call.start_ns
            and call.model == stream.model
        ):
            return stream
        return self._nearest(call, limit)

    def _nearest(self, call: Observation, limit: int) -> Stream | None:
        streams, size = self.streams, call.input
        best: Stream | None = None
        nearest = 0
        for stream in streams:
            apart = abs(size - stream.last.input)
            if (best is None or apart < nearest) and stream.fits(call):
                best, nearest = stream, apart
        if best is None:
            if len(streams) >= limit:
                del streams[0]
            streams.append(Stream(call))
        elif streams[-1] is not best:
            streams.remove(best)
            streams.append(best)
        self.above = min([each.last.input for each in streams[:-1] if each.last.input >= size], default=_NEVER)
        return best
