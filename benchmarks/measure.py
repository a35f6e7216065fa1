# SPDX-License-Identifier: Apache-2.0
"""Timing variants of one thing in turn, so that a busy machine slows all of them alike."""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import repeat

BATCH_NS = 4_000_000
"""CPU time one batch aims at: long against the clock's own cost (0.3 µs), short against a scheduler slice."""


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Variant:
    """One way of doing the thing under test.

    run: does it *n* times, and is what the clock sees. settle: brings the world back to rest after a batch, unseen.
    prepare: what a batch needs before it, unseen too.
    calls: how often `run` does it in a batch, None to choose a count that fills `BATCH_NS`.
    """

    name: str
    run: Callable[[int], object]
    settle: Callable[[], object] = _nothing
    calls: int | None = None
    prepare: Callable[[], object] = _nothing


@dataclass(slots=True)
class Timing:
    """CPU time of one variant's calls, µs each, one sample a round."""

    name: str
    samples: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def p10(self) -> float:
        """The 10th percentile: what the call costs when nothing else disturbs the core."""
        ordered = sorted(self.samples)
        return ordered[len(ordered) // 10]


def called(call: Callable[[], object]) -> Callable[[int], object]:
    """Return a batch runner of *call*; the loop and the call together cost about 0.04 µs."""

    def run(calls: int) -> None:
        for _ in repeat(None, calls):
            call()

    return run


def interleave(variants: Sequence[Variant], *, rounds: int, seed: int = 0) -> dict[str, Timing]:
    """Time every variant once a round, in a new random order each round, and return the timings by name.

    The clock is this thread's CPU time. The garbage collector runs between batches, not inside them, so that no
    variant pays for another's litter; everything imported before is frozen out of its sight.
    """
    calls = {variant.name: variant.calls or _calls_for(variant) for variant in variants}
    timings = {variant.name: Timing(variant.name) for variant in variants}
    order = list(variants)
    shuffle = random.Random(seed).shuffle
    gc.collect()
    gc.freeze()
    for _ in range(rounds):
        shuffle(order)
        for variant in order:
            timings[variant.name].samples.append(_batch_ns(variant, calls[variant.name]) / calls[variant.name] / 1000)
    gc.unfreeze()
    return timings


def _batch_ns(variant: Variant, calls: int) -> int:
    variant.prepare()
    gc.collect()
    gc.disable()
    started = time.thread_time_ns()
    variant.run(calls)
    spent = time.thread_time_ns() - started
    gc.enable()
    variant.settle()
    return spent


def _calls_for(variant: Variant) -> int:
    """Return how many calls fill a batch, once the first ones have filled the variant's caches."""
    for _ in range(3):
        _batch_ns(variant, 1)
    calls = 1
    while True:
        spent = _batch_ns(variant, calls)
        if spent > BATCH_NS / 4:
            return max(1, calls * BATCH_NS // spent)
        calls *= 4


def ratio(variant: Timing, base: Timing) -> float:
    """Return the median over the rounds of *variant* / *base*, each pair taken in the same round."""
    return statistics.median(a / b for a, b in zip(variant.samples, base.samples, strict=True))


def added(variant: Timing, base: Timing) -> float:
    """Return the median over the rounds of *variant* − *base*, µs, each pair taken in the same round."""
    return statistics.median(a - b for a, b in zip(variant.samples, base.samples, strict=True))
